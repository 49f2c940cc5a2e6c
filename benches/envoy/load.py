"""The load: a burst of calls by h2load, and one call to see what comes of it."""

import collections
import http.client
import re
import subprocess

import calls
import processes

# Requests in flight: connections, and streams on each.
FLIGHT = {"h1": (8, 1), "h2": (4, 2)}
# A burst takes less than one.
MOST_SECONDS = 120

# Seconds that a burst took, and how many answers were of each class of status.
Burst = collections.namedtuple("Burst", "took statuses")


def probe(envoy, path):
    """Makes a call; whether it reached the upstream, and the class of the
    answer's status."""
    connection = http.client.HTTPConnection("127.0.0.1", envoy.port, timeout=30)
    connection.request("POST", "/mcp", path.read_bytes(), calls.HEADERS)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.getheader("x-upstream") == "reached", f"{answer.status // 100}xx"


def burst(envoy, protocol, path, count, cores, connections=None):
    clients, streams = FLIGHT[protocol]
    command = ["h2load", "-n", count, "-c", connections or clients, "-m", streams, "-d", path]
    command += ["--h1"] if protocol == "h1" else []
    for name, value in calls.HEADERS.items():
        command += ["-H", f"{name}: {value}"]
    command.append(f"http://127.0.0.1:{envoy.port}/mcp")
    run = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        preexec_fn=processes.confined(cores),
    )
    took = re.search(r"finished in ([\d.]+)(us|ms|s),", run.stdout)
    statuses = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", run.stdout)
    if run.returncode or not took or not statuses:
        raise SystemExit(f"bench: h2load failed: {run.stdout[-500:]}{run.stderr[-500:]}")
    seconds = float(took[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1}[took[2]]
    return Burst(seconds, dict(zip(("2xx", "3xx", "4xx", "5xx"), map(int, statuses.groups()))))
