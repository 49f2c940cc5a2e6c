"""What the clients in Python share: the steps, and how what was seen of each is told."""

import asyncio
import contextlib
import json
import sys
from importlib.metadata import version


class Heard:
    """Messages that the server sends by itself."""

    def __init__(self):
        self.count = 0
        self.came = asyncio.Event()

    async def __call__(self, _message):
        self.count += 1
        self.came.set()


def plan():
    return json.loads(sys.argv[1])


async def run(package, steps, heard, revision, list_tools, call_tool, Error):
    """Does the steps, and prints what was seen."""
    seen = []
    for step in steps:
        try:
            seen.append(await take(step, heard, list_tools, call_tool))
        except Error as error:
            inner = getattr(error, "error", error)
            if not hasattr(inner, "code"):
                seen.append({"other": repr(error)})
                continue
            told = {"code": inner.code, "message": inner.message, "data": inner.data}
            seen.append({"error": told})
    client = f"{package} {version(package)}"
    print(json.dumps({"client": client, "revision": revision, "seen": seen}), flush=True)


async def take(step, heard, list_tools, call_tool):
    if "list" in step:
        return {"tools": [tool.name for tool in await list_tools()]}
    if "hear" in step:
        await heard.came.wait()
        return {"heard": heard.count}
    count = 0
    all_came = asyncio.Event()

    async def on_progress(_progress, _total=None, _message=None):
        nonlocal count
        count += 1
        if count == step["progress"]:
            all_came.set()

    listener = on_progress if step["progress"] else None
    result = await call_tool(step["call"], step["arguments"], listener)
    if step["progress"]:
        # They may be handed on beside the answer, and so a moment late.
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(all_came.wait(), 10)
    failed = getattr(result, "isError", None) or getattr(result, "is_error", False)
    text = result.content[0].text if result.content else ""
    why = (getattr(result, "meta", None) or {}).get("mcp-policy-filter/denial")
    return {"text": text, "failed": bool(failed), "progress": count, "why": why}
