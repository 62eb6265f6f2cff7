"""Rows of a test's table, brought together by key: the key was assigned, so the key is what is counted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.ab_tests.plan import ABTestPlan, PlannedMetric
from headrace.core.base.errors import DataError, InputError, quote
from headrace.core.base.quantities import describe_count
from headrace.core.statistics.metrics import Floats

_MOST_NAMES = 20
_FIRST_ROWS = 10_000


@dataclass(frozen=True, eq=False)
class MetricTotals:
    """A metric of the keys of one version that have a value.

    Attributes:
        totals: Total of each key (n,).
        denominators: What it is divided by (n,).
        covariate: Its covariate (n,), NaN where unknown; None without one.
        positions: Positions (n,) of these keys among all keys of the version.
    """

    totals: Floats
    denominators: Floats
    covariate: Floats | None
    positions: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class KeyTotals:
    """The keys of a test, in the order of their first moment, or in which they stand in the table.

    Attributes:
        frame: One line for each key that saw one version: ``candidate`` (whether), ``time`` (if there is one), and
            for the i-th metric ``total_i``, ``denominator_i`` and ``covariate_i``.
        both: Number of keys that saw both versions.
        notes: What was left out, as sentences.
    """

    frame: pl.DataFrame
    both: int
    notes: tuple[str, ...]

    def metric(self, index: int, *, candidate: bool) -> MetricTotals:
        """Return the metric at a place of the plan, for the keys of a version that have a value."""
        own = self.frame.filter(pl.col("candidate") == candidate).with_row_index("position")
        known = own.filter(pl.col(f"denominator_{index}") > 0)
        covariate = f"covariate_{index}"
        return MetricTotals(
            known[f"total_{index}"].to_numpy(),
            known[f"denominator_{index}"].cast(pl.Float64).to_numpy(),
            known[covariate].fill_null(float("nan")).to_numpy() if covariate in known.columns else None,
            known["position"].cast(pl.Int64).to_numpy(),
        )


def total_by_key(table: pl.DataFrame, *, plan: ABTestPlan, time: str = "") -> KeyTotals:
    """Bring the rows of a table together by key.

    Args:
        table: Rows (n) with the plan's columns; texts of numbers are read as numbers.
        plan: The plan.
        time: Column of the moments at which rows arose, of a type that sorts; empty without one.

    Raises:
        InputError: If a column is absent, or a value is not what the plan says.
        DataError: If a version has no key.
    """
    _check_columns(table, plan, time)
    notes: list[str] = []
    rows = _numbers(table, plan)
    rows = _drop(rows, pl.col(plan.key).is_null(), notes, f"without a key in column {quote(plan.key)}")
    rows = _drop(rows, pl.col(plan.version).is_null(), notes, f"without a version in column {quote(plan.version)}")
    names = rows[plan.version].unique(maintain_order=True).to_list()
    others = [name for name in names if name not in {plan.baseline, plan.candidate}]
    shown = ", ".join(quote(name) for name in others[:3])
    rows = _drop(
        rows,
        ~pl.col(plan.version).is_in([plan.baseline, plan.candidate]),
        notes,
        f"of other versions than {quote(plan.baseline)} and {quote(plan.candidate)}, such as {shown}",
    )
    absent = [name for name in (plan.baseline, plan.candidate) if name not in names]
    if absent:
        raise DataError(
            f"the table must have rows of both versions in column {quote(plan.version)}; {quote(absent[0])} has none, "
            f"and the versions there are {', '.join(map(quote, names[:_MOST_NAMES])) or 'none'}."
        )
    frame = _by_key(rows, plan, time)
    in_both = pl.col("candidate") != pl.col("always_candidate")
    both = frame.filter(in_both).height
    frame = (frame.filter(~in_both) if both else frame).drop("always_candidate")
    if time:
        frame = frame.sort("time", maintain_order=True, nulls_last=True)
    return KeyTotals(frame, both, tuple(notes))


def _check_columns(table: pl.DataFrame, plan: ABTestPlan, time: str) -> None:
    needed = [plan.key, plan.version, *plan.columns, *([time] if time else [])]
    absent = next((name for name in needed if name not in table.columns), None)
    if absent is not None:
        raise InputError(
            f"the plan of the test {quote(plan.name)} needs the column {quote(absent)}, which the table does not have: "
            "use the plan of this table, or rename its columns."
        )


def _numbers(table: pl.DataFrame, plan: ABTestPlan) -> pl.DataFrame:
    """Return the table with texts as versions and finite numbers as values; NaN is a missing one."""
    numbers = {name: _as_number(table[name]) for name in plan.columns}
    shares = [metric.name for metric in plan.metrics if metric.kind == "share"]
    for name, values in numbers.items():
        if values.is_infinite().any():
            raise InputError(f"values of column {quote(name)} must be finite; it holds an infinite one.")
        if name in shares and not values.drop_nulls().is_in([0.0, 1.0]).all():
            wrong = values.filter(~values.is_in([0.0, 1.0]))[0]
            raise InputError(
                f"the plan has column {quote(name)} as a share, so its values must be 0 or 1; it holds {wrong:g}: plan "
                "a mean, or use the plan of this table."
            )
    for metric in plan.metrics:
        if metric.per in numbers and (numbers[metric.per].drop_nulls() < 0).any():
            raise InputError(f"column {quote(metric.per)} divides {quote(metric.name)}; it must not be negative.")
    return table.with_columns(pl.col(plan.version).cast(pl.String), *(s.alias(name) for name, s in numbers.items()))


def _as_number(values: pl.Series) -> pl.Series:
    numbers = values
    if values.dtype == pl.String:
        lowered = values.str.strip_chars().str.to_lowercase()
        numbers = lowered.replace({"true": "1", "false": "0"}).cast(pl.Float64, strict=False)
    elif not (values.dtype.is_numeric() or values.dtype in {pl.Boolean, pl.Null}):
        raise InputError(f"column {quote(values.name)} must hold numbers; it is of type {values.dtype}.")
    numbers = numbers.cast(pl.Float64).fill_nan(None)
    lost = values.filter(numbers.is_null() & values.is_not_null())
    lost = lost.filter(lost.is_not_nan()) if lost.dtype.is_float() else lost
    texts = [text for text in lost.head(_MOST_NAMES).to_list() if str(text).strip().lower() != "nan"]
    if texts:
        raise InputError(f"column {quote(values.name)} must hold numbers; it holds {quote(texts[0])}.")
    return numbers


def _drop(rows: pl.DataFrame, unfit: pl.Expr, notes: list[str], what: str) -> pl.DataFrame:
    kept = rows.filter(~unfit)
    if kept.height < rows.height:
        ends = (f"{what} is left out", f"{what} are left out")
        notes.append(f"{describe_count(rows.height - kept.height, 'row', *ends)}.")
    return kept


def _by_key(rows: pl.DataFrame, plan: ABTestPlan, time: str) -> pl.DataFrame:
    is_candidate = pl.col(plan.version) == plan.candidate
    # Most tables have one row for each key, which takes no grouping; a few rows show that a table is another one.
    keys = rows[plan.key]
    if not keys.head(_FIRST_ROWS).is_duplicated().any() and keys.n_unique() == rows.height:
        expressions = [part for i, metric in enumerate(plan.metrics) for part in _of_row(i, metric)]
        moment = [pl.col(time).alias("time")] if time else []
        return rows.select(
            is_candidate.alias("candidate"),
            is_candidate.alias("always_candidate"),
            *moment,
            *expressions,
        )
    expressions = [
        is_candidate.any().alias("candidate"),
        is_candidate.all().alias("always_candidate"),
    ]
    for index, metric in enumerate(plan.metrics):
        expressions += _of_group(index, metric)
    if time:
        expressions.append(pl.col(time).min().alias("time"))
    # In the order of the table, so that the same table gives the same sums to the last digit.
    return rows.group_by(plan.key, maintain_order=True).agg(expressions).drop(plan.key)


def _parts(metric: PlannedMetric) -> tuple[pl.Expr, pl.Expr]:
    """Return the values of a metric and what they are divided by, by row; both missing where one is."""
    value, below = pl.col(metric.name), pl.lit(1.0)
    if metric.per not in {"row", "key"}:
        below = pl.col(metric.per)
    known = value.is_not_null() & below.is_not_null()
    return pl.when(known).then(value), pl.when(known).then(below)


def _of_row(index: int, metric: PlannedMetric) -> Sequence[pl.Expr]:
    value, below = _parts(metric)
    covariate = [pl.col(metric.covariate).alias(f"covariate_{index}")] if metric.covariate else []
    return value.fill_null(0.0).alias(f"total_{index}"), below.fill_null(0.0).alias(f"denominator_{index}"), *covariate


def _of_group(index: int, metric: PlannedMetric) -> Sequence[pl.Expr]:
    value, below = _parts(metric)
    covariate = [pl.col(metric.covariate).mean().alias(f"covariate_{index}")] if metric.covariate else []
    total, divisor = value.sum(), below.sum()
    if metric.per == "key":
        total = value.max().fill_null(0.0) if metric.kind == "share" else total
        divisor = (below.sum() > 0).cast(pl.Float64)
    return total.alias(f"total_{index}"), divisor.alias(f"denominator_{index}"), *covariate
