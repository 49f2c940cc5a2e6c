"""How it looks: plain lines, and on a terminal wrapped to its width and in colours."""

import json
import os
import shutil
import sys
import textwrap

# Characters of an answer that are shown.
WIDTH = 400
# The column at which values begin.
INDENT = " " * 11

BOLD, RED, GREEN, DIM = "1", "31", "32", "2"

TERMINAL = sys.stdout.isatty()
# https://no-color.org
COLOURS = TERMINAL and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def coloured(text, colour):
    return f"\033[{colour}m{text}\033[0m" if COLOURS and text else text


def say(text="", colour=""):
    """Prints a line. A reader may have left, as `| head` does."""
    try:
        print(coloured(text, colour) if colour else text, flush=True)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")


def paragraph(text, colour=""):
    """Prints a line, wrapped where a terminal would break it within a word."""
    for line in wrapped(text, ""):
        say(line, colour)


def wrapped(text, indent):
    if not TERMINAL:
        return [text]
    width = max(shutil.get_terminal_size().columns, 40)
    lines = textwrap.wrap(
        text, width, subsequent_indent=indent, break_on_hyphens=False, drop_whitespace=True
    )
    return lines or [text]


def heading(text):
    say()
    paragraph(text, BOLD)
    say()


def field(name, text, colour=""):
    first, *rest = wrapped(f"  {name:<8} {text}", INDENT)
    say(first[: len(INDENT)] + coloured(first[len(INDENT):], colour))
    for line in rest:
        say(coloured(line, colour))


def answer(text):
    """What came back, as it came, up to a width."""
    try:
        refused = "error" in json.loads(text)
    except (ValueError, TypeError):
        refused = True
    size = len(text.encode())
    shown = text if len(text) <= WIDTH else f"{text[:WIDTH]} ... ({size} bytes)"
    field("answer", shown, RED if refused else GREEN)


def opening(settings):
    """What is running where."""
    say(f"MCP server    http://127.0.0.1:{settings.upstream}/mcp")
    say(f"Envoy         http://127.0.0.1:{settings.port}/mcp")
    say(f"Envoy's log   {settings.log}")
    say(f"the policy    in {settings.policy or settings.shipped}")


def to_paste(settings):
    """Commands for another terminal."""

    def curl(params):
        say(f"curl -s http://127.0.0.1:{settings.port}/mcp \\")
        say("  -H 'content-type: application/json' \\")
        say("  -H 'accept: application/json, text/event-stream' \\")
        body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":' + params + "}"
        say(f"  -d '{body}'; echo")

    which = "Under your policy" if settings.policy else "Under the policy as shipped"
    sent = '{"name":"session_send","arguments":{"sessionId":"s1","message":"hello"}}'
    killed = '{"name":"session_kill","arguments":{"sessionId":"s1"}}'
    if settings.policy:
        heading("A call, to which your policy has an answer:")
        curl(sent)
    else:
        heading(f"{which}, allowed ten times a minute:")
        curl(sent)
        heading(f"{which}, denied:")
        curl(killed)
    heading("Ctrl-C stops it all. Envoy's access log follows.")
