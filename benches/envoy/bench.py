"""bench.py ENVOY BUILT INTO: what a call costs in an Envoy, with each of the
ways to put policy on it. BUILT is a folder with what was compiled for it.

The method is in docs/cost.md. `scripts/bench` runs it.
"""

import json
import pathlib
import platform
import re
import subprocess
import sys
import time

import figures
import measure
import picture
import plan
import processes
import report

MODULES = {"wasm": "filter.wasm", "empty": "empty.wasm", "module": "module.so"}


def main(program, built, into):
    built, into = pathlib.Path(built), pathlib.Path(into)
    into.mkdir(parents=True, exist_ok=True)
    processes.end_on_signals()
    paths = {name: built / file for name, file in MODULES.items() if (built / file).exists()}
    services = {name: built / name for name in ("upstream", "authorizer")}
    how_often = plan.Plan()
    bench = measure.Bench(program, paths, services, how_often)
    began = time.monotonic()
    results = {
        "machine": machine(program),
        "plan": vars(how_often),
        "module_bytes": {name: path.stat().st_size for name, path in paths.items()},
    }
    with bench.running(1):
        results["calls"] = bench.of_calls()
        results["alone"] = list(bench.alone.values())
        results["others"] = bench.noise
    with bench.running(2):
        results["two_workers"] = bench.of_two_workers()
        results["starts"] = bench.of_starts()
    results["minutes"] = round((time.monotonic() - began) / 60, 1)
    (into / "results.json").write_text(written(results))
    found = figures.Figures(results)
    (into / "RESULTS.md").write_text(report.write(found))
    (into / "results.svg").write_text(picture.draw(found))
    print(report.summary(found))


def written(results):
    """JSON with a line for each row, so that a diff can be read."""
    lines = []
    for key, value in results.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ",\n  ".join(json.dumps(row) for row in value)
            lines.append(f'"{key}": [\n  {rows}\n ]')
        else:
            lines.append(f'"{key}": {json.dumps(value)}')
    return "{\n " + ",\n ".join(lines) + "\n}\n"


def machine(program):
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = next((line.split(":")[1].strip() for line in info.splitlines() if "model name" in line), "?")
    return {
        "cpu": model,
        "cores": len(processes.CORES),
        "kernel": platform.release(),
        "envoy": version(program),
        "load": version("h2load"),
        "commit": commit(),
        "day": time.strftime("%Y-%m-%d"),
    }


def commit():
    try:
        run = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True)
    except FileNotFoundError:
        return "?"
    return run.stdout.strip() or "?"


def version(program):
    run = subprocess.run([program, "--version"], capture_output=True, text=True)
    return re.search(r"\d+\.\d+\.\d+", run.stdout)[0]


if __name__ == "__main__":
    main(*sys.argv[1:])
