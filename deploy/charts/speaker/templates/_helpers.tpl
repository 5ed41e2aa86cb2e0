{{/* The names are the published ones, whatever the release is called: one of them a namespace. */}}
{{- define "speaker.name" -}}
kube-ovn-speaker
{{- end }}

{{- define "speaker.selector" -}}
app: kube-ovn-speaker
{{- end }}

{{- define "speaker.labels" -}}
app: kube-ovn-speaker
component: network
type: infra
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "speaker.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Whether the speaker has a directory of the node: "true" or nothing. */}}
{{- define "speaker.state" -}}
{{- if or .Values.state.enabled .Values.gracefulRestart.enabled }}true{{ end }}
{{- end }}

{{/* Whether there is a configuration file: "true" or nothing. */}}
{{- define "speaker.config" -}}
{{- if or .Values.config .Values.bgp.md5.existingSecret }}true{{ end }}
{{- end }}

{{/* What the schema cannot say: one sentence each. */}}
{{- define "speaker.check" -}}
{{- $neighbors := or .Values.bgp.neighborAddresses .Values.bgp.neighborIpv6Addresses }}
{{- if not (or $neighbors .Values.config) }}
{{- fail "bgp.neighborAddresses, bgp.neighborIpv6Addresses: at least one router must be given, here or in config" }}
{{- end }}
{{- if and $neighbors (not .Values.bgp.neighborAs) }}
{{- fail "bgp.neighborAs: must be given with bgp.neighborAddresses and bgp.neighborIpv6Addresses" }}
{{- end }}
{{- if and $neighbors (not .Values.bgp.clusterAs) }}
{{- fail "bgp.clusterAs: must be given with bgp.neighborAddresses and bgp.neighborIpv6Addresses" }}
{{- end }}
{{- if and .Values.state.intentMaxAge (not (include "speaker.state" .)) }}
{{- fail "state.intentMaxAge: needs state.enabled, which keeps what was wanted last" }}
{{- end }}
{{- range list "app" "component" "type" }}
{{- if hasKey $.Values.podLabels . }}
{{- fail (printf "podLabels.%s: app, component and type are the published labels, by which the DaemonSet is found, and stay" .) }}
{{- end }}
{{- end }}
{{- if and .Values.podMonitor.enabled (not .Values.metrics.enabled) }}
{{- fail "podMonitor.enabled: needs metrics.enabled" }}
{{- end }}
{{- if and .Values.config .Values.bgp.md5.existingSecret (not (contains "password-file" .Values.config)) }}
{{- fail "bgp.md5.existingSecret: config must name the key itself, password-file = \"/etc/speaker-secrets/…\", for it takes the place of the file the chart would write" }}
{{- end }}
{{- end }}
