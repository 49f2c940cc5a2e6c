"""The calls that every Envoy gets: who makes them, of which tool, with how much
of which text."""

import json
import pathlib

# The grant that the calls are made under, the tools of the calls, and the
# header by which callers are known.
GRANT = "ci"
ALLOWED, DENIED, LIMITED = "tool_25", "tool_denied", "tool_limited"
TOOLS = {"allowed": ALLOWED, "denied": DENIED, "limited": LIMITED}
HEADERS = {
    "content-type": "application/json",
    # Without these two, Envoy's own MCP filter skips its work.
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": "2025-06-18",
    "x-agent-id": GRANT,
    "user-agent": "bench",
}

# Bytes of a body, by the name that tables show.
SIZES = {"170 B": 170, "4 KB": 4_000, "64 KB": 64_000, "256 KB": 256_000}

# What an agent writes into a file, by the name that tables show; repeated until
# the body has its size.
TEXTS = {
    # An escape in some twenty bytes.
    "code": (
        "    let total: u64 = items.iter().map(|item| item.amount).sum();\n"
        '    println!("{total} for {name}");\n'
        "    Ok(())\n"
    ),
    # None.
    "prose": "The quick brown fox jumps over the lazy dog, and nobody has ever told the dog why. ",
    # One in six: JSON that is an argument, as text.
    "escapes": '{"id": 17, "path": "src/main.rs", "line": 42, "ok": true}\n',
    # A letter of two bytes in four.
    "non-ASCII": "Příliš žluťoučký kůň a pět líných psů leží u řeky, kde už není vůbec žádný stín. ",
}


def body(tool, size, text):
    """A call of exactly this size."""
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": tool, "arguments": {"path": "src/main.rs", "amount": 5, "text": ""}},
    }
    room = size - len(encode(call))
    each = len(encode(TEXTS[text])) - 2
    # Whole pieces first, then letters.
    call["params"]["arguments"]["text"] = TEXTS[text] * (room // each) + "x" * (room % each)
    encoded = encode(call)
    assert len(encoded) == size, (len(encoded), size)
    return encoded


def encode(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def write(folder, cells):
    """A file for the body of each cell, and for the same call of the tool that
    is denied; their paths, by tool, size and text."""
    paths = {}
    for cell in cells:
        for tool in {TOOLS[cell.outcome], DENIED}:
            path = pathlib.Path(folder) / f"{tool}-{cell.size}-{cell.text}.json"
            path.write_bytes(body(tool, SIZES[cell.size], cell.text))
            paths[tool, cell.size, cell.text] = path
    return paths


def key_of(cell):
    return TOOLS[cell.outcome], cell.size, cell.text
