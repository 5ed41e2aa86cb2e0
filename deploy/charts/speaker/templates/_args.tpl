{{/* The speaker's arguments: what is left empty is left out, and the speaker's own default counts. */}}
{{- define "speaker.args" -}}
{{- $v := .Values }}
- --pprof-port={{ $v.metrics.port }}
{{- if not $v.metrics.enabled }}
- --enable-metrics=false
{{- end }}
{{- if include "speaker.state" . }}
- --state-dir=/var/lib/kube-ovn-speaker
{{- end }}
{{- if include "speaker.config" . }}
- --config=/etc/speaker/speaker.toml
{{- end }}
{{- range $flag, $on := dict "graceful-restart" $v.gracefulRestart.enabled "enable-bfd" $v.bfd.enabled "announce-cluster-ip" $v.announce.clusterIp "local-only" $v.announce.localOnly "extended-nexthop" $v.bgp.extendedNextHop "passivemode" $v.bgp.passive "grpc-writable" $v.grpc.writable }}
{{- if $on }}
- --{{ $flag }}
{{- end }}
{{- end }}
{{- if not $v.events }}
- --events=false
{{- end }}
{{- range $flag, $list := dict "neighbor-address" $v.bgp.neighborAddresses "neighbor-ipv6-address" $v.bgp.neighborIpv6Addresses "allowed-source-addresses" $v.bgp.allowedSourceAddresses "allowed-source-ipv6-addresses" $v.bgp.allowedSourceIpv6Addresses }}
{{- with $list }}
- --{{ $flag }}={{ join "," . }}
{{- end }}
{{- end }}
{{- if $v.bgp.nodeIps }}
- --node-ips={{ join "," $v.bgp.nodeIps }}
{{- else if not $v.hostNetwork }}
- --node-ips=$(NODE_IPS)
{{- end }}
{{- range $flag, $value := dict "neighbor-as" $v.bgp.neighborAs "cluster-as" $v.bgp.clusterAs "router-id" $v.bgp.routerId "holdtime" $v.bgp.holdTime "ebgp-multihop" $v.bgp.ebgpMultihop "graceful-restart-time" $v.gracefulRestart.time "bfd-min-tx" $v.bfd.minTx "bfd-min-rx" $v.bfd.minRx "bfd-detection-multiplier" $v.bfd.multiplier "intent-max-age" $v.state.intentMaxAge "grpc-host" $v.grpc.host "grpc-port" $v.grpc.port "v" $v.verbosity }}
{{- with $value }}
- --{{ $flag }}={{ if kindIs "float64" . }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}
{{- end }}
{{- range $v.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}
