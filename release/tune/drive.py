"""drive.py ENVOY MODULE UPSTREAM: makes calls through a native module that counts, in an
Envoy, at whose end the module writes what it has counted.
"""

import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "benches" / "envoy"))
import calls  # noqa: E402
import load  # noqa: E402
import plan  # noqa: E402
import processes  # noqa: E402
import stand  # noqa: E402

CALLS = 2000
CELLS = (plan.SMALL, plan.MIDDLE, plan.LARGE)


def main(envoy, module, upstream):
    processes.end_on_signals()
    audit = "%FILTER_STATE(wasm.mcp_audit:PLAIN)%"
    variant = stand.Variant([stand.native_module(module, stand.many_tools(50))], audit)
    cores = processes.CORES
    with processes.service([upstream], cores) as server, tempfile.TemporaryDirectory() as folder:
        bodies = calls.write(folder, CELLS)
        with processes.envoy(envoy, variant, server.port, 1, cores) as running:
            for cell in CELLS:
                for protocol in load.FLIGHT:
                    done = load.burst(running, protocol, bodies[calls.key_of(cell)], CALLS, cores)
                    if done.statuses["2xx"] != CALLS:
                        raise SystemExit(f"drive: not all calls went on: {done}")


if __name__ == "__main__":
    main(*sys.argv[1:])
