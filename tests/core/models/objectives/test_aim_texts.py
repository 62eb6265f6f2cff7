"""What is asked of a model, in words: on its card, in a run's notes, beside its figures."""

from dataclasses import replace

import numpy as np

from headrace.core.contracts.contract import Column, Contract
from headrace.core.evaluation.interval_limits import find_cautions
from headrace.core.models.fitted_model import Model
from headrace.core.models.objectives.aim_texts import describe_aims, left_out_notes
from headrace.core.models.objectives.prediction_intervals import PredictionIntervals
from headrace.core.splits.clusters import RowClusters, by_row
from headrace.core.statistics.weighted_metrics import EvaluatedRows
from tests.core import made


def described(contract: Contract, intervals: PredictionIntervals | None = None) -> dict[str, str]:
    """What the card says."""
    return dict(describe_aims(Model(None, contract, "linear", {}, 0, {}, intervals=intervals)))


def test_the_card_says_what_was_asked_and_how_far_a_promise_reaches() -> None:
    """Nothing is said of what was not asked; groups and time weaken the promise of intervals."""
    plain = made.contract("regression")
    assert described(plain) == {}
    intervals = PredictionIntervals(0.9, (1.0,), (-1.0, -2.0), (1.0, 2.0), 1234, None)
    by_group = replace(plain, objective="count", intervals=0.9, group="inputs")
    assert described(by_group, intervals) == {
        "Objective": "the mean of a count, by Poisson deviance",
        "Intervals": "conformal, to hold 0.9 of the actual values, from 1,234 out-of-fold errors, in 2 ranges of the "
        "prediction; promised over many new groups, not within each one",
    }
    assert "columns are many for so few rows" in described(plain, replace(intervals, rows=15))["Intervals"]
    weighted = replace(made.contract("multiclass"), class_weights={"low": 2.0})
    ordered = replace(weighted.target, ordered=True)
    grades = replace(weighted, columns=(*weighted.columns[:-1], ordered))
    assert described(grades) == {
        "Class weights": "low 2; taken out of the probabilities",
        "Order of the classes": "low < middle < high",
    }


def test_a_note_names_the_families_that_are_left_out() -> None:
    """With their reason; without one there is no note."""
    columns = (Column("a", "number", monotone="increasing"), Column("b", "number", "target"))
    (note,) = left_out_notes(Contract("c", "regression", columns))
    assert note.sentence == (
        "The search leaves out families that cannot do what the contract asks: linear (monotone constraints)."
    )
    assert left_out_notes(made.contract("regression")) == ()


def test_coverage_by_group_or_time_has_a_caution() -> None:
    """The promise is an average over rows like those of the training; a figure beside it says so."""
    actual = np.arange(200.0)
    outcome = EvaluatedRows("regression", actual, values=actual, lower=actual - 1, upper=actual + 1)
    names = ["rmse", "interval_coverage"]
    grouped = RowClusters("group", np.arange(200) // 10, 20)
    found = {one.text: one.metrics for one in find_cautions(outcome, clusters=grouped, classes=(), metrics=names)}
    text = "The coverage of intervals is promised on average over new rows, not for the rows of a single new group."
    assert found[text] == ("interval_coverage",)
    alone = find_cautions(outcome, clusters=by_row(200), classes=(), metrics=names)
    assert all("promised" not in one.text for one in alone)
