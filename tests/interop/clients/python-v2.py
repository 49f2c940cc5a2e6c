"""The official Python SDK's client, version 2."""

import asyncio

from mcp import Client
from mcp.shared.exceptions import MCPError

import steps
import tools


async def main():
    plan, heard = steps.plan(), steps.Heard()
    mode = "2026-07-28" if plan["stateless"] else "legacy"
    async with Client(plan["url"], mode=mode, logging_callback=heard) as client:

        async def list_tools():
            return (await client.list_tools()).tools

        async def call_tool(name, arguments, on_progress):
            return await client.call_tool(name, arguments, progress_callback=on_progress)

        revision = client.protocol_version
        await tools.run("mcp", plan["steps"], heard, revision, list_tools, call_tool, MCPError)


asyncio.run(main())
