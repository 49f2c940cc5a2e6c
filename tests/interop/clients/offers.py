"""What the clients in Python share that get prompts and resources: the steps, and how what
was seen of each is told."""

import asyncio
import json
import sys
from importlib.metadata import version


class Updated:
    """The resources of which the server says that they have changed."""

    def __init__(self):
        self.uris = []
        self.came = asyncio.Event()

    async def __call__(self, message):
        inner = getattr(message, "root", message)
        if getattr(inner, "method", None) == "notifications/resources/updated":
            self.uris.append(str(inner.params.uri))
            self.came.set()


def plan():
    return json.loads(sys.argv[1])


def told(error):
    """An error as the other clients tell it."""
    inner = getattr(error, "error", error)
    if not hasattr(inner, "code"):
        return {"other": repr(error)}
    return {"error": {"code": inner.code, "message": inner.message, "data": inner.data}}


async def run(steps, updated, revision, client, Error):
    """Does the steps, and prints what was seen."""
    seen = []
    for step in steps:
        try:
            seen.append(await take(step, updated, client))
        except Error as error:
            seen.append(told(error))
    name = f"mcp {version('mcp')}"
    print(json.dumps({"client": name, "revision": revision, "seen": seen}), flush=True)


async def take(step, updated, client):
    if "list" in step:
        return {"names": [str(name) for name in await client.names(step["list"])]}
    if "prompt" in step:
        prompt = await client.get_prompt(step["prompt"], step["arguments"])
        return {"text": prompt.messages[0].content.text}
    if "read" in step:
        return {"text": (await client.read_resource(step["read"])).contents[0].text}
    if "subscribe" in step:
        await client.subscribe_resource(step["subscribe"])
        return {"done": True}
    if "unsubscribe" in step:
        await client.unsubscribe_resource(step["unsubscribe"])
        return {"done": True}
    if "complete" in step:
        result = await client.complete(step["complete"], step["argument"])
        return {"values": result.completion.values}
    if "call" in step:
        return {"text": (await client.call_tool(step["call"], {})).content[0].text}
    await updated.came.wait()
    return {"heard": updated.uris}
