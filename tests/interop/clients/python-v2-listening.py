"""The official Python SDK's client, version 2, with streams of changes."""

import asyncio
import functools

from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourceUpdated, ToolsListChanged

import steps


def news(event):
    if isinstance(event, ResourceUpdated):
        return ["resources/updated", event.uri]
    return ["tools/list_changed", ""] if isinstance(event, ToolsListChanged) else [repr(event), ""]


async def take(client, step):
    uris = step["listen"]
    heard = None
    async with client.listen(resource_subscriptions=uris, tools_list_changed=not uris) as stream:
        if "touch" in step:
            await client.call_tool("touch", {"uri": step["touch"]})
            heard = news(await anext(stream))
        return {"honored": stream.honored.resource_subscriptions or [], "heard": heard}


async def main():
    plan = steps.plan()
    async with Client(plan["url"], mode="2026-07-28") as client:
        revision, take_one = client.protocol_version, functools.partial(take, client)
        await steps.run("mcp", plan["steps"], revision, take_one, MCPError)


asyncio.run(main())
