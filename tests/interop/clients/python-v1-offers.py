"""The official Python SDK's client, version 1, with prompts and resources."""

import asyncio

from mcp import ClientSession, McpError, types
from mcp.client.streamable_http import streamable_http_client
from pydantic import AnyUrl

import offers
import steps


async def main():
    plan, updated = steps.plan(), offers.Updated()
    async with streamable_http_client(plan["url"]) as (read, write, _):
        async with ClientSession(read, write, message_handler=updated) as session:
            revision = (await session.initialize()).protocolVersion
            client = offers.Client(session, types.PromptReference, types.ResourceTemplateReference)
            await offers.run(plan["steps"], updated, revision, client, AnyUrl, McpError)


asyncio.run(main())
