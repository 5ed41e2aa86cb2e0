{{/* The state directory is the node's and belongs to root at first; this may do nothing but change owners. */}}
{{- define "speaker.prepare" -}}
image: {{ include "speaker.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
command: [/kube-ovn/kube-ovn-speaker]
args: [prepare, --dir=/var/lib/kube-ovn-speaker, "--owner=65534:65534"]
resources:
  requests:
    cpu: 10m
    memory: 16Mi
securityContext:
  runAsUser: 0
  runAsGroup: 0
  runAsNonRoot: false
  allowPrivilegeEscalation: false
  capabilities:
    drop: [ALL]
    add: [CHOWN]
  privileged: false
  readOnlyRootFilesystem: true
volumeMounts:
  - name: state
    mountPath: /var/lib/kube-ovn-speaker
{{- end }}

{{- define "speaker.container" -}}
image: {{ include "speaker.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
command: [/kube-ovn/kube-ovn-speaker]
args:
  {{- include "speaker.args" . | trim | nindent 2 }}
env:
  {{- range $name, $path := dict "NODE_NAME" "spec.nodeName" "POD_IP" "status.podIP" "POD_IPS" "status.podIPs" "POD_NAMESPACE" "metadata.namespace" "POD_NAME" "metadata.name" }}
  - name: {{ $name }}
    valueFrom:
      fieldRef:
        fieldPath: {{ $path }}
  {{- end }}
  {{- if not .Values.hostNetwork }}
  - name: NODE_IPS
    valueFrom:
      fieldRef:
        fieldPath: status.hostIPs
  {{- end }}
{{- if .Values.metrics.enabled }}
ports:
  - name: metrics
    containerPort: {{ .Values.metrics.port }}
    protocol: TCP
livenessProbe:
  httpGet:
    path: /livez
    port: metrics
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet:
    path: /readyz
    port: metrics
  periodSeconds: 5
  timeoutSeconds: 5
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  allowPrivilegeEscalation: false
  capabilities:
    drop: [ALL]
    {{- if .Values.bgp.passive }}
    add: [NET_BIND_SERVICE]
    {{- end }}
  privileged: false
  readOnlyRootFilesystem: true
volumeMounts:
  - name: tmp
    mountPath: /tmp
  {{- if include "speaker.state" . }}
  - name: state
    mountPath: /var/lib/kube-ovn-speaker
  {{- end }}
  {{- if include "speaker.config" . }}
  - name: config
    mountPath: /etc/speaker
    readOnly: true
  {{- end }}
  {{- if .Values.bgp.md5.existingSecret }}
  - name: secrets
    mountPath: /etc/speaker-secrets
    readOnly: true
  {{- end }}
{{- end }}

{{- define "speaker.volumes" -}}
- name: tmp
  emptyDir:
    medium: Memory
    sizeLimit: 1Mi
{{- if include "speaker.state" . }}
- name: state
  hostPath:
    path: {{ .Values.state.hostPath | quote }}
    type: DirectoryOrCreate
{{- end }}
{{- if include "speaker.config" . }}
- name: config
  configMap:
    name: {{ include "speaker.name" . }}
{{- end }}
{{- with .Values.bgp.md5.existingSecret }}
- name: secrets
  secret:
    secretName: {{ . | quote }}
{{- end }}
{{- end }}
