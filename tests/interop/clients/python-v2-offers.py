"""The official Python SDK's client, version 2, with prompts and resources."""

import asyncio

from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import PromptReference, ResourceTemplateReference

import offers
import steps


async def main():
    plan, updated = steps.plan(), offers.Updated()
    async with Client(plan["url"], mode="legacy", message_handler=updated) as inner:
        client = offers.Client(inner, PromptReference, ResourceTemplateReference)
        await offers.run(plan["steps"], updated, inner.protocol_version, client, str, MCPError)


asyncio.run(main())
