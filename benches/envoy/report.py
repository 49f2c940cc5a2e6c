"""The figures of a run, as Markdown."""

import statistics

import measure
import stand


LEGEND = (
    "In parentheses what was added to the plain proxy, and that against what the native filter added. "
    f"\"{stand.NAMES['empty']}\" is a module that makes the host calls of an allowed call under (b) and throws "
    "away what they return: Envoy's own part of the cost."
)


class Figures:
    """What is asked of the results: medians, and differences within a round."""

    def __init__(self, results):
        self.results = results
        self.rows = {
            (row["variant"], row["protocol"], row["size"], row["outcome"]): row
            for row in results["costs"]
        }

    def cpu(self, *cell):
        return statistics.median(self.rows[cell]["cpu_us"])

    def rounds(self, variant, protocol, size):
        """What was added to the plain proxy, by round."""
        cell = (protocol, size, "allowed")
        pairs = zip(self.rows[variant, *cell]["cpu_us"], self.rows["plain", *cell]["cpu_us"])
        return [with_filter - without for with_filter, without in pairs]

    def added(self, *cell):
        return statistics.median(self.rounds(*cell))

    def against_native(self, variant, protocol, size):
        return self.added(variant, protocol, size) / self.added("native", protocol, size)

    def per_byte(self, variant, protocol):
        """Nanoseconds added by each byte from 4 KB to 1 MB."""
        small, large = (self.added(variant, protocol, size) for size in ("4 KB", "1 MB"))
        return (large - small) * 1000 / (stand.SIZES["1 MB"] - stand.SIZES["4 KB"])

    def refused(self, variant, protocol, size, outcome):
        whole = (protocol, size)
        return self.cpu(variant, *whole, outcome) / self.cpu(variant, *whole, "allowed")

    def latency(self, variant, protocol):
        [row] = [
            row for row in self.results["latencies"]
            if (row["variant"], row["protocol"]) == (variant, protocol)
        ]
        return row["rate"], [statistics.median(times) for times in zip(*row["us"])]

    def added_p99(self, protocol):
        """What this filter adds to p99, against what the native one adds."""
        p99 = {variant: self.latency(variant, protocol)[1][1] for variant in ("plain", "native", "b")}
        native = p99["native"] - p99["plain"]
        return (p99["b"] - p99["plain"]) / native if native > 0 else float("nan")

    def start(self, variant, workers):
        [row] = [
            row for row in self.results["starts"]
            if (row["variant"], row["workers"]) == (variant, workers)
        ]
        return statistics.median(row["ready_s"]), statistics.median(row["bytes"])

    def worker_mib(self):
        """Of each of seven further workers, what the module adds."""
        more = {v: self.start(v, 8)[1] - self.start(v, 1)[1] for v in ("plain", "b")}
        return (more["b"] - more["plain"]) / 7 / 2**20

    def spreads(self):
        """For each cell, half of the range of its rounds over their median."""
        rows = [row["cpu_us"] for row in self.results["costs"]]
        return sorted((max(r) - min(r)) / 2 / statistics.median(r) for r in rows)


def bars(figures):
    """What is promised: a figure, its bar and its aim."""
    h1 = "h1"
    yield "added CPU, 170 B, (b) against native + RBAC", figures.against_native("b", h1, "170 B"), 0.8, 0.6
    yield "the same at 4 KB", figures.against_native("b", h1, "4 KB"), 0.55, 0.4
    yield "added CPU a body byte, 4 KB to 1 MB, ns", figures.per_byte("b", h1), 0.7, 0.3
    yield "added CPU, 170 B, (c) against (b)", figures.added("c", h1, "170 B") / figures.added("b", h1, "170 B"), 1.05, 1.0
    yield "added p99 at half load, against native + RBAC", figures.added_p99(h1), 1.0, 0.7
    yield "a denied call against an allowed one, whole", figures.refused("b", h1, "170 B", "denied"), 0.8, 0.6
    yield "module, KB", figures.results["module_bytes"] / 1000, 500, 350
    added = figures.start("b", 1)[0] - figures.start("plain", 1)[0]
    yield "Envoy ready, added by the module, s", added, 0.25, 0.15
    yield "memory a further worker, MiB", figures.worker_mib(), 1.5, 1.0


def write(results):
    figures = Figures(results)
    lines = ["# What a call costs in Envoy", "", *preamble(results, figures), ""]
    lines += ["## Where it has to come out", "", "| figure | measured | bar | aim | |", "| --- | --- | --- | --- | --- |"]
    for name, value, bar, aim in bars(figures):
        verdict = "aim met" if value <= aim else "bar met" if value <= bar else "missed"
        lines.append(f"| {name} | {number(value)} | {bar} | {aim} | {verdict} |")
    for protocol, title in (("h1", "HTTP/1.1"), ("h2", "HTTP/2")):
        lines += ["", f"## {title}: microseconds of Envoy's CPU for an allowed call", ""]
        lines += [LEGEND, ""]
        lines += header("", *stand.SIZES)
        for variant, name in stand.NAMES.items():
            lines.append(row(name, *(cell(figures, variant, protocol, size) for size in stand.SIZES)))
    lines += ["", "## Refused calls", "", "Microseconds of Envoy's CPU for the whole call, and that against the same call allowed.", ""]
    lines += header("", *(f"{p}, {size}" for p in measure.FLIGHT for size in ("170 B", "4 KB")))
    for variant, outcome in (("native", "denied"), ("b", "denied"), ("b", "limited")):
        values = []
        for protocol in measure.FLIGHT:
            for size in ("170 B", "4 KB"):
                cpu = figures.cpu(variant, protocol, size, outcome)
                values.append(f"{cpu:.1f} ({figures.refused(variant, protocol, size, outcome):.2f})")
        lines.append(row(f"{stand.NAMES[variant]}: {outcome}", *values))
    lines += ["", "## Latency at half of what the slowest can do, 170 B", "", "Microseconds, with the load generator's own.", ""]
    lines += header("", "calls/s", "p50", "p99", "p99.9")
    for protocol in measure.FLIGHT:
        for variant in ("plain", "native", "b"):
            rate, times = figures.latency(variant, protocol)
            lines.append(row(f"{protocol}, {stand.NAMES[variant]}", rate, *(f"{time:.0f}" for time in times)))
    lines += ["", "## Start-up and memory", ""]
    lines += header("", "ready after, s", "memory, MiB")
    for variant in ("plain", "b"):
        for workers in (1, 8):
            ready, size = figures.start(variant, workers)
            plural = "worker" if workers == 1 else "workers"
            lines.append(row(f"{stand.NAMES[variant]}, {workers} {plural}", f"{ready:.3f}", f"{size / 2**20:.1f}"))
    return "\n".join(lines) + "\n"


def preamble(results, figures):
    machine = results["machine"]
    spreads = figures.spreads()
    others = [share for row in results["costs"] for share in row["others"]]
    yield (
        f"Made by `make bench` on {machine['day']}: {machine['cpu']}, {machine['cores']} cores, Linux "
        f"{machine['kernel']}, Envoy {machine['envoy']} with one worker on a core of its own, h2load "
        f"{machine['load']} and the upstream on another. An access log is written in all variants, with "
        f"what each knows of the call. Medians of {results['rounds']} rounds in turn, "
        f"{results['seconds']:g} s a cell; what was added is the median of the differences within a round."
    )
    yield ""
    yield (
        f"Noise: the rounds of a cell spread by ±{statistics.median(spreads):.0%} in the median cell and by "
        f"±{spreads[-1]:.0%} in the worst; other processes took {statistics.mean(others):.2f} of the two cores."
    )


def cell(figures, variant, protocol, size):
    cpu = figures.cpu(variant, protocol, size, "allowed")
    if variant == "plain":
        return f"{cpu:.1f}"
    added = figures.added(variant, protocol, size)
    return f"{cpu:.1f} ({added:+.1f}, {figures.against_native(variant, protocol, size):.2f})"


def header(*names):
    return [row(*names), row(*("---" for _ in names))]


def row(*values):
    return "| " + " | ".join(str(value) for value in values) + " |"


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"
