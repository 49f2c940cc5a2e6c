"""The official Python SDK's client, version 1, which has a type for the error that names
an address."""

import asyncio

from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import UrlElicitationRequiredError

import asking
import steps


async def main():
    plan = steps.plan()
    user = asking.User(plan["approvals"])
    async with streamable_http_client(plan["url"]) as (read, write, _):
        async with ClientSession(read, write) as session:
            revision = (await session.initialize()).protocolVersion
            await asking.run(plan, user, revision, session.call_tool, UrlElicitationRequiredError)


asyncio.run(main())
