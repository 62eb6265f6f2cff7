"""Faults that need no attacker: noise, missing inputs and wrong units."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.contracts.contract import Column, Contract
from headrace.core.features.model_matrix import Target
from headrace.core.robustness.decisions import DecisionModel
from headrace.core.robustness.input_columns import NumberColumns
from headrace.core.robustness.robustness_document import GATE_NOISE, MissingInputs, NoiseMeasures, UnitFault
from headrace.core.splits.clusters import RowClusters
from headrace.core.statistics import bootstrap
from headrace.core.statistics.measures import Interval
from headrace.core.statistics.metric_names import HIGHER_IS_BETTER, main_metric
from headrace.core.statistics.weighted_metrics import compute_metrics, metric_function

LEVELS = (0.0, 0.01, 0.02, 0.05, GATE_NOISE, 0.2)
"""Standard deviations of the noise, as shares of each column's range."""

_RESAMPLES = 200
_PAIRED = 4
_MOST_UNITS = 10
_CELSIUS = frozenset({"c", "°c", "degc", "celsius", "degrees celsius"})
_FAHRENHEIT = frozenset({"f", "°f", "degf", "fahrenheit", "degrees fahrenheit"})
_TAIL = 2.5

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FaultyRows:
    """Test rows that faults are tried on.

    Attributes:
        decisions: The model.
        frame: Typed table of n rows with the inputs.
        actual: Encoded target (n,).
        clusters: Rows that were sampled together.
        numbers: Columns of numbers (q) with a range.
        inputs: Inputs that are examined one by one.
        seed: Seed of the noise and of the resamples.
    """

    decisions: DecisionModel
    frame: pl.DataFrame
    actual: Target
    clusters: RowClusters
    numbers: NumberColumns
    inputs: tuple[Column, ...]
    seed: int

    @property
    def contract(self) -> Contract:
        """The model's contract."""
        return self.decisions.model.contract

    @cached_property
    def before(self) -> Floats:
        """Outputs (n, k) without a fault."""
        return self.decisions.compute(self.frame)

    @cached_property
    def metric(self) -> str:
        """The main metric, or the log loss where these rows have one class only."""
        defined = compute_metrics(self.decisions.outcome(self.before, self.actual))
        main = main_metric(self.contract.task, defined)
        return main if np.isfinite(defined[main]) else "log_loss"


def measure_noise(rows: FaultyRows) -> tuple[NoiseMeasures, ...]:
    """Measure all metrics where every column of numbers has noise, by its level; none without such columns.

    One draw of the noise is scaled for all levels, so that they differ by the level alone. Values stay inside the
    contract's bounds, since others are refused.
    """
    numbers = rows.numbers
    if not numbers.columns:
        return ()
    values = numbers.read(rows.frame)
    noise = np.random.default_rng(rows.seed).standard_normal(values.shape) * numbers.widths
    noisy = (numbers.write(rows.frame, _limit_noise(numbers, values + level * noise, values)) for level in LEVELS[1:])
    measured = []
    for level, outputs in zip(LEVELS, [rows.before, *rows.decisions.compute_each(noisy)], strict=True):
        outcome = rows.decisions.outcome(outputs, rows.actual)
        sample = bootstrap.resample([outcome], seed=rows.seed, resamples=_RESAMPLES, clusters=rows.clusters)
        measured.append(NoiseMeasures(level, bootstrap.intervals(outcome, sample)))
    return tuple(measured)


def _limit_noise(numbers: NumberColumns, noisy: Floats, values: Floats) -> Floats:
    """Keep noise inside the bounds; whole numbers are rounded to the nearest, not towards the old ones."""
    return numbers.limit(np.where(numbers.whole, np.round(noisy), noisy), values)


def measure_missing(rows: FaultyRows) -> tuple[MissingInputs, ...]:
    """Measure the main metric where each input is missing, and where two of the worst are, the worst first."""
    rng = np.random.default_rng(rows.seed)
    weights = rng.standard_exponential((_RESAMPLES, rows.clusters.count))[:, rows.clusters.codes]
    before = rows.decisions.outcome(rows.before, rows.actual)
    resampled = metric_function(before)(weights)[rows.metric]
    whole = compute_metrics(before)[rows.metric]
    sign = -1.0 if HIGHER_IS_BETTER[rows.metric] else 1.0

    def describe(columns: Sequence[Column], outputs: Floats) -> MissingInputs:
        after = rows.decisions.outcome(outputs, rows.actual)
        differences = sign * (metric_function(after)(weights)[rows.metric] - resampled)
        value = sign * (compute_metrics(after)[rows.metric] - whole)
        return MissingInputs(
            columns=tuple(column.name for column in columns),
            worse_by=_interval(round(float(value), 12) + 0.0, differences),  # no minus zero
            flipped=float(rows.decisions.differ(outputs, rows.before).mean()),
            refused=rows.contract.refuses("missing") and any(column.missing == 0 for column in columns),
        )

    def measure(groups: Sequence[Sequence[Column]]) -> list[MissingInputs]:
        outputs = rows.decisions.compute_each(_without(rows.frame, columns) for columns in groups)
        described = (describe(columns, found) for columns, found in zip(groups, outputs, strict=True))
        return sorted(described, key=lambda one: (-one.worse_by.value, -one.flipped, one.columns))

    singles = measure([[column] for column in rows.inputs])
    by_name = {column.name: column for column in rows.inputs}
    worst = [by_name[one.columns[0]] for one in singles[:_PAIRED]]
    return (*singles, *measure(list(combinations(worst, 2))))


def _without(frame: pl.DataFrame, columns: Sequence[Column]) -> pl.DataFrame:
    """Return a table whose values of some columns are missing."""
    missing = (pl.lit(None, dtype=frame.schema[column.name]).alias(column.name) for column in columns)
    return frame.with_columns(missing)


def _interval(value: float, resampled: Floats) -> Interval:
    finite = resampled[np.isfinite(resampled)]
    if not len(finite):
        return Interval(value, value, value)
    # Differences of equal metrics are sums of rounding errors.
    low, high = np.percentile(finite, [_TAIL, 100 - _TAIL]).round(12)
    return Interval(value, min(value, float(low)) + 0.0, max(value, float(high)) + 0.0)


def measure_units(rows: FaultyRows) -> tuple[UnitFault, ...]:
    """Measure how many rows a wrong unit of one column changes unnoticed, the worst first."""
    numbers, values = rows.numbers, rows.numbers.read(rows.frame)
    refuses = rows.contract.refuses("range")
    faults = [
        (place, fault, np.round(faulty) if numbers.whole[place] else faulty)
        for place, column in enumerate(numbers.columns)
        for fault, faulty in _list_faults(column, values[:, place])
    ]
    outputs = rows.decisions.compute_each(
        numbers.write(rows.frame, np.where(np.arange(values.shape[1]) == place, faulty[:, np.newaxis], values))
        for place, _, faulty in faults
    )
    found = []
    for (place, fault, faulty), after in zip(faults, outputs, strict=True):
        outside = ((faulty < numbers.low[place]) | (faulty > numbers.high[place])) & refuses
        unnoticed = rows.decisions.differ(after, rows.before) & ~outside
        found.append(UnitFault(numbers.names[place], fault, float(outside.mean()), float(unnoticed.mean())))
    worst = sorted((one for one in found if one.unnoticed), key=lambda one: (-one.unnoticed, one.column, one.fault))
    return tuple(worst[:_MOST_UNITS])


def _list_faults(column: Column, values: Floats) -> Iterator[tuple[str, Floats]]:
    """Yield what can happen to a column's values (n,), in words, and the values then."""
    yield "times 10", values * 10
    yield "times 1000", values * 1000
    unit = column.unit.strip().lower()
    if unit in _CELSIUS:
        yield "in Fahrenheit", values * 1.8 + 32
    if unit in _FAHRENHEIT:
        yield "in Celsius", (values - 32) / 1.8
