"""The figures of a run as Markdown: all of them, and the summary for the page."""

import statistics

import calls
import figures
import plan
import stand
import statistic

HOW = ("low", "pairs")
# Cores that others used on a machine that was not quiet.
LOUD = 0.1
LEGEND = (
    "Microseconds of Envoy's CPU that a call takes more than through the plain proxy: by the lowest sixth of "
    "the bursts / by the paired median, each with ± half of the range between the starts. In parentheses, by "
    "the lowest sixth, against what Envoy's own MCP filter adds."
)


def write(found):
    lines = ["# What a call costs in Envoy", "", *preamble(found), ""]
    lines += ["A goal is met or missed by the lowest sixth. Two runs on one machine may differ by 10 % in their "
              "ratios, and shall by 5 %: `benches/envoy/compare.py` compares them.", ""]
    lines += goals("wasm module", figures.goals_of_wasm(found))
    if "module" in found.variants():
        lines += goals("native module", figures.goals_of_module(found))
    for protocol, title in (("h1", "HTTP/1.1"), ("h2", "HTTP/2")):
        cells = [cell._replace(protocol=protocol) for cell in plan.ROW]
        lines += [f"## Allowed calls of code over {title}", "", LEGEND, ""]
        lines += table(found, [cell.size for cell in cells], lambda name: [added(found, name, cell) for cell in cells])
    lines += ["## Other texts", "", "The same, over HTTP/1.1.", ""]
    texts = [cell._replace(text=text) for text in calls.TEXTS for cell in plan.SLOPE]
    lines += table(found, [f"{c.size}, {c.text}" for c in texts], lambda name: [added(found, name, c) for c in texts])
    lines += ["## A byte", "", f"Nanoseconds that each byte adds: {slope()}, both ways.", ""]
    lines += table(found, calls.TEXTS, lambda name: [per_byte(found, name, text) for text in calls.TEXTS])
    lines += ["## Refused calls", "", "Microseconds of Envoy's CPU for the whole call, both ways, and in parentheses "
              "against the same call allowed.", ""]
    cells = [cell for cell in plan.cells() if cell.outcome != "allowed"]
    lines += table(found, map(describe, cells), lambda name: [refused(found, name, cell) for cell in cells])
    if "ext_authz" in found.variants():
        lines += asked(found)
    if found.alone:
        lines += asking(found)
    lines += two_workers(found)
    lines += starts(found)
    return "\n".join(lines).rstrip() + "\n"


def summary(found):
    """The part of docs/cost.md that a run writes."""
    lines = [*preamble(found), ""]
    lines += header("added to a call, µs", *(cell.size for cell in plan.ROW))
    shown = [name for name in found.variants() if name != "plain" and name not in stand.MORE]
    for name in shown:
        lines.append(row(stand.NAMES[name], *(short(found, name, cell) for cell in plan.ROW)))
    plain = [f"{found.whole('plain', cell, 'low').value:.1f}" for cell in plan.ROW]
    lines += [
        "",
        "Microseconds of Envoy's CPU more than through the plain proxy, for calls of code over HTTP/1.1: by the "
        "lowest sixth, with ± half of the range between the starts / by the paired median. In parentheses, by the "
        "lowest sixth, against what Envoy's own MCP filter adds. Through the plain proxy, the whole call takes "
        f"{', '.join(plain[:-1])} and {plain[-1]} µs.",
    ]
    if "ext_authz" in shown:
        lines[-1] += (
            f" Behind ext_authz, the service that is asked takes another {found.asked(plan.SMALL).value:.0f} µs of "
            "CPU for a call of 170 bytes, which are not in the table."
        )
    lines += ["", *header("", *(f"a byte of {text}, ns" for text in calls.TEXTS), "denied, whole, µs",
                          "calls/s, two workers", "ready later, s", "memory, MiB")]
    for name in ["plain", *shown]:
        lines.append(row(stand.NAMES[name], *others(found, name)))
    lines += ["", "By the lowest sixth, over HTTP/1.1. Later, and more memory, than the plain proxy: with one worker, and with eight."]
    lines += [line for name in stand.ASKING if name in found.alone for line in ("", question(found, name))]
    return "\n".join(lines) + "\n"


def question(found, name):
    less = stand.MORE[name]
    more = found.added_to(less, name, plan.SMALL, "low").value
    alone, before = (found.takes_alone(one, "low").value for one in (name, less))
    return (
        f"{stand.NAMES[name]}: to ask the service for one call takes another {more:.0f} µs of Envoy's CPU, and "
        f"{found.asked(plan.SMALL, name).value:.0f} of the service's. With nothing else in flight, that call has its "
        f"answer after {alone:.0f} µs, and after {before:.0f} where the process counts."
    )


def others(found, name):
    cells = [""] * len(calls.TEXTS)
    if name != "plain":
        cells = [f"{found.per_byte(name, text, 'low').value:.2f}" for text in calls.TEXTS]
    denied = plan.SMALL._replace(outcome="denied")
    cells.append(spread(found.whole(name, denied, "low")) if found.has(name, denied) else "")
    cells.append(f"{found.rate(name).value:,.0f}")
    if name == "plain":
        return [*cells, "", ""]
    cells.append(f"{found.start_added(name, 1, 'ready_s').value:+.2f}")
    return [*cells, f"{found.start_added(name, 8, 'bytes').value / figures.MIB:+.1f}"]


def preamble(found):
    results = found.results
    machine, much, others = results["machine"], results["plan"], results["others"]
    yield (
        f"Taken by `make bench` on {machine['day']}, of commit {machine['commit']}: {machine['cpu']}, "
        f"{machine['cores']} cores, Linux {machine['kernel']}, Envoy {machine['envoy']}, h2load {machine['load']}; "
        f"{much['starts']} starts of {much['rounds']} bursts. Other processes used {statistics.mean(others):.2f} "
        f"of {machine['cores']} cores meanwhile."
    )
    if statistics.mean(others) > LOUD:
        yield ""
        yield (
            "**The machine was loud.** Of the calls, the lowest sixth can be believed within a tenth or two; start-up "
            "and calls a second cannot."
        )
    if much["quick"]:
        yield ""
        yield "**A quick run, which shows whether everything works. Its figures are worth nothing.**"


def goals(what, found):
    lines = [f"## Goals of the {what}", ""]
    lines += header("figure", "lowest sixth", "starts", "paired median", "starts", "bar", "aim", "")
    for goal in found:
        cells = [f(goal.name, getattr(goal, how)) for how in HOW for f in (value, span)]
        lines.append(row(goal.name, *cells, goal.bar, goal.aim, figures.verdict(goal)))
    return [*lines, ""]


def value(_, figure):
    return number(figure.value)


def span(_, figure):
    return f"{number(figure.least)} to {number(figure.most)}"


def number(figure):
    return f"{figure:.0f}" if abs(figure) >= 100 else f"{figure:.2f}"


def table(found, names, cells_of):
    """A row for each variant that was measured in some of the cells."""
    lines = header("", *names)
    for name in found.variants():
        cells = cells_of(name)
        if any(cells):
            lines.append(row(stand.NAMES[name], *cells))
    return [*lines, ""]


def added(found, name, cell):
    if not found.has(name, cell):
        return ""
    if name == "plain":
        low, pairs = (found.whole(name, cell, how) for how in HOW)
        return f"{spread(low)} / {spread(pairs)}, whole"
    low, pairs = (found.added(name, cell, how) for how in HOW)
    return f"{spread(low, '+')} / {spread(pairs, '+')} ({found.against_native(name, cell, 'low').value:.2f})"


def short(found, name, cell):
    low, pairs = (found.added(name, cell, how) for how in HOW)
    part = found.against_native(name, cell, "low")
    return f"{spread(low, '+')} / {pairs.value:+.1f} ({part.value:.2f})"


def per_byte(found, name, text):
    cells = [cell._replace(text=text) for cell in plan.SLOPE]
    if name == "plain" or not all(found.has(name, cell) for cell in cells):
        return ""
    return " / ".join(spread(found.per_byte(name, text, how), digits=2) for how in HOW)


def refused(found, name, cell):
    if not found.has(name, cell):
        return ""
    low, pairs = (found.whole(name, cell, how) for how in HOW)
    part = found.whole_against(name, cell, name, cell._replace(outcome="allowed"), "low")
    return f"{spread(low)} / {spread(pairs)} ({part.value:.2f})"


def asked(found):
    lines = ["## The service behind ext_authz", "", "Microseconds of its own CPU for a call, by the lowest sixth. "
             "It looks for a name and answers; one that judges takes more.", ""]
    lines += header(*map(describe, plan.ROW))
    return [*lines, row(*(spread(found.asked(cell)) for cell in plan.ROW)), ""]


def asking(found):
    lines = ["## Limits across replicas", "", "A call of 170 bytes over HTTP/1.1. Of the two limits of its tool, a "
             "service counts one, and answers at once, always the same. Microseconds of Envoy's CPU more than "
             "by the same filter whose process counts both, both ways; of the service's own CPU; and from a call to its "
             "answer, one call after another, both ways.", ""]
    lines += header("", "CPU added by asking", "CPU of the service", "a call alone takes")
    for name in filter(found.alone.get, found.variants()):
        cells = ["", ""]
        if name in stand.ASKING:
            more = (found.added_to(stand.MORE[name], name, plan.SMALL, how) for how in HOW)
            cells[0] = " / ".join(spread(each, "+") for each in more)
        if name in ("ext_authz", *stand.ASKING):
            cells[1] = spread(found.asked(plan.SMALL, name))
        cells.append(" / ".join(spread(found.takes_alone(name, how)) for how in HOW))
        lines.append(row(stand.NAMES[name], *cells))
    return [*lines, ""]


def two_workers(found):
    cores = found.results["machine"]["cores"]
    place = "two cores, and the load and the upstream on two others"
    if cores < 4:
        place = f"{cores} cores, which the load and the upstream share: what they take is in each figure"
    lines = ["## Two workers and one hot counter", "", "Allowed calls of 170 bytes over HTTP/1.1, all of one caller, "
             f"as fast as they go. Envoy runs on {place}.", ""]
    lines += header("", "calls a second", "against the plain proxy, both ways", "CPU added to a call, µs, both ways")
    for name in found.variants():
        if name not in found.two:
            continue
        cells = [spread(found.rate(name), digits=0)]
        if name == "plain":
            cells += ["", ""]
        else:
            cells.append(" / ".join(spread(found.rate_against_plain(name, how), digits=2) for how in HOW))
            cells.append(" / ".join(spread(found.two_added(name, how), "+") for how in HOW))
        lines.append(row(stand.NAMES[name], *cells))
    return [*lines, ""]


def starts(found):
    lines = ["## Start-up and memory", "", "Seconds until Envoy is ready, on all cores, and resident memory once all "
             "workers have served, by the lowest sixth.", ""]
    workers = [(count, f"{count} worker{'s' * (count > 1)}") for count in plan.WORKERS]
    lines += header("", *(f"ready, s: {name}" for _, name in workers), *(f"MiB: {name}" for _, name in workers))
    for name in found.variants():
        if name in stand.ASKING:
            continue
        cells = []
        for what, unit, digits in (("ready_s", 1, 3), ("bytes", figures.MIB, 1)):
            for count, _ in workers:
                figure = found.start(name, count, what) if name == "plain" else found.start_added(name, count, what)
                figure = statistic.scaled(figure, 1 / unit)
                cells.append(spread(figure, "" if name == "plain" else "+", digits))
        lines.append(row(stand.NAMES[name], *cells))
    return [*lines, ""]


def slope():
    middle, largest = plan.SLOPE
    return (
        f"what is added at {calls.SIZES[largest.size]:,} bytes less what is added at {calls.SIZES[middle.size]:,}, "
        "over the bytes between"
    )


def describe(cell):
    protocol = {"h1": "HTTP/1.1", "h2": "HTTP/2"}[cell.protocol]
    text = "" if cell.size == "170 B" else f" of {cell.text}"
    return f"{cell.outcome}, {cell.size}{text}, {protocol}"


def spread(figure, sign="", digits=1):
    return f"{figure.value:{sign}.{digits}f} ±{statistic.half_range(figure):.{digits}f}"


def header(*names):
    return [row(*names), row(*("---" for _ in names))]


def row(*values):
    return "| " + " | ".join(str(value) for value in values) + " |"
