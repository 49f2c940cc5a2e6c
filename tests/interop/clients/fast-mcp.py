"""fastmcp's client, as its own documentation uses it: `call_tool`."""

import asyncio

from fastmcp import Client
from fastmcp.exceptions import ToolError
from mcp.shared.exceptions import MCPError

import steps
import tools


async def main():
    plan, heard = steps.plan(), steps.Heard()
    mode = "2026-07-28" if plan["stateless"] else "legacy"
    async with Client(plan["url"], mode=mode, log_handler=heard) as client:

        async def call_tool(name, arguments, on_progress):
            return await client.call_tool(name, arguments, progress_handler=on_progress)

        revision = client.session.protocol_version
        errors = (MCPError, ToolError)
        await tools.run("fastmcp", plan["steps"], heard, revision, client.list_tools, call_tool, errors)


asyncio.run(main())
