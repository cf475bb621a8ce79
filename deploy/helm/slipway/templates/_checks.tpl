{{/* What values mean together, which their schema can't say. */}}
{{- define "slipway.check" -}}
{{- $name := include "slipway.fullname" . }}
{{- if regexMatch "^[0-9]" $name }}{{ fail (printf "fullnameOverride: a Service's name begins with a letter, and %s does not; give another" $name) }}{{ end }}
{{- $owned := dict "host" "host" "http_port" "ports.http" "grpc_port" "ports.grpc" "metrics_port" "ports.metrics" "model_repository" "repository" "model_cache" "cache" "lame_duck_secs" "drain.lameDuckSeconds" "shutdown_timeout" "drain.shutdownTimeoutSeconds" "config" "config" }}
{{- $secret := dict "api_key" "apiKeys.secretName" "api_key_file" "apiKeys.secretName" }}
{{- range $key, $_ := .Values.config }}
{{- with get (merge $secret $owned) (replace "-" "_" $key) }}{{ fail (printf "config.%s: set `%s` instead, from which other things follow too" $key .) }}{{ end }}
{{- end }}
{{- range .Values.env }}
{{- with ternary (get $owned (.name | trimPrefix "SLIPWAY_" | lower)) "" (hasPrefix "SLIPWAY_" .name) }}{{ fail (printf "env: set `%s` instead of a variable, from which other things follow too" .) }}{{ end }}
{{- end }}
{{- if hasKey .Values.config "ssl_ca_certs" }}{{ fail "config.ssl_ca_certs: Kubernetes' probes have no certificate to show; let a proxy ask callers for theirs" }}{{ end }}
{{- $writable := list "/tmp/" "/var/cache/slipway/" }}
{{- range .Values.extraVolumeMounts }}{{ $writable = append $writable (printf "%s/" (trimSuffix "/" .mountPath)) }}{{ end }}
{{- range $key := list "state_file" "trace_file" "record_file" }}
{{- with get $.Values.config $key }}
{{- $file := . }}
{{- $found := false }}
{{- range $writable }}{{ if hasPrefix . $file }}{{ $found = true }}{{ end }}{{ end }}
{{- if not $found }}{{ fail (printf "config.%s: %s is on the read-only root; name a file below %s, or add a volume (extraVolumes, extraVolumeMounts)" $key $file (join " or " $writable)) }}{{ end }}
{{- end }}
{{- end }}
{{- if ne 3 (.Values.ports | values | uniq | len) }}{{ fail "ports: http, grpc and metrics must differ" }}{{ end }}
{{- with .Values.repository }}
{{- if and (eq .source "pvc") (not .pvc.claimName) }}{{ fail "repository.pvc.claimName: source `pvc` needs the name of a PersistentVolumeClaim that exists" }}{{ end }}
{{- if and (eq .source "remote") (not .remote.addresses) }}{{ fail "repository.remote.addresses: source `remote` needs at least one address, as s3://bucket/models" }}{{ end }}
{{- if eq .source "image" }}
{{- if not .image.reference }}{{ fail "repository.image.reference: source `image` needs an image, as registry.example.com/models:1" }}{{ end }}
{{- if semverCompare "<1.33.0-0" $.Capabilities.KubeVersion.Version }}{{ fail (printf "repository.source: an image as a volume needs Kubernetes 1.33 or newer, and this is %s; use `pvc` or `remote`" $.Capabilities.KubeVersion.Version) }}{{ end }}
{{- end }}
{{- end }}
{{- if and (eq (toString .Values.strategy.maxSurge | trimSuffix "%") "0") (eq (toString .Values.strategy.maxUnavailable | trimSuffix "%") "0") }}{{ fail "strategy: maxSurge and maxUnavailable can't both be 0, no pod could ever be replaced" }}{{ end }}
{{- with .Values.autoscaling }}
{{- if gt (int .minReplicas) (int .maxReplicas) }}{{ fail (printf "autoscaling: minReplicas (%d) must be at most maxReplicas (%d)" (int .minReplicas) (int .maxReplicas)) }}{{ end }}
{{- if .enabled }}
{{- if not (or .requestsInFlightPerReplica .requestsWaitingPerReplica .requestsPerSecondPerReplica .sequencesPerReplica) }}{{ fail "autoscaling: give at least one of requestsInFlightPerReplica, requestsWaitingPerReplica, requestsPerSecondPerReplica, sequencesPerReplica" }}{{ end }}
{{- if lt (include "slipway.seconds" .window | int) (mul 4 (include "slipway.seconds" $.Values.monitoring.interval | int)) }}{{ fail (printf "autoscaling.window: %s is shorter than 4 times monitoring.interval (%s), too few scrapes for a rate" .window $.Values.monitoring.interval) }}{{ end }}
{{- end }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) (not .Values.ingress.grpcHost) }}{{ fail "ingress.host: an enabled ingress needs a host" }}{{ end }}
{{- with .Values.gateway }}
{{- if and .enabled (not .parentRefs) }}{{ fail "gateway.parentRefs: an enabled route needs a Gateway, as [{name: GATEWAY}]" }}{{ end }}
{{- if and .canary.weight (not .canary.service) }}{{ fail "gateway.canary.service: a weight needs the name of the other release's Service" }}{{ end }}
{{- if eq .canary.service $name }}{{ fail "gateway.canary.service: that is this release's own Service" }}{{ end }}
{{- end }}
{{- end }}

{{/* Of a duration in seconds or minutes, which is all that the schema lets through. */}}
{{- define "slipway.seconds" -}}
{{- mul (trimAll "sm" . | int) (ternary 60 1 (hasSuffix "m" .)) }}
{{- end }}
