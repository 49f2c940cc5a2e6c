"""What is compared: the Envoys, their policies, and the calls that they get."""

import json
import pathlib

TYPE = "type.googleapis.com/envoy.extensions."

# The grant that the calls are made under, the tools of the calls, and the
# header by which callers are known.
GRANT = "ci"
ALLOWED, DENIED, LIMITED = "tool_25", "tool_denied", "tool_limited"
HEADERS = {
    "content-type": "application/json",
    # Without these two, the native filter skips its work.
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": "2025-06-18",
    "x-agent-id": GRANT,
    "user-agent": "bench",
}

# Bytes of a body, by the name that tables show.
SIZES = {"170 B": 170, "4 KB": 4_000, "64 KB": 64_000, "1 MB": 1_000_000}
# Room for the largest body with what Envoy holds besides.
BUFFER = 4 << 20


def body(tool, size):
    """A call that writes a text of lines into a file, as agents do."""
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": tool, "arguments": {"path": "src/main.rs", "amount": 5, "text": ""}},
    }
    line = 'Lines of some sixty characters, and "quotes" among them.\n'
    room = size - len(json.dumps(call, separators=(",", ":")))
    quoted = json.dumps(line)[1:-1]
    # Whole lines first, then letters: the length is exact.
    call["params"]["arguments"]["text"] = line * (room // len(quoted)) + "x" * (room % len(quoted))
    text = json.dumps(call, separators=(",", ":"))
    assert len(text) == size, (len(text), size)
    return text


def one_tool():
    return {"version": "1", "default": "deny", "tools": {ALLOWED: {}}}


def many_tools(count):
    """Grants by header; for each tool two checks and two limits."""
    limit = {"counter": "calls", "window": "day", "max": 1_000_000_000}
    budget = {**limit, "counter": "spent", "increment_from": "args.amount"}
    rule = {
        "require": [{"conditions": [{"path": "args.path", "op": "starts_with", "value": "src/"}]}],
        "deny_if": [{"conditions": [{"path": "args.amount", "op": "gt", "value": 100}]}],
        "limits": [limit, budget],
    }
    tools = {f"tool_{number}": rule for number in range(count - 2)}
    tools[DENIED] = {**rule, "action": "deny"}
    tools[LIMITED] = {**rule, "limits": [limit, {**limit, "counter": "few", "max": 1}]}
    return {
        "version": "1",
        "default": "deny",
        "identity": [{"header": "x-agent-id"}],
        "grants": {GRANT: {"default": "deny", "tools": tools}},
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


def native():
    """Envoy's own filter, and RBAC that denies a tool by its name."""
    denied = {
        "filter": "envoy.filters.http.mcp",
        "path": [{"key": "params"}, {"key": "name"}],
        "value": {"string_match": {"exact": DENIED}},
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
  if tool == "DENIED" then
    handle:respond({[":status"] = "403"}, "denied")
  end
end
""".replace("DENIED", DENIED)
    return {
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": TYPE + "filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": code},
        },
    }


def variants(module, empty):
    """By name: the filters, and what the access log prints of a call."""
    audit = "%FILTER_STATE(wasm.mcp_audit:PLAIN)%"
    metadata = "%DYNAMIC_METADATA(envoy.filters.http.mcp:{})%"
    known = metadata.format("method") + " " + metadata.format("params:name")
    return {
        "plain": ([], "-"),
        "native": (native(), known),
        "lua": ([lua()], "-"),
        "empty": ([wasm(empty, {})], audit),
        "a": ([wasm(module, one_tool())], audit),
        "b": ([wasm(module, many_tools(50))], audit),
        "c": ([wasm(module, many_tools(10_000))], audit),
    }


NAMES = {
    "plain": "plain proxy",
    "native": "native mcp + RBAC",
    "lua": "Lua, body read",
    "empty": "wasm, deciding nothing",
    "a": "this filter, (a) one tool",
    "b": "this filter, (b) 50 tools",
    "c": "this filter, (c) 10,000 tools",
}


def bootstrap(filters, logged, upstream, admin):
    """Envoy's configuration; `admin` is the file for the admin's address."""
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": TYPE + "filters.http.router.v3.Router"},
    }
    line = f"%START_TIME% %REQ(:METHOD)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %DURATION% {logged}\n"
    access_log = {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": TYPE + "access_loggers.file.v3.FileAccessLog",
            "path": "/dev/null",
            "log_format": {"text_format_source": {"inline_string": line}},
        },
    }
    manager = {
        "@type": TYPE + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "mcp",
        "codec_type": "AUTO",
        "http_filters": [*filters, router],
        "access_log": [access_log],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "mcp",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "mcp", "timeout": "0s"}}],
                }
            ]
        },
    }
    listener = {
        "name": "mcp",
        "address": address(0),
        "per_connection_buffer_limit_bytes": BUFFER,
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }
    cluster = {
        "name": "mcp",
        "type": "STATIC",
        "connect_timeout": "5s",
        "per_connection_buffer_limit_bytes": BUFFER,
        "load_assignment": {
            "cluster_name": "mcp",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(upstream)}}]}],
        },
    }
    return {
        "admin": {"address": address(0)},
        "static_resources": {"listeners": [listener], "clusters": [cluster]},
    }


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def write_bodies(folder):
    """A file for each body: by tool and size, its path."""
    paths = {}
    for tool in (ALLOWED, DENIED, LIMITED):
        for name, size in SIZES.items():
            path = pathlib.Path(folder) / f"{tool}-{size}.json"
            path.write_text(body(tool, size))
            paths[tool, name] = path
    return paths
