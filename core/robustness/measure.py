"""The measurement of a model's robustness on a sample of the test rows, of a size that its speed allows.

How many rows are examined follows from counts alone (columns, categories, trees, training rows), never from a clock,
so that equal models get equal documents on any machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from headrace.core.contracts.contract import Column, Contract
from headrace.core.features import model_matrix
from headrace.core.models.fitted_model import Model
from headrace.core.robustness import faults, small_changes
from headrace.core.robustness.decisions import DecisionModel
from headrace.core.robustness.faults import FaultyRows
from headrace.core.robustness.input_columns import NumberColumns, is_number, select_alternatives
from headrace.core.robustness.robustness_document import ColumnRange, Extent, Robustness
from headrace.core.robustness.small_changes import ExaminedRows
from headrace.core.splits import clusters

MOVED_SHARE = 0.5
"""By how many standard deviations of the training target a prediction must move to be another one (regression)."""

# Predictions by a model of a hundred trees; each extent's search and each extent's faults may take half of them.
_PREDICTIONS: Mapping[Extent, int] = {"quick": 80_000, "full": 1_000_000}
_FEWEST_SEARCHED, _MOST_SEARCHED = 20, 1000
_FEWEST_FAULTY, _MOST_FAULTY = 50, 2000
_MOST_COLUMNS = 60


@dataclass(frozen=True)
class RobustnessPlan:
    """What to measure.

    Attributes:
        extent: How much.
        ranges: Range of each column of numbers, by its name.
        amount: By how much a prediction must move to be another one (regression), in the target's unit.
        seed: Seed of the sample, the noise and the resamples.
    """

    extent: Extent
    ranges: Mapping[str, ColumnRange]
    amount: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class SampleSizes:
    """Numbers of test rows.

    Attributes:
        searched: For the search of small changes.
        faulty: For noise, missing inputs and wrong units.
    """

    searched: int
    faulty: int


def measure(model: Model, rows: pl.DataFrame, plan: RobustnessPlan) -> Robustness:
    """Measure how a model's decisions change with its inputs.

    Args:
        model: The model, with its threshold.
        rows: Typed test rows (n) with the target.
        plan: What to measure.
    """
    # The threads of a small prediction wait for one another in a loop, which takes minutes on busy cores; and sums that
    # BLAS splits over threads differ in the last bit with their number.
    with threadpool_limits(1):
        return _measure(model, rows, plan)


def _measure(model: Model, rows: pl.DataFrame, plan: RobustnessPlan) -> Robustness:
    contract = model.contract
    chosen = _choose_columns(contract, plan.seed)
    sizes = _plan_sizes(model, chosen, plan)
    decisions = DecisionModel(model, plan.amount)
    searched = examine(decisions, rows, chosen, plan, count=sizes.searched)
    part = rows[sample_rows(rows.height, sizes.faulty, plan.seed)]
    faulty = FaultyRows(
        decisions=decisions,
        frame=_inputs(part, contract),
        actual=model_matrix.encode_target(part, contract),
        clusters=clusters.find(part, contract),
        numbers=NumberColumns.of(contract.inputs, plan.ranges),
        inputs=chosen,
        seed=plan.seed,
    )
    return Robustness(
        extent=plan.extent,
        rows=part.height,
        metric=faulty.metric,
        left_out=len(contract.inputs) - len(chosen),
        small_changes=small_changes.find_small_changes(searched) if searched.numbers.columns else None,
        noise=faults.measure_noise(faulty),
        missing=faults.measure_missing(faulty),
        wrong_units=faults.measure_units(faulty),
        ranges={c.name: plan.ranges[c.name] for c in contract.inputs if c.name in plan.ranges and not c.personal},
    )


def examine(
    decisions: DecisionModel, rows: pl.DataFrame, columns: tuple[Column, ...], plan: RobustnessPlan, *, count: int
) -> ExaminedRows:
    """Return a sample of test rows for the search of small changes.

    Args:
        decisions: The model.
        rows: Typed test rows (n).
        columns: Inputs that may change, if a client controls them.
        plan: What to measure.
        count: Number of rows to draw.
    """
    part = rows[sample_rows(rows.height, count, plan.seed)]
    contract = decisions.model.contract
    controlled = tuple(column for column in columns if column.controlled_by_client)
    return ExaminedRows(
        decisions=decisions,
        frame=_inputs(part, contract),
        clusters=clusters.find(part, contract),
        numbers=NumberColumns.of(controlled, plan.ranges),
        others=small_changes.select_columns(controlled),
    )


def sample_rows(rows: int, count: int, seed: int) -> NDArray[np.int64]:
    """Draw ``count`` of ``rows`` places (count,), in order; all of them if there are no more."""
    if count >= rows:
        return np.arange(rows, dtype=np.int64)
    return np.sort(np.random.default_rng(seed).choice(rows, size=count, replace=False)).astype(np.int64)


def _inputs(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    return frame.select(column.name for column in contract.inputs)


def _choose_columns(contract: Contract, seed: int) -> tuple[Column, ...]:
    """Return all inputs, or a random part of very many, in their order."""
    inputs = contract.inputs
    return tuple(inputs[place] for place in sample_rows(len(inputs), _MOST_COLUMNS, seed))


def _plan_sizes(model: Model, columns: tuple[Column, ...], plan: RobustnessPlan) -> SampleSizes:
    predictions = _PREDICTIONS[plan.extent] / 2 / _estimate_cost(model)
    numbers = sum(is_number(column) for column in columns)
    alternatives = sum(len(select_alternatives(column) or ()) for column in columns if column.controlled_by_client)
    of_search = small_changes.count_candidates(numbers, alternatives)
    of_faults = len(columns) + 3 * numbers + len(faults.LEVELS) + 6
    return SampleSizes(
        searched=int(np.clip(predictions / of_search, _FEWEST_SEARCHED, _MOST_SEARCHED)),
        faulty=int(np.clip(predictions / of_faults, _FEWEST_FAULTY, _MOST_FAULTY)),
    )


def _estimate_cost(model: Model) -> float:
    """Return about how long a prediction takes, in that of a model of a hundred trees."""
    estimator: Any = model.pipeline[-1]
    classes = max(1, len(model.classes) if len(model.classes) > 2 else 1)
    if model.family == "knn":
        return max(1.0, float(model.train.get("rows", 0)) / 1000)
    if hasattr(estimator, "estimators_"):
        return max(0.2, len(estimator.estimators_) / 100)
    if hasattr(estimator, "n_iter_") and "boost" in model.family.lower():
        return max(0.2, float(np.max(estimator.n_iter_)) * classes / 200)
    return 0.2 if model.family in {"logistic", "linear", "naive_bayes", "mlp"} else 1.0
