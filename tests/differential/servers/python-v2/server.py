"""The official Python SDK, version 2.

Each run of a tool is a line on stdout: `ran TOOL "ARGUMENT"`.
"""

import json
import socket
from typing import Any

import uvicorn
from mcp.server import MCPServer

server = MCPServer("differential", log_level="CRITICAL")


def record(tool: str, run: Any) -> None:
    # One write, so that no other can come between.
    print(f"ran {tool} {json.dumps(run)}\n", end="", flush=True)


@server.tool()
async def safe(run: Any = None) -> str:
    record("safe", run)
    return "safe"


@server.tool()
async def danger(run: Any = None) -> str:
    record("danger", run)
    return "danger"


listener = socket.create_server(("127.0.0.1", 0))
# asyncio sets this itself only where it made the socket.
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
print("listening", listener.getsockname()[1], flush=True)
app = server.streamable_http_app(stateless_http=True, json_response=True)
config = uvicorn.Config(app, log_level="critical", access_log=False)
uvicorn.Server(config).run(sockets=[listener])
