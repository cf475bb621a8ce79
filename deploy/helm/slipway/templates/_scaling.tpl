{{/* How the number of replicas may change, for HPA and KEDA alike. */}}
{{- define "slipway.scalingBehavior" -}}
scaleUp:
  stabilizationWindowSeconds: {{ .scaleUp.stabilizationWindowSeconds }}
  selectPolicy: Max
  policies:
    - {type: Percent, value: {{ .scaleUp.percent }}, periodSeconds: {{ .scaleUp.periodSeconds }}}
    - {type: Pods, value: {{ .scaleUp.pods }}, periodSeconds: {{ .scaleUp.periodSeconds }}}
scaleDown:
  stabilizationWindowSeconds: {{ .scaleDown.stabilizationWindowSeconds }}
  selectPolicy: Max
  policies:
    - {type: Percent, value: {{ .scaleDown.percent }}, periodSeconds: {{ .scaleDown.periodSeconds }}}
    # else a quarter of three replicas would be none
    - {type: Pods, value: 1, periodSeconds: {{ .scaleDown.periodSeconds }}}
{{- end }}

{{/* Targets by the name of their signal, without those that are not used. */}}
{{- define "slipway.scalingTargets" -}}
{{- $targets := dict }}
{{- range $signal, $target := dict "requests-in-flight" .requestsInFlightPerReplica "requests-waiting" .requestsWaitingPerReplica "requests-per-second" .requestsPerSecondPerReplica "sequences" .sequencesPerReplica }}
{{- if $target }}{{ $_ := set $targets $signal $target }}{{ end }}
{{- end }}
{{- toYaml $targets }}
{{- end }}

{{/* The sum over all replicas, of this release's own pods. */}}
{{- define "slipway.scalingQuery" -}}
{{- $pods := printf "namespace=%q, pod=~\"%s-[a-z0-9]+-[a-z0-9]+\"" .root.Release.Namespace (include "slipway.fullname" .root) }}
{{- $models := .root.Values.autoscaling.models }}
{{- $of := printf "%s, model=~%q" $pods $models }}
{{- $named := printf "%s, model_name=~%q" $pods $models }}
{{- $window := .root.Values.autoscaling.window }}
{{- if eq .signal "requests-in-flight" -}}
sum(rate(nv_inference_request_duration_us{ {{- $of -}} }[{{ $window }}])) / 1e6
{{- else if eq .signal "requests-waiting" -}}
sum(nv_inference_pending_request_count{ {{- $of -}} })
{{- else if eq .signal "requests-per-second" -}}
sum(rate(nv_inference_request_success{ {{- $of -}} }[{{ $window }}])) + sum(rate(nv_inference_request_failure{ {{- $of }}, reason="REJECTED"}[{{ $window }}]))
{{- else -}}
sum(vllm:num_requests_running{ {{- $named -}} }) + sum(vllm:num_requests_waiting{ {{- $named -}} })
{{- end }}
{{- end }}
