"""The plan of a run: which variants get which calls, and how often."""

import collections
import itertools
import os
import random

import calls
import stand

# One load that variants are compared under.
Cell = collections.namedtuple("Cell", "protocol size text outcome")

# Calls in a burst: some tens of milliseconds.
BURST = {"170 B": 800, "4 KB": 800, "64 KB": 200, "256 KB": 80}
# Calls in a burst of two workers, which only fill up in a longer one.
LONG_BURST = 6000
WORKERS = (1, 2, 8)

SMALL, MIDDLE = Cell("h1", "170 B", "code", "allowed"), Cell("h1", "4 KB", "code", "allowed")
LARGE, LARGEST = MIDDLE._replace(size="64 KB"), MIDDLE._replace(size="256 KB")
# The sizes that tables show side by side, and the two between which the cost of
# a byte is taken.
ROW = (SMALL, MIDDLE, LARGE, LARGEST)
SLOPE = (MIDDLE, LARGEST)


def cells():
    """Every load, in no order: the runs shuffle them."""
    found = [*ROW, *(cell._replace(protocol="h2") for cell in ROW)]
    texts = [text for text in calls.TEXTS if text != "code"]
    found += [cell._replace(text=text) for cell, text in itertools.product(SLOPE, texts)]
    for small in (SMALL, SMALL._replace(protocol="h2"), MIDDLE):
        found.append(small._replace(outcome="denied"))
    for small in (SMALL, SMALL._replace(protocol="h2")):
        found.append(small._replace(outcome="limited"))
    return found


def is_measured(variant, cell):
    """Of refusals, those by variants that can refuse; of a policy with more to do,
    what a caller notices of that."""
    if variant in stand.MORE:
        return cell in (SMALL, MIDDLE)
    return cell.outcome == "allowed" or cell.outcome in stand.REFUSES.get(variant, ())


def is_timed(variant):
    """Of those that ask a service and of what they are compared with, how long a
    call takes."""
    return variant in ("plain", "ext_authz", *stand.ASKING, *(stand.MORE[name] for name in stand.ASKING))


class Plan:
    """How often all of it is done. `BENCH_QUICK=1` shows in two minutes whether
    everything works, and its figures are worth nothing."""

    def __init__(self, environment=os.environ):
        quick = bool(environment.get("BENCH_QUICK"))
        self.quick = quick
        self.starts = int(environment.get("BENCH_STARTS") or (2 if quick else 5))
        self.rounds = int(environment.get("BENCH_ROUNDS") or (2 if quick else 12))
        # The same of two workers; and how often each Envoy is started to be timed,
        # in so many groups.
        self.long_starts = 1 if quick else 3
        self.long_rounds = 2 if quick else 6
        self.groups = 1 if quick else 3
        self.timed_starts = 1 if quick else 3


def shuffled(items, *seed):
    """The same disorder in each run, another in each round."""
    items = list(items)
    random.Random(repr(seed)).shuffle(items)
    return items
