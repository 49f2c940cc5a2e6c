"""The main figures as an SVG: a row for each variant, a panel for each figure,
each panel with a scale of its own. Readable on white and on black."""

import figures
import plan
import stand
import statistic

COLOURS = {
    "module": "#16a34a",
    "wasm": "#2563eb",
    "native": "#ea580c",
    "lua": "#8b5cf6",
    "ext_authz": "#db2777",
    "empty": "#8b93a1",
}
LABELS, PANEL, BAR, ROW, GAP = 264, 150, 14, 24, 22
# Beside the longest bar, for its figure.
FIGURE = 44


def draw(found):
    names = [name for name in COLOURS if name in found.variants()]
    added = [(f"{cell.size}{' of code' * (cell.size != '170 B')}", added_by(found, cell), 1) for cell in plan.ROW]
    denied = plan.SMALL._replace(outcome="denied")
    rest = [
        ("denied, whole call, µs", lambda name: whole_of(found, name, denied), 1),
        ("ready later, s", lambda name: found.start_added(name, 1, "ready_s"), 2),
        ("memory, 8 workers, MiB", lambda name: statistic.scaled(found.start_added(name, 8, "bytes"), 1 / figures.MIB), 1),
        ("a byte of escapes, ns", lambda name: found.per_byte(name, "escapes", "low"), 2),
    ]
    picture = Picture(names)
    picture.head("CPU that a call takes more than through the plain proxy, µs")
    picture.panels(added)
    picture.head("What else it costs")
    picture.panels(rest)
    return picture.svg("What policy on a tool call costs in Envoy")


def words(found):
    """The first panel, for those who do not see the picture."""
    names = [name for name in COLOURS if name in found.variants()]
    bars = ", ".join(f"{stand.NAMES[name]} {found.added(name, plan.SMALL, 'low').value:.1f}" for name in names)
    return f"Bars of what each way costs. Added to a call of 170 bytes, in microseconds of CPU: {bars}."


def added_by(found, cell):
    return lambda name: found.added(name, cell, "low")


def whole_of(found, name, cell):
    return found.whole(name, cell, "low") if found.has(name, cell) else None


def number(value, digits):
    return f"{value:,.{0 if abs(value) >= 100 else digits}f}"


class Picture:
    def __init__(self, names):
        self.names, self.parts, self.y = names, [], 0

    def head(self, words):
        self.y += 22
        self.text(0, self.y, words, "head")
        self.y += 10

    def panels(self, panels):
        """Side by side, with the variants' names once."""
        self.y += 18
        for index, name in enumerate(self.names):
            self.text(LABELS - 12, self.y + (index + 1) * ROW - 6, stand.NAMES[name], "name")
        for column, (title, figure_of, digits) in enumerate(panels):
            self.panel(LABELS + column * (PANEL + GAP), title, figure_of, digits)
        self.y += ROW * len(self.names) + 16

    def panel(self, x, title, figure_of, digits):
        self.text(x, self.y, title, "title")
        found = {name: figure_of(name) for name in self.names}
        most = max([figure.most for figure in found.values() if figure] + [1e-9])
        scale = (PANEL - FIGURE) / most
        for index, (name, figure) in enumerate(found.items()):
            y = self.y + index * ROW + 8
            if not figure:
                self.text(x + 4, y + BAR - 2, "cannot" if name == "empty" else "–", "none")
                continue
            width = max(1, scale * max(0, figure.value))
            self.parts.append(
                f'<rect x="{x}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2" fill="{COLOURS[name]}"/>'
            )
            least, greatest = (scale * max(0, end) for end in (figure.least, figure.most))
            middle = y + BAR / 2
            self.parts.append(f'<path class="span" d="M{x + least:.1f} {middle}H{x + greatest:.1f}"/>')
            self.text(x + max(width, greatest) + 5, y + BAR - 2, number(figure.value, digits), "value")
        bottom = self.y + ROW * len(self.names) + 4
        self.parts.append(f'<path class="axis" d="M{x} {self.y + 4}V{bottom}"/>')

    def text(self, x, y, words, kind):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{words}</text>')

    def svg(self, title):
        width, height = LABELS + 4 * PANEL + 3 * GAP, self.y
        style = (
            "text{font:13px system-ui,sans-serif;fill:#1f2328}.head{font-weight:600;font-size:14px}"
            ".name{text-anchor:end}.title,.none{fill:#59636e;font-size:12px}.axis{stroke:#8b93a1}"
            ".span{stroke:#1f2328;stroke-width:1.5}"
            "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.title,.none{fill:#9198a1}.span{stroke:#e6edf3}}"
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">'
            f"<title>{title}</title><style>{style}</style>{''.join(self.parts)}</svg>\n"
        )
