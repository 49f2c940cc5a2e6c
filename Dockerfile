# The module as an image that Istio and Envoy Gateway pull: one file, one layer.
#
#     make build
#     BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker build --platform linux/amd64 -t IMAGE .
#
# `make image` makes the same image without Docker, with the labels from here.
# One platform and no attestations, because with more Docker pushes an index, of
# which the fetchers take the manifest for linux/amd64 or none.
FROM scratch
LABEL org.opencontainers.image.title="mcp-policy-filter"
LABEL org.opencontainers.image.description="An Envoy proxy-wasm filter that puts policy on every MCP tool call"
LABEL org.opencontainers.image.version="0.1.0"
LABEL org.opencontainers.image.licenses="Apache-2.0"
COPY target/mcp_policy_filter.wasm /plugin.wasm
