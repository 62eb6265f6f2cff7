"""Finds features that leak the target, one by one, on a bounded sample, without fitting a model."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.base.errors import quote
from headrace.core.contracts.contract import Column, Contract

Vector = NDArray[np.float64]
Codes = NDArray[np.int64]

FEWEST_ROWS = 50
SUSPICIOUS = 0.98
SUSPICIOUS_SUM = 0.9999
SUSPICIOUS_PLAIN_SUM = 0.97
# From these shares on the target is fully determined: labels up to one in two hundred, numbers up to rounding.
PERFECT_LABELS = 0.995
PERFECT_NUMBERS = 0.9999
# A leak is perfect only if at least this many held-out rows are not of the most frequent class.
_FEWEST_ROWS = 5
_NEAR_ONE = 0.15
_BINS = 64


@dataclass(frozen=True)
class LeakageSuspicion:
    """Features that seem to leak the target.

    Attributes:
        columns: The feature, or the features whose sum the target is.
        share: Share of the target's uncertainty that they explain on held-out rows, at most 1.
        perfect: Whether they determine the target completely.
        statement: What was found, without a full stop.
        remedy: What to do about it, without a full stop.
    """

    columns: tuple[str, ...]
    share: float
    perfect: bool
    statement: str
    remedy: str


def find_leaks(sample: pl.DataFrame, contract: Contract) -> list[LeakageSuspicion]:
    """Find features that alone determine the target, and sums of numbers that make it up.

    The values of a feature are put into at most 64 bins (categories stay apart, missing values have their own); the
    most frequent class, or the mean, of each bin in one half of the sample predicts the other half. Where that explains
    nearly all, a number also predicts by its nearest neighbours in the other half, because bins cannot follow a number
    exactly. For two classes, one of which may be rarer than a bin, a number also predicts by its best single cut.
    Columns that the contract marks as ``known_at_prediction`` are no leak.

    Args:
        sample: Typed rows (n) that hold the features and the target.
        contract: The table's contract.

    Returns:
        The suspicions, strongest first; none for a sample of fewer than 50 rows, or for an anomaly task, whose model
        never sees a label.
    """
    if contract.task == "anomaly":
        return []
    target = contract.target.name
    labelled = sample.filter(pl.col(target).is_not_null())
    if labelled.height < FEWEST_ROWS:
        return []
    value = labelled.get_column(target)
    regression = contract.task == "regression"
    y = value.cast(pl.Float64).to_numpy() if regression else _codes(value).astype(np.float64)
    if not np.isfinite(y).all():
        return []
    features = [column for column in contract.columns if column.role == "feature"]
    leaks = []
    for column in features:
        if column.known_at_prediction:
            continue
        values = labelled.get_column(column.name)
        share = _explained_by_bins(_bin_values(values, column), y, regression=regression)
        share = max(share, _cut(values, y)) if contract.task == "binary" else share
        if share >= SUSPICIOUS:
            share = max(share, _explained_by_order(values, y, regression=regression))
            leaks.append(_alone(column.name, target, share, perfect=_is_perfect(share, y, regression=regression)))
    if regression and not leaks:
        leaks = list(_sums(labelled, [column for column in features if column.dtype != "string"], y, target))
    return sorted(leaks, key=lambda leak: -leak.share)


def _alone(column: str, target: str, share: float, *, perfect: bool) -> LeakageSuspicion:
    return LeakageSuspicion(
        (column,),
        share,
        perfect,
        f"column {quote(column)} alone explains {100 * share:.1f} % of the target {quote(target)}",
        "give it 'known_at_prediction: true' if it is known when a prediction is made, else the role 'ignore'",
    )


def _is_perfect(share: float, y: Vector, *, regression: bool) -> bool:
    if regression:
        return share >= PERFECT_NUMBERS
    # Every second row is held out; the sample is in random order already.
    held_out = y[1::2].astype(np.int64)
    minority = held_out.size - int(np.bincount(held_out).max())
    return share >= PERFECT_LABELS and minority >= _FEWEST_ROWS


def _explained_by_order(values: pl.Series, y: Vector, *, regression: bool) -> float:
    """Return the share explained along a number: by the nearest row's class, or by linear interpolation."""
    x = _numbers(values)
    if x is None:
        return 0.0
    fit = np.arange(x.size) % 2 == 0
    held_out = ~fit
    points, first = np.unique(x[fit], return_index=True)
    values_at = y[fit][first]
    if regression:
        return _share(y[held_out] - np.interp(x[held_out], points, values_at), y[held_out] - y[fit].mean())
    above = np.clip(np.searchsorted(points, x[held_out]), 0, points.size - 1)
    below = np.maximum(above - 1, 0)
    nearest = np.where(x[held_out] - points[below] < points[above] - x[held_out], below, above)
    wrong = int((values_at[nearest] != y[held_out]).sum())
    baseline_errors = held_out.sum() - int(np.bincount(y[held_out].astype(np.int64)).max())
    return 1 - wrong / int(baseline_errors) if baseline_errors else 0.0


def _codes(series: pl.Series) -> Codes:
    """Return whole numbers (n,) from 0 on, one for each different value."""
    return series.cast(pl.String).rank("dense").fill_null(0).to_numpy().astype(np.int64)


def _bin_values(series: pl.Series, column: Column) -> Codes:
    if series.dtype in {pl.String, pl.Boolean} or column.categories is not None:
        return _codes(series)
    values = series.cast(pl.Float64).fill_null(np.nan).to_numpy()
    finite = values[np.isfinite(values)]
    if np.unique(finite).size <= _BINS:
        edges = np.unique(finite)
    else:
        edges = np.unique(np.quantile(finite, np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.where(np.isfinite(values), np.searchsorted(edges, values, side="right") + 1, 0).astype(np.int64)


def _explained_by_bins(bins: Codes, y: Vector, *, regression: bool) -> float:
    """Return the share of the baseline's error that the bins remove, on the held-out half."""
    fit = np.arange(y.size) % 2 == 0
    held_out = ~fit
    if regression:
        count = np.bincount(bins[fit], minlength=int(bins.max()) + 1)
        total = np.bincount(bins[fit], weights=y[fit], minlength=count.size)
        guess = np.where(count > 0, total / np.maximum(count, 1), y[fit].mean())
        before = float(((y[held_out] - y[fit].mean()) ** 2).sum())
        after = float(((y[held_out] - guess[bins[held_out]]) ** 2).sum())
    else:
        labels = y.astype(np.int64)
        size = int(labels.max()) + 1
        table = np.bincount(bins[fit] * size + labels[fit], minlength=(int(bins.max()) + 1) * size).reshape(-1, size)
        class_counts = np.bincount(labels[fit], minlength=size)
        guess = np.where(table.sum(axis=1) > 0, table.argmax(axis=1), class_counts.argmax())
        before = float((labels[held_out] != class_counts.argmax()).sum())
        after = float((labels[held_out] != guess[bins[held_out]]).sum())
    return 1 - after / before if before > 0 else 0.0


def _cut(values: pl.Series, y: Vector) -> float:
    """Return what the best single cut of a number explains of two classes, on the rows it was found on.

    No half is held out, because the row next to the cut would often be wrong there; with five or more rows of each
    class, chance does not separate them.
    """
    x, second = _numbers(values), y == y.max()
    rarer = min(int(second.sum()), int((~second).sum()))
    if x is None or rarer < _FEWEST_ROWS:
        return 0.0
    order = np.argsort(x, kind="stable")
    ordered, second_below = x[order], np.cumsum(second[order])
    # Errors if the rows up to each position are predicted as the first class and the rest as the second.
    wrong = second_below + np.arange(ordered.size - 1, -1, -1) - (second_below[-1] - second_below)
    cuts = wrong[:-1][ordered[1:] > ordered[:-1]]
    best = np.minimum(cuts, ordered.size - cuts).min(initial=ordered.size)
    return 1 - int(best) / rarer


def _numbers(values: pl.Series) -> Vector | None:
    """Return a column's numbers (n,); None if some are not finite."""
    if not values.dtype.is_numeric():
        return None
    x = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return x if np.isfinite(x).all() else None


def _sums(sample: pl.DataFrame, columns: list[Column], y: Vector, target: str) -> Iterator[LeakageSuspicion]:
    """Yield a target that is a weighted sum of a few columns, such as a total of its parts."""
    names = [column.name for column in columns][:200]
    # With fewer than ten rows for each column, least squares explains too much by chance.
    if not names or y.size < 10 * len(names):
        return
    x = sample.select(pl.col(name).cast(pl.Float64).fill_null(0.0) for name in names).to_numpy()
    x = np.where(np.isfinite(x), x, 0.0)
    centred_x, centred_y = x - x.mean(axis=0), y - y.mean()
    spread = centred_x.std(axis=0)
    usable = spread > 0
    weights, *_ = np.linalg.lstsq(centred_x[:, usable], centred_y, rcond=None)
    usable_columns, columns_used = centred_x[:, usable], np.array(names)[usable]
    parts = np.abs(weights) * spread[usable]
    ones = (np.abs(np.abs(weights) - 1) <= _NEAR_ONE) & (parts > 0.01 * parts.max())
    exact = _share(centred_y - usable_columns @ weights, centred_y)
    plain = _share(centred_y - usable_columns[:, ones] @ np.sign(weights[ones]), centred_y)
    if exact >= SUSPICIOUS_SUM:
        used, share, relation = columns_used[parts > 0.01 * parts.max()], exact, "a weighted sum of"
    elif plain >= SUSPICIOUS_PLAIN_SUM:
        used, share, relation = columns_used[ones], plain, "nearly a sum or difference of"
    else:
        return
    if all(column.known_at_prediction for column in columns if column.name in used):
        return
    yield LeakageSuspicion(
        tuple(str(name) for name in used),
        share,
        exact >= PERFECT_NUMBERS,
        f"the target {quote(target)} is {relation} {quote([str(name) for name in used])}",
        "give 'known_at_prediction: true' to the columns that are known when a prediction is made, and the others the "
        "role 'ignore'",
    )


def _share(residual: Vector, total: Vector) -> float:
    total_squares = float((total**2).sum())
    return 1 - float((residual**2).sum()) / total_squares if total_squares > 0 else 0.0
