"""The official Python SDK's client, version 1."""

import asyncio

from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamable_http_client

import steps
import tools


async def main():
    plan, heard = steps.plan(), steps.Heard()
    async with streamable_http_client(plan["url"]) as (read, write, _):
        async with ClientSession(read, write, logging_callback=heard) as session:
            revision = (await session.initialize()).protocolVersion

            async def list_tools():
                return (await session.list_tools()).tools

            async def call_tool(name, arguments, on_progress):
                return await session.call_tool(name, arguments, progress_callback=on_progress)

            await tools.run("mcp", plan["steps"], heard, revision, list_tools, call_tool, McpError)


asyncio.run(main())
