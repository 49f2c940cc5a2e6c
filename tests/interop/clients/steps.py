"""What the clients in Python share: the steps, and how what was seen of each is told."""

import asyncio
import json
import sys
from importlib.metadata import version


class Heard:
    """The messages that the server sends by itself."""

    def __init__(self):
        self.all = []
        self.came = asyncio.Event()

    async def __call__(self, message):
        self.all.append(message)
        self.came.set()


def plan():
    return json.loads(sys.argv[1])


def told(error):
    """An error as the other clients tell it."""
    inner = getattr(error, "error", error)
    if not hasattr(inner, "code"):
        return {"other": repr(error)}
    return {"error": {"code": inner.code, "message": inner.message, "data": inner.data}}


async def run(package, steps, revision, take, Error):
    """Does the steps, each by `take`, and prints what was seen."""
    seen = []
    for step in steps:
        try:
            seen.append(await take(step))
        except Error as error:
            seen.append(told(error))
    client = f"{package} {version(package)}"
    print(json.dumps({"client": client, "revision": revision, "seen": seen}), flush=True)
