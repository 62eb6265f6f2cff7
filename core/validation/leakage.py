"""Features that give the target away: each alone, on a bounded sample, without fitting a model."""

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
# From here on nothing is left to learn: of labels all but one in two hundred, of numbers as of a weighted sum.
PERFECT_LABELS = 0.995
PERFECT_NUMBERS = 0.9999
# So many held-out rows must be of another class than the most frequent one before a leak is called perfect.
_FEWEST_TOLD = 5
_NEAR_ONE = 0.15
_BINS = 64


@dataclass(frozen=True)
class LeakageSuspicion:
    """A suspicion.

    Attributes:
        columns: The feature, or the features whose sum the target is.
        share: Share of the target's uncertainty that it explains on rows it was not fitted to, at most 1.
        perfect: Whether nothing of the target is left that they would not tell.
        found: What was found, without a full stop.
        remedy: What to do about it, without a full stop.
    """

    columns: tuple[str, ...]
    share: float
    perfect: bool
    found: str
    remedy: str


def find_leaks(sample: pl.DataFrame, contract: Contract) -> list[LeakageSuspicion]:
    """Look for features that alone tell the target, and for sums of numbers that make it up.

    The values of a feature are put into at most 64 bins (categories stay apart, missing values have their own); the
    most frequent class, or the mean, of each bin in one half of the sample predicts the other half. Where that tells
    nearly all, a number also predicts by its nearest neighbours among the other half's: bins cannot follow a number
    exactly. Of two classes, one of which may be rarer than a bin, a number also predicts by its best single cut.
    Columns that the contract says are meant are no leak.

    Args:
        sample: Typed rows that hold the features and the target.
        contract: The table's contract.

    Returns:
        The suspicions, strongest first; none for a sample of fewer than 50 rows.
    """
    target = contract.target.name
    known = sample.filter(pl.col(target).is_not_null())
    if known.height < FEWEST_ROWS:
        return []
    value = known.get_column(target)
    regression = contract.task == "regression"
    y = value.cast(pl.Float64).to_numpy() if regression else _codes(value).astype(np.float64)
    if not np.isfinite(y).all():
        return []
    features = [column for column in contract.columns if column.role == "feature"]
    leaks = []
    for column in features:
        if column.meant:
            continue
        values = known.get_column(column.name)
        share = _explained_by_bins(_bin_values(values, column), y, regression=regression)
        share = max(share, _cut(values, y)) if contract.task == "binary" else share
        if share >= SUSPICIOUS:
            share = max(share, _explained_by_order(values, y, regression=regression))
            leaks.append(_alone(column.name, target, share, perfect=_is_perfect(share, y, regression=regression)))
    if regression and not leaks:
        leaks = list(_sums(known, [column for column in features if column.dtype != "string"], y, target))
    return sorted(leaks, key=lambda leak: -leak.share)


def _alone(column: str, target: str, share: float, *, perfect: bool) -> LeakageSuspicion:
    return LeakageSuspicion(
        (column,),
        share,
        perfect,
        f"column {quote(column)} alone tells {100 * share:.1f} % of what there is to know of the target "
        f"{quote(target)}",
        "give it the role 'ignore' if it is not known when a prediction is made, and 'meant: true' if it is",
    )


def _is_perfect(share: float, y: Vector, *, regression: bool) -> bool:
    if regression:
        return share >= PERFECT_NUMBERS
    held = y[1::2].astype(np.int64)
    told = held.size - int(np.bincount(held).max())
    return share >= PERFECT_LABELS and told >= _FEWEST_TOLD


def _explained_by_order(values: pl.Series, y: Vector, *, regression: bool) -> float:
    """What is explained by going from row to row along a number: by the nearest row's class, or on the line between."""
    x = _numbers(values)
    if x is None:
        return 0.0
    fit = np.arange(x.size) % 2 == 0
    held = ~fit
    known, first = np.unique(x[fit], return_index=True)
    goal = y[fit][first]
    if regression:
        return _share(y[held] - np.interp(x[held], known, goal), y[held] - y[fit].mean())
    above = np.clip(np.searchsorted(known, x[held]), 0, known.size - 1)
    below = np.maximum(above - 1, 0)
    nearest = np.where(x[held] - known[below] < known[above] - x[held], below, above)
    wrong = int((goal[nearest] != y[held]).sum())
    plain = held.sum() - int(np.bincount(y[held].astype(np.int64)).max())
    return 1 - wrong / int(plain) if plain else 0.0


def _codes(series: pl.Series) -> Codes:
    """Whole numbers from 0 on, one for each different value."""
    return series.cast(pl.String).rank("dense").fill_null(0).to_numpy().astype(np.int64)


def _bin_values(series: pl.Series, column: Column) -> Codes:
    if series.dtype in {pl.String, pl.Boolean} or column.categories is not None:
        return _codes(series)
    values = series.cast(pl.Float64).fill_null(np.nan).to_numpy()
    found = values[np.isfinite(values)]
    if np.unique(found).size <= _BINS:
        edges = np.unique(found)
    else:
        edges = np.unique(np.quantile(found, np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.where(np.isfinite(values), np.searchsorted(edges, values, side="right") + 1, 0).astype(np.int64)


def _explained_by_bins(bins: Codes, y: Vector, *, regression: bool) -> float:
    """Share of the error of the plain guess that the bins take away, on the half they were not fitted to."""
    fit = np.arange(y.size) % 2 == 0
    held = ~fit
    if regression:
        count = np.bincount(bins[fit], minlength=int(bins.max()) + 1)
        total = np.bincount(bins[fit], weights=y[fit], minlength=count.size)
        guess = np.where(count > 0, total / np.maximum(count, 1), y[fit].mean())
        before = float(((y[held] - y[fit].mean()) ** 2).sum())
        after = float(((y[held] - guess[bins[held]]) ** 2).sum())
    else:
        labels = y.astype(np.int64)
        size = int(labels.max()) + 1
        table = np.bincount(bins[fit] * size + labels[fit], minlength=(int(bins.max()) + 1) * size).reshape(-1, size)
        plain = np.bincount(labels[fit], minlength=size)
        guess = np.where(table.sum(axis=1) > 0, table.argmax(axis=1), plain.argmax())
        before = float((labels[held] != plain.argmax()).sum())
        after = float((labels[held] != guess[bins[held]]).sum())
    return 1 - after / before if before > 0 else 0.0


def _cut(values: pl.Series, y: Vector) -> float:
    """What the best single cut of a number explains of two classes, on the rows that it was found on.

    No half is held out, because the row next to the cut would often be wrong there: of five rows or more of each class
    chance separates none from the others.
    """
    x, second = _numbers(values), y == y.max()
    rarer = min(int(second.sum()), int((~second).sum()))
    if x is None or rarer < _FEWEST_TOLD:
        return 0.0
    order = np.argsort(x, kind="stable")
    known, below = x[order], np.cumsum(second[order])
    # If the rows up to a place are said to be of the first class and the others of the second, so many are wrong.
    wrong = below + np.arange(known.size - 1, -1, -1) - (below[-1] - below)
    cuts = wrong[:-1][known[1:] > known[:-1]]
    best = np.minimum(cuts, known.size - cuts).min(initial=known.size)
    return 1 - int(best) / rarer


def _numbers(values: pl.Series) -> Vector | None:
    """A column's numbers; None if it has others than finite ones."""
    if not values.dtype.is_numeric():
        return None
    x = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return x if np.isfinite(x).all() else None


def _sums(sample: pl.DataFrame, columns: list[Column], y: Vector, target: str) -> Iterator[LeakageSuspicion]:
    """A target that is a weighted sum of a few columns, such as a total of its parts."""
    names = [column.name for column in columns][:200]
    if not names or y.size < 10 * len(names):
        return
    x = sample.select(pl.col(name).cast(pl.Float64).fill_null(0.0) for name in names).to_numpy()
    x = np.where(np.isfinite(x), x, 0.0)
    centred, goal = x - x.mean(axis=0), y - y.mean()
    spread = centred.std(axis=0)
    usable = spread > 0
    weights, *_ = np.linalg.lstsq(centred[:, usable], goal, rcond=None)
    kept, columns_used = centred[:, usable], np.array(names)[usable]
    parts = np.abs(weights) * spread[usable]
    ones = (np.abs(np.abs(weights) - 1) <= _NEAR_ONE) & (parts > 0.01 * parts.max())
    exact, plain = _share(goal - kept @ weights, goal), _share(goal - kept[:, ones] @ np.sign(weights[ones]), goal)
    if exact >= SUSPICIOUS_SUM:
        used, share, what = columns_used[parts > 0.01 * parts.max()], exact, "a weighted sum of"
    elif plain >= SUSPICIOUS_PLAIN_SUM:
        used, share, what = columns_used[ones], plain, "nearly a sum or difference of"
    else:
        return
    if all(column.meant for column in columns if column.name in used):
        return
    yield LeakageSuspicion(
        tuple(str(name) for name in used),
        share,
        exact >= PERFECT_NUMBERS,
        f"the target {quote(target)} is {what} {quote([str(name) for name in used])}",
        "give the columns that are not known when a prediction is made the role 'ignore', and 'meant: true' to the "
        "others",
    )


def _share(rest: Vector, goal: Vector) -> float:
    before = float((goal**2).sum())
    return 1 - float((rest**2).sum()) / before if before > 0 else 0.0
