"""compare.py A B: two results.json, and how far they differ in the ratios.

A ratio is what a filter adds, against what Envoy's own MCP filter adds to the
same call. Those of this filter are held to 10 %: the status says whether.
"""

import json
import pathlib
import statistics
import sys

import figures
import plan
import report
import stand
import statistic

BAR = 0.10
HELD = ("wasm", "module")


def ratios(found):
    """By variant, load and way."""
    cells = [cell for cell in plan.cells() if cell.outcome == "allowed"]
    return {
        (name, cell, how): found.against_native(name, cell, how).value
        for name in found.variants() if name not in ("plain", "native")
        for cell in cells if found.has(name, cell)
        for how in report.HOW
    }


def main(first, second):
    one, other = (ratios(figures.Figures(json.loads(pathlib.Path(file).read_text()))) for file in (first, second))
    found = {}
    for key in one:
        if key in other:
            name, cell, how = key
            found[key] = abs(difference(one[key], other[key]))
            held = "" if name not in HELD or how != "low" else "  *" if found[key] <= BAR else "  * over the bar"
            print(
                f"{stand.NAMES[name]:34} {report.describe(cell):41} {how:5} "
                f"{one[key]:6.2f} {other[key]:6.2f} {difference(one[key], other[key]):+7.1%}{held}"
            )
    for how in report.HOW:
        held = [part for (name, _, way), part in found.items() if name in HELD and way == how]
        print(f"this filter, {how}: median {statistics.median(held):.1%}, most {max(held):.1%} of {len(held)} ratios")
    low = [part for (name, _, how), part in found.items() if name in HELD and how == "low"]
    return max(low) > BAR


def difference(one, other):
    return statistic.quotient(other, one) - 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
