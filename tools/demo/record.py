"""The demo as a moving picture: what it prints on a terminal, drawn as an SVG.

    record.py FILE

Runs `demo.py demo` on a terminal of its own, with its environment, and draws every
row that comes, with its colours. Nothing is written by hand: the only row that the
demo did not print is the first, the command. The pace is one at which people read,
and not that of the demo, which takes a second.

`scripts/record-demo` builds the module and calls this. `tests/e2e/demo.rs` holds the
picture to a demo of its own.
"""

import fcntl
import html
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time

import story

DEMO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "demo.py")
COMMAND = "$ make demo"
TITLE = "The demo in a terminal"
# Of the terminal; rows beyond the height scroll.
COLUMNS, ROWS = 96, 26
# Of a character and around the text, in pixels.
WIDTH, HEIGHT, MARGIN = 8, 18, 16
# For the values of a field, which are on one row with it or below it.
CONTINUED = " " * 11
# Seconds for a row, for each of its characters, at most, and for the last.
BASE, CHARACTER, MOST, REST = 0.4, 0.009, 2.8, 8
# What `page` uses, on the ground of the terminal.
CLASSES = {"0": "", "1": "b", "2": "d", "31": "r", "32": "g"}
STYLE = """\
.t{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d7dde5}.t text{white-space:pre}
.b{font-weight:bold;fill:#fff}.d{fill:#93a1b0}.r{fill:#ff8f87}.g{fill:#6fdd8b}.f{fill:#12171d}"""


class Wrong(Exception):
    """What went wrong, for the user."""


def printed():
    """What the demo writes to a terminal."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    environment.pop("NO_COLOR", None)
    # It would say that it waits for a minute to begin.
    if time.time() % 60 > 60 - story.HASTE - 5:
        time.sleep(60 - time.time() % 60)
    with subprocess.Popen([sys.executable, DEMO, "demo"], stdout=its, env=environment) as demo:
        os.close(its)
        read = b""
        while piece := piece_of(ours):
            read += piece
    os.close(ours)
    if demo.returncode != 0:
        raise Wrong(f"the demo ended with {demo.returncode}")
    return read.decode().replace("\r\n", "\n")


def piece_of(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:
        # The other end is closed.
        return b""


def spans(row):
    """The parts of a row with their classes."""
    found, style = [], ""
    for text, code in re.findall(r"([^\033]*)(?:\033\[([0-9]*)m|$)", row):
        if text:
            found.append((style, text))
        if code:
            style = CLASSES[code]
    if "".join(text for _, text in found) != re.sub(r"\033\[[0-9]*m", "", row):
        raise Wrong(f"the row is not understood: {row!r}")
    width = sum(len(text) for _, text in found)
    if width > COLUMNS:
        raise Wrong(f"a row of {width} characters would be broken: {row!r}")
    return found


def frames(rows):
    """After how many rows there is a rest, and for how many seconds."""
    found = []
    for number, row in enumerate(rows, 1):
        text = "".join(part for _, part in row)
        seconds = min(BASE + CHARACTER * len(text), MOST) if text else 0
        if found and text.startswith(CONTINUED):
            seconds = min(found.pop()[1] + CHARACTER * len(text), MOST)
        if seconds:
            found.append((number, seconds))
    found[-1] = (found[-1][0], REST)
    return found


def keyframes(name, rests, place):
    """A part that jumps to a place for each rest."""
    whole, at, steps = sum(seconds for _, seconds in rests), 0, []
    for rows, seconds in rests:
        step = f"{100 * at / whole:.2f}%{{transform:translateY({place(rows)}px)}}"
        if not steps or steps[-1].split("{", 1)[1] != step.split("{", 1)[1]:
            steps.append(step)
        at += seconds
    last = place(rests[-1][0])
    return (
        f"@keyframes {name}{{{''.join(steps)}100%{{transform:translateY({last}px)}}}}"
        f".{name}{{animation:{name} {whole:.1f}s step-end infinite}}"
    )


def drawn(rows):
    """The picture. Without its motion, it shows the first rows."""
    rests = frames(rows)
    wide, high = COLUMNS * WIDTH + 2 * MARGIN, ROWS * HEIGHT + 2 * MARGIN
    roll = keyframes("roll", rests, lambda count: -HEIGHT * max(0, count - ROWS))
    lid = keyframes("lid", rests, lambda count: HEIGHT * min(count, ROWS))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" '
        f'viewBox="0 0 {wide} {high}" role="img" aria-labelledby="title">',
        f'<title id="title">{TITLE}</title>',
        f"<style>{STYLE}",
        f".lid{{transform:translateY({ROWS * HEIGHT}px)}}",
        roll,
        lid,
        "@media (prefers-reduced-motion:reduce){.roll,.lid{animation:none}}</style>",
        f'<rect class="f" width="{wide}" height="{high}" rx="8"/>',
        f'<svg y="{MARGIN}" width="{wide}" height="{ROWS * HEIGHT}">',
        '<g class="roll t" xml:space="preserve">',
    ]
    for number, row in enumerate(rows):
        parts = (tspan(style, text) for style, text in row)
        if row:
            y = number * HEIGHT + 13
            lines.append(f'<text x="{MARGIN}" y="{y}">{"".join(parts)}</text>')
    lines += ["</g>", f'<rect class="lid f" width="{wide}" height="{ROWS * HEIGHT}"/>', "</svg>", "</svg>"]
    return "\n".join(lines) + "\n"


def tspan(style, text):
    text = html.escape(text, quote=False)
    return f'<tspan class="{style}">{text}</tspan>' if style else text


def main(file):
    rows = [[("b", COMMAND)]] + [spans(row) for row in printed().splitlines()]
    with open(file, "w", encoding="utf-8") as picture:
        picture.write(drawn(rows))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("record.py FILE")
    try:
        main(sys.argv[1])
    except (Wrong, OSError) as error:
        sys.exit(f"record: {error}")
