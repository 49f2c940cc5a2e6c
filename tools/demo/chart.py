"""The panels of a dashboard, as an SVG that needs nothing else."""

import html

# Of the picture, of a row of Grafana's grid, and within a panel, in pixels.
WIDTH, ROW, GAP, HEAD, FOOT, LEFT, LINE = 1200, 30, 8, 26, 16, 44, 14
COLUMNS = 24
COLOURS = ["#73bf69", "#f2cc0c", "#5794f2", "#ff780a", "#e02f44", "#b877d9", "#8ab8ff", "#fade2a"]
# Names below a panel, and the characters of one.
NAMES, LONGEST = 5, 70
STYLE = """\
text{font:11px Inter,Helvetica,Arial,sans-serif;fill:#a9b0ba}.h{font-size:13px;fill:#d8d9da;font-weight:bold}\
.v{font-size:20px;fill:#d8d9da}.p{fill:#181b1f;stroke:#2c3235}.g{stroke:#2c3235}\
polyline{fill:none;stroke-width:1.5;stroke-linejoin:round}.f{fill:#111217}"""


def dashboard(panels, seconds):
    """The picture of panels with their lines over that many seconds."""
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel, _ in panels)
    high = rows * ROW + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{high}" '
        f'viewBox="0 0 {WIDTH} {high}" role="img" aria-labelledby="title">',
        '<title id="title">The dashboard, drawn from the answers of a Prometheus</title>',
        f"<style>{STYLE}</style>",
        f'<rect class="f" width="{WIDTH}" height="{high}"/>',
    ]
    for panel, lines in panels:
        parts += drawn(panel, lines, seconds)
    return "\n".join([*parts, "</svg>"]) + "\n"


def drawn(panel, lines, seconds):
    """One panel in its place."""
    place, unit = panel["gridPos"], WIDTH / COLUMNS
    x, y = place["x"] * unit + GAP / 2, place["y"] * ROW + GAP / 2
    wide, high = place["w"] * unit - GAP, place["h"] * ROW - GAP
    parts = [
        f'<rect class="p" x="{x:.0f}" y="{y:.0f}" width="{wide:.0f}" height="{high:.0f}" rx="3"/>',
        text(x + 10, y + 18, panel["title"], "h"),
    ]
    if panel["type"] != "timeseries":
        return parts + values(lines, x, y, high)
    lines = [(name, points) for name, points in lines if any(value for _, value in points)]
    # The highest first, as the names are.
    lines.sort(key=lambda line: -sum(value for _, value in line[1]))
    shown = lines[:NAMES]
    rest = len(lines) - len(shown)
    below = LINE * (len(shown) + bool(rest)) if lines else 0
    left, top = x + LEFT, y + HEAD + 6
    across, down = wide - LEFT - 10, high - HEAD - FOOT - 10 - below
    most = top_of(max((value for _, points in lines for _, value in points), default=0))
    for part in (0, 0.5, 1):
        at = top + down * (1 - part)
        parts.append(f'<line class="g" x1="{left:.0f}" x2="{left + across:.0f}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(text(left - 6, at + 4, plain(most * part), anchor="end"))
    for at in range(0, seconds + 1, 30):
        place = left + across * at / seconds
        anchor = "start" if at == 0 else "end" if at == seconds else "middle"
        parts.append(text(place, top + down + 14, f"{at} s", anchor=anchor))
    if not lines:
        parts.append(text(left + across / 2, top + down / 2 - 6, "nothing", anchor="middle"))
    for number, (_, points) in enumerate(lines):
        path = " ".join(
            f"{left + across * at / seconds:.0f},{top + down * (1 - value / most):.1f}"
            for at, value in points
        )
        parts.append(f'<polyline stroke="{colour(number)}" points="{path}"/>')
    at = top + down + FOOT + 12
    for number, (name, _) in enumerate(shown):
        parts.append(
            f'<rect x="{x + 12:.0f}" y="{at - 5:.0f}" width="10" height="3" fill="{colour(number)}"/>'
        )
        parts.append(text(x + 28, at, name))
        at += LINE
    if rest:
        parts.append(text(x + 28, at, f"and {rest} more"))
    return parts


def values(lines, x, y, high):
    """The last value of each line, as a text."""
    parts, at = [], y + HEAD + 30
    for name, points in lines:
        if points and at < y + high:
            parts.append(text(x + 12, at, f"{points[-1][1]:.0f}", "v"))
            parts.append(text(x + 12, at + 16, name))
            at += 46
    return parts


def top_of(most):
    """The end of an axis on which this is."""
    if most <= 0:
        return 1
    size = 10 ** len(str(int(most))) / 10 if most >= 1 else 0.1
    return next(size * step for step in (1, 2, 5, 10, 20) if size * step >= most)


def plain(value):
    return f"{value:.2f}".rstrip("0").rstrip(".")


def colour(number):
    return COLOURS[number % len(COLOURS)]


def text(x, y, words, style="", anchor="start"):
    words = words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"
    style = f' class="{style}"' if style else ""
    anchor = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x:.0f}" y="{y:.0f}"{style}{anchor}>{html.escape(words, quote=False)}</text>'
