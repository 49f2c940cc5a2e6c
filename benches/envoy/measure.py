"""The measurements: what a call costs one worker, how long one takes alone, how many
calls two workers do, and what a start of Envoy takes."""

import contextlib
import sys
import tempfile

import calls
import load
import noise
import plan
import processes
import stand

# Connections for one worker are those of load.FLIGHT; two take more to fill, and
# every one of eight shall get some when memory is measured.
MANY_CONNECTIONS = 32
ALL_CONNECTIONS = 64


class Bench:
    """The programs of a run, and the bodies of its calls."""

    def __init__(self, program, modules, services, how_often):
        self.program, self.modules, self.services = program, modules, services
        self.plan = how_often
        # Of each start, the cores that others used.
        self.noise = []
        # Of each variant, how long a call takes that is alone.
        self.alone = {}

    @contextlib.contextmanager
    def running(self, workers):
        """Within it there are the bodies' files, and the services on their cores."""
        _, cores = processes.share_cores(workers)
        upstream = processes.service([self.services["upstream"]], cores)
        authorizer = processes.service([self.services["authorizer"], calls.DENIED], cores)
        counter = processes.service([self.services["authorizer"], "--counts"], cores)
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            started = (stack.enter_context(each) for each in (upstream, authorizer, counter))
            self.upstream, self.authorizer, self.counter = started
            self.bodies = calls.write(folder, plan.cells())
            self.variants = stand.variants(self.modules, self.authorizer.port, self.counter.port)
            yield self

    @contextlib.contextmanager
    def envoys(self, workers, start):
        """All of them, started in another order each time."""
        cores, _ = processes.share_cores(workers)
        with contextlib.ExitStack() as stack:
            found = {}
            for name in plan.shuffled(self.variants, workers, start):
                found[name] = stack.enter_context(self.envoy(name, workers, cores))
            yield found

    def envoy(self, name, workers, cores):
        variant = self.variants[name]
        return processes.envoy(self.program, variant, self.upstream.port, workers, cores)

    def statuses(self, envoys, cells):
        """What the status of each variant's answers has to be in each cell, after
        a look at what it decides: a filter that gave up on a body is cheap."""
        found = {}
        for cell in cells:
            for name, envoy in envoys.items():
                if not plan.is_measured(name, cell):
                    continue
                path = self.bodies[calls.key_of(cell)]
                if cell.outcome == "limited":
                    # The first is within the limit.
                    load.probe(envoy, path)
                reached, found[name, cell] = load.probe(envoy, path)
                wrong = reached != (cell.outcome == "allowed")
                if "denied" in stand.REFUSES.get(name, ()):
                    denied = self.bodies[calls.DENIED, cell.size, cell.text]
                    wrong |= load.probe(envoy, denied)[0]
                if wrong:
                    raise SystemExit(f"bench: {name} decides wrongly about {cell}")
        return found

    def burst(self, envoy, cell, count, workers, expected, connections=None):
        """What a burst took of the wall clock and of Envoy's CPU, in microseconds
        a call, and of the service's that it asks."""
        _, others = processes.share_cores(workers)
        asked, before = self.asked_cpu(), envoy.cpu()
        path = self.bodies[calls.key_of(cell)]
        done = load.burst(envoy, cell.protocol, path, count, others, connections)
        spent, asked = envoy.cpu() - before, self.asked_cpu() - asked
        if done.statuses[expected] != count:
            raise SystemExit(f"bench: not all of {count} answers are {expected}: {done} for {cell}")
        return [round(seconds / count * 1e6, 2) for seconds in (done.took, spent, asked)]

    def of_calls(self):
        """Microseconds of Envoy's CPU for a call: a list for each start, of a value
        for each burst."""
        cells, rows = plan.cells(), {}
        for start in range(self.plan.starts):
            with self.envoys(1, start) as envoys:
                statuses = self.statuses(envoys, cells)
                meter = noise.Others([*(each.pid for each in envoys.values()), *self.service_pids()])
                for turn in range(self.plan.rounds + 1):
                    say(f"bench: start {start + 1} of {self.plan.starts}, round {turn} of {self.plan.rounds}")
                    for cell in plan.shuffled(cells, start, turn):
                        names = [name for name in envoys if plan.is_measured(name, cell)]
                        for name in plan.shuffled(names, start, turn, cell):
                            count = plan.BURST[cell.size]
                            _, cpu, asked = self.burst(envoys[name], cell, count, 1, statuses[name, cell])
                            # The first round warms up.
                            if turn:
                                note(rows, start, {"variant": name, **cell._asdict()}, cpu_us=cpu, asked_us=asked)
                    self.take_alone(envoys, statuses, start, turn)
                self.noise.append(round(meter.share(), 3))
        return [self.without_others(row) for row in rows.values()]

    def take_alone(self, envoys, statuses, start, turn):
        """Microseconds from a call to its answer, one call after another: who asks a
        service waits for it."""
        cell = plan.SMALL
        for name in plan.shuffled(filter(plan.is_timed, envoys), start, turn, "alone"):
            count = plan.BURST[cell.size] // 2
            took, _, _ = self.burst(envoys[name], cell, count, 1, statuses[name, cell], connections=1)
            if turn:
                note(self.alone, start, {"variant": name}, wall_us=took)

    def without_others(self, row):
        """The CPU of a service is of interest where it was asked."""
        if not self.variants[row["variant"]].asks:
            del row["asked_us"]
        return row

    def of_two_workers(self):
        """Calls of one caller, whose counts both workers change."""
        cell, rows = plan.SMALL, {}
        for start in range(self.plan.long_starts):
            with self.envoys(2, start) as envoys:
                for name in stand.MORE:
                    envoys.pop(name, None)
                statuses = self.statuses(envoys, [cell])
                for turn in range(self.plan.long_rounds + 1):
                    say(f"bench: two workers, start {start + 1} of {self.plan.long_starts}, round {turn}")
                    for name in plan.shuffled(envoys, start, turn):
                        took, cpu, _ = self.burst(
                            envoys[name], cell, plan.LONG_BURST, 2, statuses[name, cell], MANY_CONNECTIONS
                        )
                        if turn:
                            note(rows, start, {"variant": name}, wall_us=took, cpu_us=cpu)
        return list(rows.values())

    def of_starts(self):
        """Seconds until Envoy is ready, on all cores, and bytes in memory once all
        workers have served: a list for each group of starts, a value for each."""
        rows = {}
        path = self.bodies[calls.key_of(plan.MIDDLE)]
        for turn in range(self.plan.groups * self.plan.timed_starts):
            say(f"bench: timed start {turn + 1} of {self.plan.groups * self.plan.timed_starts}")
            group = turn // self.plan.timed_starts
            for workers in plan.WORKERS:
                for name in plan.shuffled(self.variants, workers, turn):
                    # Many tools take long, and are of less interest.
                    if name == "many" and turn % self.plan.timed_starts:
                        continue
                    # Nothing is asked at a start.
                    if name in stand.ASKING:
                        continue
                    with self.envoy(name, workers, processes.CORES) as envoy:
                        load.burst(envoy, "h1", path, 1600, processes.CORES, ALL_CONNECTIONS)
                        note(
                            rows, group, {"variant": name, "workers": workers},
                            ready_s=round(envoy.ready, 4), bytes=envoy.memory(),
                        )
        return list(rows.values())

    def service_pids(self):
        return [self.upstream.pid, self.authorizer.pid, self.counter.pid]

    def asked_cpu(self):
        """Seconds of CPU of the services that are asked, of which a burst asks one."""
        return self.authorizer.cpu() + self.counter.cpu()


def note(rows, start, what, **values):
    """Puts values behind those of the same row and start."""
    row = rows.setdefault(tuple(what.values()), {**what, **{key: [] for key in values}})
    for key, value in values.items():
        if len(row[key]) == start:
            row[key].append([])
        row[key][start].append(value)


def say(line):
    print(line, file=sys.stderr, flush=True)
