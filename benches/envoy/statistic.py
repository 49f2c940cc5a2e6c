"""The statistic: what stays the same when a run is repeated.

Values come as a list for each start of the Envoys, of a value for each burst.
The bursts of two variants with the same place in their lists were of one round.
"""

import collections
import statistics

# The median of the starts, and the least and the most of them.
Estimate = collections.namedtuple("Estimate", "value least most")


def lowest_sixth(bursts):
    """The mean of the lowest sixth: bursts that nobody disturbed."""
    ordered = sorted(bursts)
    return statistics.mean(ordered[: max(1, len(ordered) // 6)])


def estimate(by_start):
    return Estimate(statistics.median(by_start), min(by_start), max(by_start))


def whole(values, how):
    """By start, what a call costs."""
    take = {"low": lowest_sixth, "pairs": statistics.median}[how]
    return [take(bursts) for bursts in values]


def added(values, base, how):
    """By start, what a call costs more than under `base`: the difference of the
    lowest sixths, or the median of the differences within the rounds."""
    if how == "low":
        return [lowest_sixth(more) - lowest_sixth(less) for more, less in zip(values, base)]
    return [
        statistics.median(one - other for one, other in zip(more, less))
        for more, less in zip(values, base)
    ]


def ratio(upper, lower):
    """Of what two add by start: the ratio of their medians, since that of one
    start has the noise of both; the starts say how far it may be off."""
    value = quotient(statistics.median(upper), statistics.median(lower))
    starts = [quotient(one, other) for one, other in zip(upper, lower)]
    return Estimate(value, min(starts), max(starts))


def quotient(upper, lower):
    """Where nothing was added that could be measured, there is nothing to
    compare with."""
    return upper / lower if lower > 0 else float("nan")


def scaled(figure, factor):
    return Estimate(*(part * factor for part in figure))


def half_range(figure):
    return (figure.most - figure.least) / 2
