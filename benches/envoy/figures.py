"""What is asked of the results, as estimates: by the lowest sixth of the bursts
(`low`), and by the medians of what was measured in one round (`pairs`)."""

import collections
import statistics

import calls
import plan
import statistic
import stand

MIB = 1 << 20

# A promise: what it is of, the estimates of both ways, and where it has to be.
Goal = collections.namedtuple("Goal", "name low pairs bar aim")


class Figures:
    def __init__(self, results):
        self.results = results
        self.calls = {(row["variant"], cell_of(row)): row for row in results["calls"]}
        self.two = {row["variant"]: row for row in results["two_workers"]}
        self.starts = {(row["variant"], row["workers"]): row for row in results["starts"]}
        # Runs of before had none of these.
        self.alone = {row["variant"]: row for row in results.get("alone", [])}

    def variants(self):
        return [name for name in stand.NAMES if (name, plan.SMALL) in self.calls]

    def has(self, variant, cell):
        return (variant, cell) in self.calls

    def _added(self, variant, cell, how):
        values, base = self.calls[variant, cell], self.calls["plain", cell]
        return statistic.added(values["cpu_us"], base["cpu_us"], how)

    def added(self, variant, cell, how):
        """Microseconds that are added to the plain proxy."""
        return statistic.estimate(self._added(variant, cell, how))

    def against_native(self, variant, cell, how):
        """That, as a part of what Envoy's own filter adds."""
        return statistic.ratio(self._added(variant, cell, how), self._added("native", cell, how))

    def whole(self, variant, cell, how):
        """Microseconds of the whole call."""
        return statistic.estimate(statistic.whole(self.calls[variant, cell]["cpu_us"], how))

    def whole_against(self, variant, cell, base, base_cell, how):
        take = lambda name, of: statistic.whole(self.calls[name, of]["cpu_us"], how)
        return statistic.ratio(take(variant, cell), take(base, base_cell))

    def per_byte(self, variant, text, how):
        """Nanoseconds added by each byte: what is added at the largest size less
        what is added at the middle one, over the bytes between."""
        middle, largest = (cell._replace(text=text) for cell in plan.SLOPE)
        between = calls.SIZES[largest.size] - calls.SIZES[middle.size]
        pairs = zip(self._added(variant, middle, how), self._added(variant, largest, how))
        return statistic.estimate([(much - little) * 1000 / between for little, much in pairs])

    def asked(self, cell, variant="ext_authz"):
        """Microseconds of CPU of the service that it asks, which are not Envoy's."""
        return statistic.estimate(statistic.whole(self.calls[variant, cell]["asked_us"], "low"))

    def added_to(self, base, variant, cell, how):
        """Microseconds that a filter takes more than the same filter with less to do."""
        values, less = self.calls[variant, cell]["cpu_us"], self.calls[base, cell]["cpu_us"]
        return statistic.estimate(statistic.added(values, less, how))

    def takes_alone(self, variant, how):
        """Microseconds from a call to its answer."""
        return statistic.estimate(statistic.whole(self.alone[variant]["wall_us"], how))

    def rate(self, variant):
        """Calls a second of two workers, undisturbed."""
        times = statistic.whole(self.two[variant]["wall_us"], "low")
        return statistic.estimate([1e6 / time for time in times])

    def rate_against_plain(self, variant, how):
        take = lambda name: statistic.whole(self.two[name]["wall_us"], how)
        if how == "low":
            return statistic.ratio(take("plain"), take(variant))
        pairs = zip(self.two["plain"]["wall_us"], self.two[variant]["wall_us"])
        return statistic.estimate(
            [statistics.median(less / more for less, more in zip(*bursts)) for bursts in pairs]
        )

    def two_added(self, variant, how):
        values, base = self.two[variant]["cpu_us"], self.two["plain"]["cpu_us"]
        return statistic.estimate(statistic.added(values, base, how))

    def start_added(self, variant, workers, what, how="low"):
        """Seconds (`ready_s`) or bytes (`bytes`) more than the plain proxy's. What
        a group of starts has is taken as the bursts of one start are."""
        values, base = self.starts[variant, workers][what], self.starts["plain", workers][what]
        return statistic.estimate(statistic.added(values, base, how))

    def start(self, variant, workers, what):
        return statistic.estimate(statistic.whole(self.starts[variant, workers][what], "low"))


def cell_of(row):
    return plan.Cell(*(row[key] for key in plan.Cell._fields))


def goals_of_wasm(figures):
    def goal(name, of, bar, aim):
        return Goal(name, of("low"), of("pairs"), bar, aim)

    ratio = lambda cell: lambda how: figures.against_native("wasm", cell, how)
    yield goal("added at 170 B, against Envoy's MCP filter + RBAC", ratio(plan.SMALL), 1.15, 1.0)
    yield goal("the same at 4 KB of code", ratio(plan.MIDDLE), 0.6, 0.5)
    slopes = {"escapes": (0.7, 0.6), "code": (0.5, 0.4), "prose": (0.35, 0.3), "non-ASCII": (0.7, 0.6)}
    for text, (bar, aim) in slopes.items():
        of = lambda how: figures.per_byte("wasm", text, how)
        yield goal(f"added by a byte of {text}, ns", of, bar, aim)
    of = lambda how: figures.start_added("wasm", 1, "ready_s", how)
    yield goal("Envoy ready, on all cores, added, s", of, 0.45, 0.35)
    size = statistic.estimate([figures.results["module_bytes"]["wasm"] / 1000])
    yield Goal("size of the module, KB", size, size, 500, 450)


def goals_of_module(figures):
    def goal(name, of, bar, aim):
        return Goal(name, of("low"), of("pairs"), bar, aim)

    ratio = lambda cell: lambda how: figures.against_native("module", cell, how)
    http2 = plan.SMALL._replace(protocol="h2")
    yield goal("added at 170 B, against Envoy's MCP filter + RBAC", ratio(plan.SMALL), 0.45, 0.33)
    yield goal("the same over HTTP/2", ratio(http2), 0.45, 0.33)
    yield goal("the same at 4 KB of code", ratio(plan.MIDDLE), 0.3, 0.15)
    yield goal("the same at 64 KB of code", ratio(plan.LARGE), 0.15, 0.09)
    denied = plan.SMALL._replace(outcome="denied")
    of = lambda how: figures.whole_against("module", denied, "native", denied, how)
    yield goal("a denied call, whole, against Envoy's", of, 0.5, 0.37)
    of = lambda how: figures.start_added("module", 1, "ready_s", how)
    yield goal("Envoy ready, on all cores, added, s", of, 0.05, 0.02)
    of = lambda how: statistic.scaled(figures.start_added("module", 8, "bytes", how), 1 / MIB)
    yield goal("memory at 8 workers, added, MiB", of, 4, 1)
    of = lambda how: figures.rate_against_plain("module", how)
    yield goal("calls a second of two workers, against the plain proxy", of, 0.75, 0.85)


def verdict(goal):
    """By the lowest sixth. Where the aim is above the bar, more is better."""
    better = (lambda a, b: a >= b) if goal.aim > goal.bar else (lambda a, b: a <= b)
    if better(goal.low.value, goal.aim):
        return "aim met"
    return "met" if better(goal.low.value, goal.bar) else "**missed**"
