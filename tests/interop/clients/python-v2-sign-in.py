"""The official Python SDK's client, version 2, without a token."""

import asyncio

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult

from sign_in import Seen


async def main():
    seen = Seen()
    provider = seen.provider(lambda code, state: AuthorizationCodeResult(code=code, state=state))
    async with httpx2.AsyncClient(auth=provider, timeout=60) as http:
        transport = streamable_http_client(seen.plan["url"], http_client=http)
        async with Client(transport, mode="legacy") as client:
            seen.tell(await client.call_tool(seen.plan["tool"], {}))


asyncio.run(main())
