"""Profiles of the made tables of ``drift_windows``, with a model that is known, and counts of their windows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl
from drift_windows import CATEGORIES, COLUMNS, Rng, rows
from numpy.typing import NDArray

from headrace.core.contracts.contract import Column, Contract
from headrace.core.drift.input_profile import TrainingRows, profile_inputs
from headrace.core.drift.output_profile import describe_outputs
from headrace.core.drift.reference_profile import FORMAT, ReferenceProfile, contract_digest
from headrace.core.features import model_matrix
from headrace.core.monitors.data.count_window import count_window
from headrace.core.monitors.data.window_counts import WindowCounts
from headrace.core.statistics.weighted_metrics import EvaluatedRows

DAY = 86_400
_TEST_ROWS = 5_000
LETTERS = tuple("abcdefghijkl")
CONTRACT = Contract(
    name="made",
    task="binary",
    columns=(
        *(
            Column(name, dtype="string", categories=LETTERS) if name in CATEGORIES else Column(name, dtype="number")
            for name in COLUMNS
        ),
        Column("target", dtype="string", role="target", categories=("no", "yes")),
    ),
)


@dataclass(frozen=True)
class MadeModel:
    """A model of which only the contract is needed."""

    contract: Contract = CONTRACT


def score(frame: pl.DataFrame) -> NDArray[np.float64]:
    """Return the probability (n,) that the made model gives: of two numbers and a category."""
    terms = [np.nan_to_num(frame.get_column(name).to_numpy()) for name in ("number_1", "number_2")]
    odds = terms[0] + terms[1] + (frame.get_column("category_1") == "a").fill_null(value=False).to_numpy()
    chances: NDArray[np.float64] = 1 / (1 + np.exp(-odds))
    return chances


def typed(frame: pd.DataFrame) -> pl.DataFrame:
    """Return made rows as Polars holds them."""
    numbers = [name for name in COLUMNS if name not in CATEGORIES]
    return pl.from_pandas(frame).with_columns(pl.col(CATEGORIES).cast(pl.String), pl.col(numbers).cast(pl.Float64))


def profile(rng: Rng, training: pl.DataFrame, times: NDArray[np.int64] | None = None) -> ReferenceProfile:
    """Make the profile of a training part (n rows) whose rows have times (n,) in microseconds."""
    scores = score(training)
    part = TrainingRows(model_matrix.encode(training, CONTRACT), times, scores)
    inputs = profile_inputs(lambda: [part], CONTRACT)
    chances = score(typed(rows(rng, _TEST_ROWS)) if times is None else training)
    outcome = EvaluatedRows(
        "binary",
        (rng.random(len(chances)) < chances).astype(np.int64),
        probabilities=np.column_stack([1 - chances, chances]),
        labels=(chances > 0.5).astype(np.int64),
    )
    outputs = describe_outputs(outcome, ("no", "yes"))
    return ReferenceProfile(
        FORMAT,
        contract_digest(CONTRACT),
        inputs.counts.record(),
        outputs,
        inputs.repeats,
        inputs.joint,
        inputs.variations,
    )


def store(frame: pl.DataFrame, day: int = 0) -> pl.DataFrame:
    """Return rows (n) with predictions as the collector stores them, spread evenly over a day."""
    chances = score(frame)
    times = day * DAY * 1_000_000 + np.arange(frame.height) * (DAY * 1_000_000 // max(frame.height, 1))
    fixed = pl.DataFrame(
        {
            "request_id": pl.int_range(frame.height, eager=True).cast(pl.String) + f"-{day}",
            "row": pl.repeat(0, frame.height, dtype=pl.Int32, eager=True),
            "time": pl.Series(times).cast(pl.Datetime("us", "UTC")),
            "model_digest": pl.repeat("a" * 64, frame.height, eager=True),
        }
    )
    labels = pl.Series(np.where(chances > 0.5, "yes", "no"))
    answers = {"label": labels, "probability_no": pl.Series(1 - chances), "probability_yes": pl.Series(chances)}
    inputs = [frame.get_column(name).alias(f"input_{name}") for name in frame.columns]
    return fixed.with_columns(*inputs, **answers)


def count(frame: pd.DataFrame, reference: ReferenceProfile, day: int = 0) -> WindowCounts:
    """Count made rows as the product does."""
    return count_window([store(typed(frame), day)], MadeModel(), reference)
