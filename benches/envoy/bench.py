"""bench.py ENVOY MODULE EMPTY UPSTREAM INTO: what the filter costs in an Envoy,
beside the plain proxy, Envoy's own filter, Lua and a module that decides nothing.

Every cell of the table (a variant, a protocol, a body, an outcome) is measured
once a round, one after the other, so that a slow minute of the machine falls on
all of them. What is compared is always of the same round; what is shown is the
median of the rounds. BENCH_ROUNDS and BENCH_SECONDS say how long it takes.
"""

import contextlib
import itertools
import json
import os
import pathlib
import platform
import statistics
import sys
import tempfile
import time

import measure
import picture
import report
import stand

ROUNDS = int(os.environ.get("BENCH_ROUNDS") or 5)
SECONDS = float(os.environ.get("BENCH_SECONDS") or 1)

OUTCOMES = {"allowed": stand.ALLOWED, "denied": stand.DENIED, "limited": stand.LIMITED}
COMPARED = ("plain", "native", "b")


def main(program, module, empty, upstream_program, into):
    into = pathlib.Path(into)
    into.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        bodies = stand.write_bodies(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream = stack.enter_context(measure.upstream(upstream_program))
        variants = stand.variants(module, empty)
        envoys = {}
        for name, (filters, logged) in variants.items():
            running = measure.envoy(program, filters, logged, upstream, core=measure.ENVOY_CORE)
            envoys[name] = stack.enter_context(running)
        probe_all(envoys, bodies)
        costs = measure_costs(envoys, bodies)
        paces = measure_latencies(envoys, bodies, costs)
        del envoys
    with measure.upstream(upstream_program) as upstream:
        starts = measure_starts(program, variants, upstream, module)
    results = {
        "machine": machine(program),
        "rounds": ROUNDS,
        "seconds": SECONDS,
        "module_bytes": pathlib.Path(module).stat().st_size,
        "costs": costs,
        "latencies": paces,
        "starts": starts,
    }
    (into / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (into / "results.svg").write_text(picture.draw(results))
    text = report.write(results)
    (into / "RESULTS.md").write_text(text)
    print(text)


def cells():
    """All that is measured: variant, protocol, body, outcome."""
    for protocol, size, outcome in itertools.product(measure.FLIGHT, stand.SIZES, OUTCOMES):
        for variant in stand.NAMES:
            if outcome == "allowed" or is_refused(variant, size, outcome):
                yield variant, protocol, size, outcome


def is_refused(variant, size, outcome):
    """Of refusals, those in the place of a call that is measured too."""
    return size in ("170 B", "4 KB") and variant in {"denied": ("native", "b"), "limited": ("b",)}[outcome]


def probe_all(envoys, bodies):
    """Makes sure that each variant does what its name says, at every size: a
    native filter that gave up on a body would be cheap."""
    for variant, envoy in envoys.items():
        measure.probe(envoy, bodies[stand.LIMITED, "170 B"])
        for (tool, size), body in bodies.items():
            refused = tool == stand.DENIED and variant not in ("plain", "empty")
            refused |= variant == "a" and tool != stand.ALLOWED
            refused |= variant in "bc" and tool == stand.LIMITED
            if measure.probe(envoy, body) == refused:
                raise SystemExit(f"bench: {variant} decides wrongly about {tool} with {size}")


def measure_costs(envoys, bodies):
    """For each cell, what it cost in each round."""
    rows = [
        {"variant": variant, "protocol": protocol, "size": size, "outcome": outcome,
         "cpu_us": [], "rate": [], "others": []}
        for variant, protocol, size, outcome in cells()
    ]
    for turn in range(ROUNDS + 1):
        say(f"bench: round {turn} of {ROUNDS}" if turn else "bench: warming up")
        for row in rows:
            envoy, body = envoys[row["variant"]], bodies[OUTCOMES[row["outcome"]], row["size"]]
            if turn == 0:
                row["requests"] = measure.calibrate(envoy, row["protocol"], body, SECONDS)
                continue
            cpu, rate, others = measure.cost(envoy, row["protocol"], body, row["requests"])
            row["cpu_us"].append(round(cpu, 2))
            row["rate"].append(round(rate))
            row["others"].append(round(others, 2))
    return rows


def measure_latencies(envoys, bodies, costs):
    """At half of what the slowest of those compared can do."""
    body = bodies[stand.ALLOWED, "170 B"]
    rows = []
    for protocol in measure.FLIGHT:
        rates = [
            statistics.median(row["rate"])
            for row in costs
            if row["variant"] in COMPARED and row["protocol"] == protocol
            and row["size"] == "170 B" and row["outcome"] == "allowed"
        ]
        for variant in COMPARED:
            rows.append({"variant": variant, "protocol": protocol, "rate": round(min(rates) / 2), "us": []})
    for turn in range(ROUNDS):
        say(f"bench: latencies, round {turn + 1} of {ROUNDS}")
        for row in rows:
            seconds = max(1, round(2 * SECONDS))
            envoy = envoys[row["variant"]]
            row["us"].append(measure.latencies(envoy, row["protocol"], body, row["rate"], seconds))
    return rows


def measure_starts(program, variants, upstream, module):
    """Seconds until Envoy is ready, on all cores, and bytes in memory once all
    workers have served."""
    rows = [
        {"variant": variant, "workers": workers, "ready_s": [], "bytes": []}
        for variant in ("plain", "b") for workers in (1, 8)
    ]
    with tempfile.TemporaryDirectory() as folder:
        body = stand.write_bodies(folder)[stand.ALLOWED, "4 KB"]
        for turn in range(ROUNDS):
            say(f"bench: starts, round {turn + 1} of {ROUNDS}")
            for row in rows:
                filters, logged = variants[row["variant"]]
                with measure.envoy(program, filters, logged, upstream, row["workers"]) as envoy:
                    row["ready_s"].append(round(envoy.ready, 4))
                    measure.load(envoy, "h1", body, "-n", 6400, connections=64)
                    row["bytes"].append(envoy.memory())
    return rows


def machine(program):
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = next((line.split(":")[1].strip() for line in info.splitlines() if "model name" in line), "?")
    return {
        "cpu": model,
        "cores": len(measure.CORES),
        "kernel": platform.release(),
        "envoy": measure.version(program),
        "load": measure.version("h2load"),
        "day": time.strftime("%Y-%m-%d"),
    }


def say(line):
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
