"""Processes and what they cost: Envoys, the upstream, the load generator."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time

import stand

# Envoy has a core of its own; the load generator and the upstream share one.
CORES = sorted(os.sched_getaffinity(0))
ENVOY_CORE, OTHER_CORE = CORES[0], CORES[-1]
# Requests in flight: connections, and streams on each.
FLIGHT = {"h1": (8, 1), "h2": (4, 2)}


def pinned(core):
    return None if core is None else (lambda: os.sched_setaffinity(0, {core}))


@contextlib.contextmanager
def process(command, core=None, **options):
    started = subprocess.Popen([str(part) for part in command], preexec_fn=pinned(core), **options)
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(10)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
        if started.stdout:
            started.stdout.close()


@contextlib.contextmanager
def upstream(program):
    with process([program], OTHER_CORE, stdout=subprocess.PIPE, text=True) as started:
        yield int(started.stdout.readline())


class Envoy:
    """A running Envoy that is ready to serve."""

    def __init__(self, started, folder):
        self.process, self.pid = started, started.pid
        self.log = folder / "log"
        begun = time.monotonic()
        self.admin = self.await_admin(folder / "admin", begun + 60)
        while self.get("/ready") != "LIVE\n":
            self.check(begun + 60)
        self.ready = time.monotonic() - begun
        listeners = json.loads(self.get("/listeners?format=json"))
        [listener] = listeners["listener_statuses"]
        self.port = listener["local_address"]["socket_address"]["port_value"]

    def await_admin(self, file, deadline):
        while not (file.exists() and file.read_text()):
            self.check(deadline)
        return file.read_text().split(":")

    def check(self, deadline):
        if self.process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"bench: Envoy did not start:\n{self.log.read_text()[-3000:]}")
        time.sleep(0.001)

    def get(self, path):
        connection = http.client.HTTPConnection(self.admin[0], int(self.admin[1]), timeout=60)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        except ConnectionError:
            return ""
        finally:
            connection.close()

    def cpu(self):
        """Seconds that all threads have run, to the nanosecond."""
        total = 0
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def memory(self):
        """Bytes in memory."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


@contextlib.contextmanager
def envoy(program, filters, logged, upstream, workers=1, core=None):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        config = folder / "envoy.json"
        config.write_text(json.dumps(stand.bootstrap(filters, logged, upstream, None)))
        command = [program, "-c", config, "--concurrency", workers, "--use-dynamic-base-id"]
        command += ["--admin-address-path", folder / "admin", "--log-level", "warning"]
        with open(folder / "log", "wb") as log:
            with process(command, core, stdout=log, stderr=log) as started:
                yield Envoy(started, folder)


def probe(envoy, path):
    """Makes a call; whether it reached the upstream."""
    connection = http.client.HTTPConnection("127.0.0.1", envoy.port, timeout=10)
    connection.request("POST", "/mcp", path.read_bytes(), stand.HEADERS)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.getheader("x-upstream") == "reached"


class Failed(Exception):
    pass


def load(envoy, protocol, path, *options, connections=None):
    """Runs the load generator; requests done, and how many a second."""
    clients, streams = FLIGHT[protocol]
    clients = connections or clients
    command = ["h2load", "-c", clients, "-m", streams, "-d", path, *options]
    command += ["--h1"] if protocol == "h1" else []
    for name, value in stand.HEADERS.items():
        command += ["-H", f"{name}: {value}"]
    command.append(f"http://127.0.0.1:{envoy.port}/mcp")
    run = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        preexec_fn=pinned(OTHER_CORE),
    )
    done = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed", run.stdout)
    rate = re.search(r"finished in ([\d.]+)(us|ms|s)?, ([\d.]+) req/s", run.stdout)
    if run.returncode or not done or not rate:
        raise Failed(f"bench: h2load failed: {run.stdout[-500:]}{run.stderr[-500:]}")
    return int(done[1]), float(rate[3])


def calibrate(envoy, protocol, path, seconds):
    """Requests that take so long, after some that warm everything up."""
    count, rate = load(envoy, protocol, path, "-n", 32)
    count, rate = load(envoy, protocol, path, "-n", max(32, int(rate * min(0.3, seconds))))
    return max(32, int(rate * seconds))


def cost(envoy, protocol, path, count):
    """Microseconds of Envoy's CPU a request; requests a second; what others
    took of the two cores meanwhile."""
    busy, own, began = machine_busy(), children_cpu(), time.monotonic()
    before = envoy.cpu()
    done, rate = load(envoy, protocol, path, "-n", count)
    spent = envoy.cpu() - before
    took = time.monotonic() - began
    ours = spent + children_cpu() - own
    others = (machine_busy() - busy - ours) / took
    return spent / done * 1e6, rate, others


def machine_busy():
    """Seconds that the cores used here were busy."""
    total = 0
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        core = re.match(r"cpu(\d+) (.*)", line)
        if core and int(core[1]) in (ENVOY_CORE, OTHER_CORE):
            user, nice, system, _idle, _wait, irq, soft, steal = map(int, core[2].split()[:8])
            total += user + nice + system + irq + soft + steal
    return total / os.sysconf("SC_CLK_TCK")


def children_cpu():
    """Seconds of load generators that have ended, and of the upstream."""
    ended = os.times()
    return ended.children_user + ended.children_system + upstream_cpu()


def upstream_cpu():
    total = 0
    for child in pathlib.Path("/proc/self/task").glob("*/children"):
        for pid in child.read_text().split():
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
            if "(upstream)" in stat:
                fields = stat.rpartition(")")[2].split()
                total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def latencies(envoy, protocol, path, rate, seconds):
    """p50, p99 and p99.9 in microseconds at so many requests a second."""
    clients, _ = FLIGHT[protocol]
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder) / "log"
        pace = max(1, int(rate / clients))
        load(envoy, protocol, path, "-D", seconds, f"--rps={pace}", f"--log-file={log}")
        times = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
    return [times[min(len(times) - 1, int(len(times) * part))] for part in (0.5, 0.99, 0.999)]


def version(program):
    run = subprocess.run([program, "--version"], capture_output=True, text=True)
    return re.search(r"\d+\.\d+\.\d+", run.stdout)[0]
