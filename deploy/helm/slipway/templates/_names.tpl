{{- define "slipway.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 43 | trimSuffix "-" }}
{{- end }}

{{/* 43 characters, so that neither suffixes nor the hashes in pods' names are cut, by which queries know pods. A
release may have dots, a Service may not. */}}
{{- define "slipway.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name }}
{{- $both := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- .Values.fullnameOverride | default $both | replace "." "-" | trunc 43 | trimSuffix "-" }}
{{- end }}

{{- define "slipway.selectorLabels" -}}
app.kubernetes.io/name: {{ include "slipway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end }}

{{- define "slipway.labels" -}}
{{ include "slipway.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "slipway.metadata" -}}
name: {{ include "slipway.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "slipway.labels" . | nindent 2 }}
{{- end }}

{{- define "slipway.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "slipway.fullname" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{- define "slipway.image" -}}
{{- $version := .Values.image.tag | default (join "-" (compact (list .Chart.AppVersion .Values.image.variant))) }}
{{- with .Values.image }}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ $version }}{{ end }}
{{- end }}
{{- end }}

{{/* What may be asked over gRPC from outside: not what loads and unloads models, or changes settings. */}}
{{- define "slipway.openMethods" -}}
[ServerLive, ServerReady, ServerMetadata, ModelReady, ModelMetadata, ModelConfig, ModelInfer, ModelStreamInfer]
{{- end }}
