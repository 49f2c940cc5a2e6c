"""The official Python SDK, version 2.

Each run of a tool is a line on stdout: `ran TOOL "ARGUMENT"`.
"""

import json
import socket
from typing import Any

import uvicorn
from mcp.server import MCPServer

server = MCPServer("differential", log_level="CRITICAL")


@server.tool()
def safe(run: Any = None) -> str:
    print("ran safe", json.dumps(run), flush=True)
    return "safe"


@server.tool()
def danger(run: Any = None) -> str:
    print("ran danger", json.dumps(run), flush=True)
    return "danger"


listener = socket.create_server(("127.0.0.1", 0))
print("listening", listener.getsockname()[1], flush=True)
app = server.streamable_http_app(stateless_http=True, json_response=True)
config = uvicorn.Config(app, log_level="critical", access_log=False)
uvicorn.Server(config).run(sockets=[listener])
