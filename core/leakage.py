"""Features that give the target away: each alone, on a bounded sample, without fitting a model."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.contract import Column, Contract
from headrace.core.errors import shown

Vector = NDArray[np.float64]
Codes = NDArray[np.int64]

FEWEST_ROWS = 50
SUSPICIOUS = 0.98
SUSPICIOUS_SUM = 0.9999
SUSPICIOUS_PLAIN_SUM = 0.97
_NEAR_ONE = 0.15
_BINS = 64


@dataclass(frozen=True)
class Leak:
    """A suspicion.

    Attributes:
        column: The feature, or the first of the features whose sum it is.
        share: Share of the target's uncertainty that it explains on rows it was not fitted to, at most 1.
        message: What a person should know, as a sentence.
    """

    column: str
    share: float
    message: str


def find_leaks(sample: pl.DataFrame, contract: Contract) -> list[Leak]:
    """Look for features that alone tell the target, and for sums of numbers that make it up.

    The values of a feature are put into at most 64 bins (categories stay apart, missing values have their own); the
    most frequent class, or the mean, of each bin in one half of the sample predicts the other half.

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
        share = _explained(_binned(known.get_column(column.name), column), y, regression=regression)
        if share >= SUSPICIOUS:
            leaks.append(Leak(column.name, share, _alone(column.name, target, share)))
    if regression and not leaks:
        leaks = list(_sums(known, [column for column in features if column.dtype != "string"], y, target))
    return sorted(leaks, key=lambda leak: -leak.share)


def _alone(column: str, target: str, share: float) -> str:
    return (
        f"column {shown(column)} alone tells {100 * share:.1f} % of what there is to know of the target "
        f"{shown(target)}; give it the role 'ignore' if it is not known when a prediction is made."
    )


def _codes(series: pl.Series) -> Codes:
    """Whole numbers from 0 on, one for each different value."""
    return series.cast(pl.String).rank("dense").fill_null(0).to_numpy().astype(np.int64)


def _binned(series: pl.Series, column: Column) -> Codes:
    if series.dtype in {pl.String, pl.Boolean} or column.categories is not None:
        return _codes(series)
    values = series.cast(pl.Float64).fill_null(np.nan).to_numpy()
    found = values[np.isfinite(values)]
    if np.unique(found).size <= _BINS:
        edges = np.unique(found)
    else:
        edges = np.unique(np.quantile(found, np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.where(np.isfinite(values), np.searchsorted(edges, values, side="right") + 1, 0).astype(np.int64)


def _explained(bins: Codes, y: Vector, *, regression: bool) -> float:
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


def _sums(sample: pl.DataFrame, columns: list[Column], y: Vector, target: str) -> Iterator[Leak]:
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
    yield Leak(
        str(used[0]),
        share,
        f"the target {shown(target)} is {what} {shown([str(name) for name in used])}; give the columns that are not "
        "known when a prediction is made the role 'ignore'.",
    )


def _share(rest: Vector, goal: Vector) -> float:
    before = float((goal**2).sum())
    return 1 - float((rest**2).sum()) / before if before > 0 else 0.0
