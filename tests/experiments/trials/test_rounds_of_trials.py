"""Trials of boosted trees that find their number of rounds."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from headrace.core.contracts.contract import Column, Contract
from headrace.core.evaluation.search_trials import Trial
from headrace.experiments.search.loop import TrialRequest
from headrace.experiments.space.experiment import Experiment, Objective
from headrace.experiments.trials.cross_validation import CrossValidation
from headrace.experiments.trials.study import Study

OBJECTIVE = Objective("roc_auc", "maximize", strategies={"roc_auc": "latest"})
NAMES = tuple(f"x{place}" for place in range(5))
CONTRACT = Contract(
    name="rounds",
    task="binary",
    columns=(
        *(Column(name, "number") for name in NAMES),
        Column("target", "string", "target", categories=("no", "yes")),
    ),
    positive="yes",
)
EXPERIMENT = Experiment("e", "hist_gradient_boosting", space={}, objective=OBJECTIVE, algorithm="random", settings={})


def study(*, seed: int = 0, noise: bool = False) -> Study:
    """Rows whose class depends on two columns, or on nothing."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(240, len(NAMES)))
    signal = rng.normal(size=240) if noise else inputs[:, 0] * inputs[:, 1] + 0.3 * rng.normal(size=240)
    frame = pl.DataFrame(dict(zip(NAMES, inputs.T, strict=True)))
    return Study.of(frame.with_columns(target=pl.Series(np.where(signal > 0, "yes", "no"))), CONTRACT, seed=seed)


def run(table: Study, report: Callable[[Mapping[str, float]], None] | None = None, **values: object) -> Trial:
    """One trial."""
    with CrossValidation.on(table.sample, OBJECTIVE, report) as validation:
        return validation(TrialRequest(0, EXPERIMENT, dict(values)))


def test_the_rounds_are_among_the_parameters_and_fixed_ones_stay() -> None:
    """A trial says what it has found; what an Experiment searches is not looked for."""
    found = run(study())
    assert found.status == "succeeded", found.error
    assert 1 < found.rounds < 1000
    assert found.parameters == {"max_iter": found.rounds}
    fixed = run(study(), max_iter=7)
    assert fixed.parameters == {"max_iter": 7}
    assert fixed.rounds == 0


def test_a_trial_that_is_run_again_for_its_predictions_finds_the_same() -> None:
    """A resumed search has the trial from its journal, as JSON, and not its predictions."""
    table = study()
    with CrossValidation.on(table.sample, OBJECTIVE) as validation:
        trial = validation(TrialRequest(0, EXPERIMENT, {}))
        expected = validation.predictions(trial)
    with CrossValidation.on(table.sample, OBJECTIVE) as another:
        np.testing.assert_array_equal(another.predictions(Trial.from_json(trial.as_json())), expected)


def test_folds_one_by_one_with_reports_end_in_the_same_trial() -> None:
    """As a trial on Katib runs them: the last value that it reports is the score, to the bit."""
    reported: list[Mapping[str, float]] = []
    one_by_one = run(study(), reported.append)
    assert replace(one_by_one, seconds=0.0) == replace(run(study()), seconds=0.0)
    assert [values["roc_auc"] for values in reported] == list(one_by_one.reported)
    assert reported[-1]["roc_auc"] == one_by_one.score


def test_random_classes_give_half() -> None:
    """Over six tables; folds that chose the rounds that they are judged with would be too good."""
    scores = [run(study(seed=seed, noise=True)).score or 0.0 for seed in range(6)]
    assert np.mean(scores) == pytest.approx(0.5, abs=0.05)
    assert min(scores) < 0.5


def test_a_search_that_is_over_ends_a_trial_without_a_score() -> None:
    """It is recorded as killed, and never wins."""
    with CrossValidation.on(study().sample, OBJECTIVE) as validation:
        trial = validation(TrialRequest(0, EXPERIMENT, {}, is_time_over=lambda: True))
    assert trial.status == "killed"
    assert trial.score is None
    assert not trial.won
