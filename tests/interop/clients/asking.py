"""Clients in Python that ask their user to open the page of a request for approval. A
user sees and does what the call says."""

import asyncio
import json
import urllib.request
from importlib.metadata import version


class User:
    """A user, by the name in the call, and what he was shown."""

    def __init__(self, approvals):
        self.approvals = approvals
        self.name = ""
        self.shown = []

    async def answer(self, params):
        shown = {"mode": params.mode, "url": params.url, "message": params.message}
        self.shown.append(shown)
        if self.name == "patient":
            url = f"{self.approvals}/{params.url.rsplit('/', 1)[-1]}"
            await asyncio.to_thread(decided, url)
        return "decline" if self.name == "unwilling" else "accept"


def decided(url):
    """Waits until somebody has approved a request, as its own caller sees it."""
    while True:
        request = urllib.request.Request(url, headers={"accept": "application/json"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as response:
            if json.load(response)["state"] == "approved":
                return


async def run(plan, user, revision, call_tool, typed):
    """Does the steps, each a call by another user, and prints what was seen."""
    seen = []
    for step in plan["steps"]:
        before = len(user.shown)
        user.name = step["sessionId"]
        try:
            result = await call_tool(plan["tool"], step)
            seen.append({"text": result.content[0].text, "asked": user.shown[before:]})
        except Exception as error:
            seen.append({"error": told(error, typed), "asked": user.shown[before:]})
    client = f"mcp {version('mcp')}"
    print(json.dumps({"client": client, "revision": revision, "seen": seen}), flush=True)


def told(error, typed):
    inner = getattr(error, "error", error)
    code = getattr(inner, "code", None)
    told = {"kind": type(error).__name__, "code": code, "message": str(error)}
    told["data"] = getattr(inner, "data", None)
    if code == -32042:
        error = typed.from_error(inner)
        told["kind"] = type(error).__name__
        told["elicitations"] = [
            one.model_dump(by_alias=True, exclude_none=True, mode="json") for one in error.elicitations
        ]
    return told
