"""Notes, by the official Python SDK, version 2.

`touch` says that a note, or without one the list of tools, has changed, to who listens.
"""

import socket

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context

server = MCPServer("notes", log_level="CRITICAL")


@server.resource("note://team/1")
def teams() -> str:
    return "note://team/1"


@server.resource("note://boss/1")
def bosses() -> str:
    return "note://boss/1"


@server.tool()
async def touch(uri: str, context: Context) -> str:
    if uri:
        await context.notify_resource_updated(uri)
    else:
        await context.notify_tools_changed()
    return "touched"


listener = socket.create_server(("127.0.0.1", 0))
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
print("listening", listener.getsockname()[1], flush=True)
app = server.streamable_http_app(stateless_http=True)
config = uvicorn.Config(app, log_level="critical", access_log=False)
uvicorn.Server(config).run(sockets=[listener])
