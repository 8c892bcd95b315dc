"""The arithmetic of the results."""

import statistics


def percentile(values, fraction):
    """The nearest-rank percentile: a value that was measured, never one in between."""
    ordered = sorted(values)
    rank = max(0, -(-int(fraction * 1000) * len(ordered) // 1000) - 1)
    return ordered[rank]


def spread(values):
    """(median, smallest, largest) of what the rounds gave, or None if no round gave anything."""
    values = [value for value in values if value is not None]
    if not values:
        return None
    return statistics.median(values), min(values), max(values)


def tasks_for(rate, seconds, smallest, largest):
    """How many tasks take about `seconds` at `rate`, in whole hundreds."""
    return max(smallest, min(largest, round(rate * seconds / 100) * 100))


def long_enough(record, largest):
    """Whether a measurement took long enough to tell how many tasks fill a scenario, or cannot be made longer."""
    return record.get("seconds", 1) >= 1 or record["count"] >= largest


def ratio(ours, theirs):
    """How many times theirs ours is, from two spreads."""
    if not ours or not theirs or not theirs[0]:
        return None
    return ours[0] / theirs[0]
