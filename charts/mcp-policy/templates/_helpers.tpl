{{/* The labels of every object. */}}
{{- define "mcp-policy.labels" -}}
app.kubernetes.io/name: mcp-policy
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* The metadata of an object with the release's name. */}}
{{- define "mcp-policy.metadata" -}}
name: {{ .Release.Name }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "mcp-policy.labels" . | nindent 2 }}
{{- end }}

{{/* The policy as its author wrote it, from one of two values. */}}
{{- define "mcp-policy.written" -}}
{{- if and .Values.policy .Values.policyText }}
{{- fail "set policy or policyText, and not both" }}
{{- end }}
{{- $policy := .Values.policy }}
{{- if .Values.policyText }}
{{- $policy = fromYaml .Values.policyText }}
{{- if or (hasKey $policy "Error") (not $policy) }}
{{- fail (printf "policyText is not a policy in YAML: %s" (get $policy "Error")) }}
{{- end }}
{{- end }}
{{- if not $policy }}
{{- fail "set policy, or --set-file policyText=policy.yaml: without one everything would be refused" }}
{{- end }}
{{- range $key := list "version" "default" }}
{{- if not (get $policy $key) }}
{{- fail (printf "the policy has no %s; `mcp-policy check` finds what is wrong with it" $key) }}
{{- end }}
{{- end }}
{{- $settings := get $policy "settings" | default dict }}
{{- if not (get $settings "paths") }}
{{- fail "the policy has no settings.paths: name the paths where MCP is, as in [/mcp]" }}
{{- end }}
{{- toYaml $policy }}
{{- end }}

{{/*
The policy with the settings that need a flag or a guard around the filter. It takes
a list: the root, whether headers are held, whether a guard looks for the mark.
*/}}
{{- define "mcp-policy.policy" -}}
{{- $root := index . 0 }}
{{- $policy := fromYaml (include "mcp-policy.written" $root) }}
{{- $settings := get $policy "settings" }}
{{- $sides := dict "hold_request_headers" (index . 1) "mark_requests" (index . 2) }}
{{- range $key, $side := $sides }}
{{- if and (hasKey $settings $key) (ne (get $settings $key) $side) }}
{{- fail (printf "the policy has settings.%s: %t, and it has to be %t here: leave it out, the chart sets it" $key (get $settings $key) $side) }}
{{- end }}
{{- if $side }}
{{- $_ := set $settings $key true }}
{{- end }}
{{- end }}
{{- $_ := set $policy "settings" $settings }}
{{- toYaml $policy }}
{{- end }}

{{/* The image's reference. */}}
{{- define "mcp-policy.image" -}}
{{- required "set image.reference: the image with the module, in your registry" .Values.image.reference }}
{{- end }}

{{/* The image's digest. */}}
{{- define "mcp-policy.sha256" -}}
{{- $sha256 := required "set image.sha256: the digest that your registry gave the image, without `sha256:`" .Values.image.sha256 }}
{{- if eq $sha256 (repeat 64 "0") }}
{{- fail "image.sha256 is 64 zeros: put the digest that your registry gave the image" }}
{{- end }}
{{- $sha256 }}
{{- end }}

{{/* The folder in which the native module's image is mounted. */}}
{{- define "mcp-policy.folder" -}}
{{- $default := ternary "/etc/mcp-policy" "/etc/envoy/mcp-policy" (eq .Values.platform "istio") }}
{{- .Values.native.folder | default $default }}
{{- end }}

{{/* The guard: a filter that refuses what the policy's filter has not marked. */}}
{{- define "mcp-policy.guard" -}}
name: mcp-policy-guard
typed_config:
  "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
  rules:
    policies:
      judged:
        permissions: [{ any: true }]
        principals:
          - filter_state:
              key: wasm.mcp_policy
              string_match: { exact: "yes" }
{{- end }}

{{/* The place directly before the router of a sidecar's inbound listener. */}}
{{- define "mcp-policy.before-router" -}}
context: SIDECAR_INBOUND
listener:
  filterChain:
    filter:
      name: envoy.filters.network.http_connection_manager
      subFilter:
        name: envoy.filters.http.router
{{- end }}
