"""The programs of a run, each with its cores, its CPU and its end: nothing that
is started here outlives the run, however that ends."""

import contextlib
import ctypes
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

import stand

CORES = sorted(os.sched_getaffinity(0))
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def share_cores(workers):
    """The cores of Envoy, and those of all others. One worker has a core of its
    own. More have as many as leave that many for the others; else all share."""
    if workers == 1:
        return CORES[:1], CORES[1:2]
    if len(CORES) >= 2 * workers:
        return CORES[:workers], CORES[workers : 2 * workers]
    return CORES, CORES


def confined(cores):
    """Runs in the child, before the program: its cores, and its death with ours."""

    def apply():
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.sched_setaffinity(0, set(cores))

    return apply


@contextlib.contextmanager
def process(command, cores, **options):
    command = [str(part) for part in command]
    started = subprocess.Popen(command, preexec_fn=confined(cores), **options)
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


class Service:
    """A program that prints its port: the upstream, the authorizer."""

    def __init__(self, started):
        self.pid = started.pid
        self.port = int(started.stdout.readline())

    def cpu(self):
        return cpu(self.pid)


@contextlib.contextmanager
def service(command, cores):
    with process(command, cores, stdout=subprocess.PIPE, text=True) as started:
        yield Service(started)


def cpu(pid):
    """Seconds that all threads have run, to the nanosecond."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        # A thread may end meanwhile.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


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
        return cpu(self.pid)

    def memory(self):
        """Bytes in memory."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


@contextlib.contextmanager
def envoy(program, variant, upstream, workers=1, cores=None):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        config = folder / "envoy.json"
        config.write_text(json.dumps(stand.bootstrap(variant, upstream)))
        command = [program, "-c", config, "--concurrency", workers, "--use-dynamic-base-id"]
        command += ["--admin-address-path", folder / "admin", "--log-level", "warning"]
        with open(folder / "log", "wb") as log:
            with process(command, cores or CORES, stdout=log, stderr=log) as started:
                yield Envoy(started, folder)


def end_on_signals():
    """A request to end is an exception, so that all that was started ends too."""

    def end(number, _):
        raise SystemExit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
