"""The steps of a client in Python that calls tools."""

import asyncio
import contextlib

import steps


async def run(package, todo, heard, revision, list_tools, call_tool, Error):
    async def take(step):
        if "list" in step:
            return {"tools": [tool.name for tool in await list_tools()]}
        if "hear" in step:
            await heard.came.wait()
            return {"heard": len(heard.all)}
        return await call(step, call_tool)

    await steps.run(package, todo, revision, take, Error)


async def call(step, call_tool):
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
