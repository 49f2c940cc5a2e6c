"""What is compared: filters, the policies that they get, and the Envoys around
them."""

import collections
import json

import calls

TYPE = "type.googleapis.com/envoy.extensions."
# Room for the largest body with what Envoy holds besides.
BUFFER = 4 << 20

# Every variant, as tables and pictures name it.
NAMES = {
    "plain": "Plain proxy",
    "native": "Envoy's MCP filter + RBAC",
    "lua": "Lua",
    "ext_authz": "ext_authz",
    "empty": "A wasm module that decides nothing",
    "wasm": "This filter (wasm)",
    "many": "This filter (wasm), 10,000 tools",
    "module": "This filter (native module)",
    "asking": "This filter (wasm), a limit across replicas",
    "asking_module": "This filter (native module), a limit across replicas",
}
# Those that are this filter with more to do, each with the same filter without it.
# They have tables of their own.
MORE = {"many": "wasm", "asking": "wasm", "asking_module": "module"}
ASKING = ("asking", "asking_module")
# Those that refuse, and the refusals that they can make.
REFUSES = {
    "native": ("denied",),
    "lua": ("denied",),
    "ext_authz": ("denied",),
    "wasm": ("denied", "limited"),
    "module": ("denied", "limited"),
}

# The filters of a variant, what its access log prints of a call, and the port of
# the service that it asks.
Variant = collections.namedtuple("Variant", "filters logged asks", defaults=("-", None))


def variants(modules, authorizer, counter):
    """By key, those that there is a module for. All know the tool of a call, and
    those that can print it do. The ports are of the services that some ask."""
    metadata = "%DYNAMIC_METADATA(envoy.filters.http.mcp:{})%"
    known = metadata.format("method") + " " + metadata.format("params:name")
    audit = "%FILTER_STATE(wasm.mcp_audit:PLAIN)%"
    found = {
        "plain": Variant([]),
        "native": Variant(native(), known),
        "lua": Variant([lua()]),
        "ext_authz": Variant([ext_authz()], asks=authorizer),
        "empty": Variant([wasm(modules["empty"], {})], audit),
        "wasm": Variant([wasm(modules["wasm"], many_tools(50))], audit),
        "many": Variant([wasm(modules["wasm"], many_tools(10_000))], audit),
    }
    found["asking"] = Variant([wasm(modules["wasm"], many_tools(50, across=True))], audit, counter)
    if "module" in modules:
        filters = [native_module(modules["module"], many_tools(50))]
        found["module"] = Variant(filters, audit)
        filters = [native_module(modules["module"], many_tools(50, across=True))]
        found["asking_module"] = Variant(filters, audit, counter)
    return found


def many_tools(count, across=False):
    """Grants by header; for each tool two checks and two limits, of which a service
    may count one across replicas."""
    limit = {"counter": "calls", "window": "day", "max": 1_000_000_000}
    budget = {**limit, "counter": "spent", "increment_from": "args.amount"}
    settings = {}
    if across:
        limit["across"] = "replicas"
        # A loud machine is slow, and a refusal in its place would be cheap.
        service = {"cluster": "asked", "engine": "ratelimit", "domain": "mcp", "timeout_ms": 5000}
        settings = {"settings": {"limit_service": service}}
    rule = {
        "require": [{"conditions": [{"path": "args.path", "op": "starts_with", "value": "src/"}]}],
        "deny_if": [{"conditions": [{"path": "args.amount", "op": "gt", "value": 100}]}],
        "limits": [limit, budget],
    }
    tools = {f"tool_{number}": rule for number in range(count - 2)}
    tools[calls.DENIED] = {**rule, "action": "deny"}
    tools[calls.LIMITED] = {**rule, "limits": [limit, {**limit, "counter": "few", "max": 1}]}
    return {
        **settings,
        "version": "1",
        "default": "deny",
        "identity": [{"header": "x-agent-id"}],
        "grants": {calls.GRANT: {"default": "deny", "tools": tools}},
    }


def wasm(module, policy):
    policy.setdefault("settings", {})["hold_request_headers"] = True
    return {
        "name": "envoy.filters.http.wasm",
        "typed_config": {
            "@type": TYPE + "filters.http.wasm.v3.Wasm",
            "config": {
                "name": "mcp-policy",
                "root_id": "mcp-policy",
                "failure_policy": "FAIL_RELOAD",
                "allow_on_headers_stop_iteration": True,
                "vm_config": {
                    "vm_id": "mcp-policy",
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": str(module)}},
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": json.dumps(policy),
                },
            },
        },
    }


def native_module(library, policy):
    """The same core as a dynamic module, which holds without a flag."""
    return {
        "name": "mcp_policy",
        "typed_config": {
            "@type": TYPE + "filters.http.dynamic_modules.v3.DynamicModuleFilter",
            "dynamic_module_config": {
                "module": {"local": {"filename": str(library)}},
                "do_not_close": True,
                "metrics_namespace": "mcp_policy",
            },
            "filter_name": "mcp-policy",
            "filter_config": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": json.dumps(policy),
            },
        },
    }


def native():
    """Envoy's own MCP filter, and RBAC that denies a tool by its name."""
    denied = {
        "filter": "envoy.filters.http.mcp",
        "path": [{"key": "params"}, {"key": "name"}],
        "value": {"string_match": {"exact": calls.DENIED}},
    }
    policy = {"permissions": [{"metadata": denied}], "principals": [{"any": True}]}
    return [
        {
            "name": "envoy.filters.http.mcp",
            "typed_config": {
                "@type": TYPE + "filters.http.mcp.v3.Mcp",
                "max_request_body_size": BUFFER,
            },
        },
        {
            "name": "envoy.filters.http.rbac",
            "typed_config": {
                "@type": TYPE + "filters.http.rbac.v3.RBAC",
                "rules": {"action": "DENY", "policies": {"tools": policy}},
            },
        },
    ]


def lua():
    """What is found in many configurations: the body, and a pattern."""
    code = """
function envoy_on_request(handle)
  local body = handle:body()
  local text = body:getBytes(0, body:length())
  local tool = string.match(text, '"name"%s*:%s*"([^"]*)"')
  if tool == "TOOL" then
    handle:respond({[":status"] = "403"}, "denied")
  end
end
""".replace("TOOL", calls.DENIED)
    return {
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": TYPE + "filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": code},
        },
    }


def ext_authz():
    """A service that is asked about each call, and gets its body: without that,
    it could not know the tool."""
    return {
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": TYPE + "filters.http.ext_authz.v3.ExtAuthz",
            "transport_api_version": "V3",
            # A loud machine is slow, and a denial in its place would be cheap.
            "grpc_service": {"envoy_grpc": {"cluster_name": "asked"}, "timeout": "10s"},
            "with_request_body": {"max_request_bytes": BUFFER, "pack_as_bytes": True},
        },
    }


def bootstrap(variant, upstream):
    """Envoy's configuration."""
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": TYPE + "filters.http.router.v3.Router"},
    }
    line = f"%START_TIME% %REQ(:METHOD)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %DURATION% {variant.logged}\n"
    access_log = {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": TYPE + "access_loggers.file.v3.FileAccessLog",
            "path": "/dev/null",
            "log_format": {"text_format_source": {"inline_string": line}},
        },
    }
    route = {"match": {"prefix": "/"}, "route": {"cluster": "upstream", "timeout": "0s"}}
    manager = {
        "@type": TYPE + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "mcp",
        "codec_type": "AUTO",
        "http_filters": [*variant.filters, router],
        "access_log": [access_log],
        "route_config": {"virtual_hosts": [{"name": "mcp", "domains": ["*"], "routes": [route]}]},
    }
    listener = {
        "name": "mcp",
        "address": address(0),
        "per_connection_buffer_limit_bytes": BUFFER,
        # Else two workers may get seven and one of eight connections.
        "connection_balance_config": {"exact_balance": {}},
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }
    clusters = [cluster("upstream", upstream)]
    if variant.asks:
        clusters.append({**cluster("asked", variant.asks), **speaking_http2()})
    return {
        "admin": {"address": address(0)},
        "static_resources": {"listeners": [listener], "clusters": clusters},
    }


def cluster(name, port):
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "per_connection_buffer_limit_bytes": BUFFER,
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(port)}}]}],
        },
    }


def speaking_http2():
    options = TYPE + "upstreams.http.v3.HttpProtocolOptions"
    explicit = {"explicit_http_config": {"http2_protocol_options": {}}}
    name = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    return {"typed_extension_protocol_options": {name: {"@type": options, **explicit}}}


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
