"""The official Python SDK's client, version 1, without a token."""

import asyncio

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from sign_in import Seen


async def main():
    seen = Seen()
    provider = seen.provider(lambda code, state: (code, state))
    async with httpx.AsyncClient(auth=provider, timeout=60) as http:
        async with streamable_http_client(seen.plan["url"], http_client=http) as (read, write, _):
            async with ClientSession(read, write) as session:
                await session.initialize()
                seen.tell(await session.call_tool(seen.plan["tool"], {}))


asyncio.run(main())
