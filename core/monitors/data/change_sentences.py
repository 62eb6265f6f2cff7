"""What has changed in a column, in words, from counts alone."""

import numpy as np
from numpy.typing import NDArray

from headrace.core.drift.input_counts import ColumnCounts

Floats = NDArray[np.float64]
_DECISIVE = 0.5


def percent(share: float) -> str:
    """Return a share in words, such as ``12 %`` or ``0.3 %``."""
    return f"{100 * share:.3g} %"


def describe_duration(seconds: float) -> str:
    """Return a time in words, such as ``40 s``, ``12 min``, ``3 h`` or ``2.5 days``."""
    units = ((86_400.0, "days"), (3600.0, "h"), (60.0, "min"))
    size, unit = next(((size, unit) for size, unit in units if seconds >= 2 * size), (1.0, "s"))
    return f"{seconds / size:.3g} {unit}"


def describe_change(reference: ColumnCounts, window: ColumnCounts) -> str:
    """Describe how the distribution of a column has changed, such as ``its median went from about 3.1 to about 4``.

    Args:
        reference: Counts of the reference, with values.
        window: Counts of the window in the same bins, with values.
    """
    before, now = _shares(reference), _shares(window)
    if reference.bins.categories:
        place = int(np.argmax(np.abs(now - before)))
        return (
            f"{_category(reference, place)} went from {percent(before[place])} to {percent(now[place])} of its values"
        )
    steps = np.abs(np.cumsum(now - before))
    place = int(np.argmax(np.abs(now - before)))
    if abs(now[place] - before[place]) >= _DECISIVE * np.abs(now - before).sum() / 2 and steps.max() > 0:
        shares = f"from {percent(before[place])} to {percent(now[place])} of its values"
        return f"{_describe_bin(reference, place)} went {shares}"
    quantiles = [[_quantile(counts, level) for level in (0.1, 0.5, 0.9)] for counts in (reference, window)]
    (low, middle, high), (low_now, middle_now, high_now) = quantiles
    spread = high - low
    if spread > 0 and abs(middle_now - middle) < abs((high_now - low_now) - spread) / 2:
        return f"its middle 80 % went from {low:.4g} to {high:.4g}, about, to {low_now:.4g} to {high_now:.4g}"
    return f"its median went from about {middle:.4g} to about {middle_now:.4g}"


def _shares(column: ColumnCounts) -> Floats:
    return column.counts / max(int(column.counts.sum()), 1)


def _category(column: ColumnCounts, place: int) -> str:
    names = column.bins.categories
    return f"{names[place]!r}" if place < len(names) else "what is not in the contract"


def _describe_bin(column: ColumnCounts, place: int) -> str:
    edges = column.bins.edges
    if place == 0:
        return f"values up to {edges[0]:.4g}"
    if place == len(edges):
        return f"values above {edges[-1]:.4g}"
    return f"values from {edges[place - 1]:.4g} to {edges[place]:.4g}"


def _quantile(column: ColumnCounts, level: float) -> float:
    """Return a quantile, interpolated in its bin; beyond the outer edges, the edge."""
    cumulative = np.cumsum(column.counts) / max(int(column.counts.sum()), 1)
    place = int(np.searchsorted(cumulative, level))
    edges = column.bins.edges
    if place <= 0 or place >= len(edges):
        return edges[0] if place <= 0 else edges[-1]
    below, inside = cumulative[place - 1], cumulative[place] - cumulative[place - 1]
    part = (level - below) / inside if inside else 0.0
    return float(edges[place - 1] + part * (edges[place] - edges[place - 1]))
