"""What of the cores went to processes that are no part of a run, and to other
machines on the same hardware: a reader of its figures has to know."""

import os
import pathlib
import re
import time

import processes


class Others:
    """Cores in use by others, from its making on."""

    def __init__(self, pids):
        self.pids = pids
        self.began, self.busy, self.own = time.monotonic(), busy(), self.ours()

    def ours(self):
        times = os.times()
        running = sum(processes.cpu(pid) for pid in self.pids)
        return running + times.user + times.system + times.children_user + times.children_system

    def share(self):
        took = time.monotonic() - self.began
        return max(0.0, busy() - self.busy - (self.ours() - self.own)) / took


def busy():
    """Seconds that the cores were not idle."""
    total = 0
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        core = re.match(r"cpu(\d+) (.*)", line)
        if core and int(core[1]) in processes.CORES:
            user, nice, system, _idle, _wait, irq, soft, steal = map(int, core[2].split()[:8])
            total += user + nice + system + irq + soft + steal
    return total / os.sysconf("SC_CLK_TCK")
