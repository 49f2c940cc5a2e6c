"""The main figures as an SVG that is readable on white and on black."""

import report
import stand

SHOWN = {"native": "#c2410c", "lua": "#7c7f86", "empty": "#a1a1aa", "b": "#2563eb", "c": "#60a5fa"}
LEFT, WIDTH, BAR, GAP = 210, 430, 16, 30


def draw(results):
    """Bars of what is added to the plain proxy, at two sizes."""
    figures = report.Figures(results)
    parts, y = [], 34
    text(parts, 0, 18, "CPU that Envoy spends more on a call than the plain proxy, in µs (HTTP/1.1)", "title")
    for size in ("170 B", "4 KB", "64 KB"):
        added = {variant: max(0, figures.added(variant, "h1", size)) for variant in SHOWN}
        most = max(added.values()) or 1
        y += GAP
        text(parts, 0, y - 8, f"a call of {size}", "head")
        for variant, value in added.items():
            width = max(1, WIDTH * value / most)
            text(parts, LEFT - 8, y + BAR - 4, stand.NAMES[variant], "name")
            parts.append(
                f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2" fill="{SHOWN[variant]}"/>'
            )
            text(parts, LEFT + width + 6, y + BAR - 4, f"{value:.1f}", "value")
            y += BAR + 5
    style = (
        "text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-weight:600}.name{text-anchor:end}"
        ".head{font-weight:600}@media(prefers-color-scheme:dark){text{fill:#e6edf3}}"
    )
    size = f'viewBox="0 0 {LEFT + WIDTH + 70} {y + 10}" width="{LEFT + WIDTH + 70}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
        f"<title>Added CPU a call</title><style>{style}</style>{''.join(parts)}</svg>\n"
    )


def text(parts, x, y, words, kind):
    parts.append(f'<text x="{x:.1f}" y="{y}" class="{kind}">{words}</text>')
