{{- define "slipway.podSecurity" -}}
runAsNonRoot: true
{{- range $key, $id := .Values.security }}
{{- if not (kindIs "invalid" $id) }}
{{ $key }}: {{ int64 $id }}
{{- end }}
{{- end }}
{{- if .Values.security.fsGroup }}
fsGroupChangePolicy: OnRootMismatch
{{- end }}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "slipway.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "slipway.models" -}}
{{- if eq .Values.repository.source "remote" }}{{ join "," .Values.repository.remote.addresses }}{{ else }}/models{{ end }}
{{- end }}

{{- define "slipway.volumeMounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: cache, mountPath: /var/cache/slipway}
- {name: config, mountPath: /etc/slipway, readOnly: true}
{{- if .Values.apiKeys.secretName }}
- {name: keys, mountPath: /etc/slipway-keys, readOnly: true}
{{- end }}
{{- with .Values.repository }}
{{- if eq .source "pvc" }}
- {name: models, mountPath: /models, readOnly: {{ .pvc.readOnly }}{{ with .pvc.subPath }}, subPath: {{ . | quote }}{{ end }}}
{{- else if eq .source "image" }}
- {name: models, mountPath: /models, readOnly: true{{ with .image.subPath }}, subPath: {{ . | quote }}{{ end }}}
{{- end }}
{{- end }}
{{- if .Values.sharedMemory.sizeLimit }}
- {name: shared-memory, mountPath: /dev/shm}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "slipway.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: {{ .Values.tmp.sizeLimit }}}
- name: cache
  {{- if .Values.cache.claimName }}
  persistentVolumeClaim: {claimName: {{ .Values.cache.claimName }}}
  {{- else }}
  emptyDir: {sizeLimit: {{ .Values.cache.sizeLimit }}}
  {{- end }}
- name: config
  configMap: {name: {{ include "slipway.fullname" . }}}
{{- with .Values.apiKeys.secretName }}
- name: keys
  secret: {secretName: {{ . }}}
{{- end }}
{{- with .Values.repository }}
{{- if eq .source "pvc" }}
- name: models
  persistentVolumeClaim: {claimName: {{ .pvc.claimName }}, readOnly: {{ .pvc.readOnly }}}
{{- else if eq .source "image" }}
- name: models
  image: {reference: {{ .image.reference | quote }}, pullPolicy: {{ .image.pullPolicy }}}
{{- end }}
{{- end }}
{{- with .Values.sharedMemory.sizeLimit }}
- name: shared-memory
  emptyDir: {medium: Memory, sizeLimit: {{ . }}}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The image has no shell, and Kubernetes no action `sleep` before 1.30. */}}
{{- define "slipway.preStop" -}}
{{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version -}}
sleep: {seconds: {{ .Values.drain.preStopSeconds }}}
{{- else -}}
exec: {command: [python, -c, "import time; time.sleep({{ .Values.drain.preStopSeconds }})"]}
{{- end }}
{{- end }}

{{- define "slipway.scheme" -}}
{{ ternary "HTTPS" "HTTP" (hasKey .Values.config "ssl_certfile") }}
{{- end }}

{{- define "slipway.probes" -}}
{{- $scheme := ternary ", scheme: HTTPS" "" (eq (include "slipway.scheme" .) "HTTPS") }}
{{- with .Values.probes -}}
startupProbe:
  httpGet: {path: /v2/health/ready, port: http{{ $scheme }}}
  periodSeconds: 5
  timeoutSeconds: 2
  failureThreshold: {{ divf .startupSeconds 5 | ceil }}
readinessProbe:
  httpGet: {path: /v2/health/ready, port: http{{ $scheme }}}
  {{- toYaml .readiness | nindent 2 }}
livenessProbe:
  httpGet: {path: /v2/health/live, port: http{{ $scheme }}}
  periodSeconds: {{ .liveness.periodSeconds }}
  timeoutSeconds: {{ .liveness.timeoutSeconds }}
  failureThreshold: {{ divf .liveness.seconds .liveness.periodSeconds | ceil }}
{{- end }}
{{- end }}

{{- define "slipway.resources" -}}
{{- $resources := deepCopy .Values.resources }}
{{- if .Values.gpu.count }}
{{- $gpus := dict .Values.gpu.resource .Values.gpu.count }}
{{- range $part := list "requests" "limits" }}
{{- $_ := set $resources $part (merge (dict) $gpus (get $resources $part | default dict)) }}
{{- end }}
{{- end }}
{{- toYaml $resources }}
{{- end }}
