"""The official Python SDK's client, version 2, whose user can be shown an address."""

import asyncio

from mcp import Client
from mcp.shared.exceptions import UrlElicitationRequiredError
from mcp_types import ElicitResult

import asking
import steps


async def main():
    plan = steps.plan()
    user = asking.User(plan["approvals"])

    async def asked(_context, params):
        return ElicitResult(action=await user.answer(params))

    mode = "2026-07-28" if plan["stateless"] else "legacy"
    callback = asked if plan["asks"] else None
    async with Client(plan["url"], mode=mode, elicitation_callback=callback) as client:
        revision = client.protocol_version
        await asking.run(plan, user, revision, client.call_tool, UrlElicitationRequiredError)


asyncio.run(main())
