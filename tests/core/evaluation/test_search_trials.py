"""The trials of a search."""

import json
from dataclasses import asdict

import pytest

from headrace.core.evaluation.search_trials import NestedEstimate, OuterFold, Trial, TrialStatus

TRIAL = Trial(0, "a-000", "a", "logistic", {"C": 1.0}, "succeeded", 0.8, scores=(0.7, 0.9), warnings=("slow",))
NESTED = NestedEstimate((OuterFold("logistic", {"C": 1.0}, 0.9, 0.8),), 0.8, 0.9, 0.1)


def test_a_trial_is_read_back() -> None:
    """Through a JSON file; a field that is unknown is not passed over."""
    facts = json.loads(json.dumps(TRIAL.as_json()))
    assert Trial.from_json(facts) == TRIAL
    with pytest.raises(TypeError, match="luck"):
        Trial.from_json({**facts, "luck": 1})
    with pytest.raises(KeyError, match="scores"):
        Trial.from_json({name: value for name, value in facts.items() if name != "scores"})


def test_a_nested_estimate_is_read_back() -> None:
    """With its folds."""
    assert NestedEstimate.from_json(json.loads(json.dumps(asdict(NESTED)))) == NESTED


@pytest.mark.parametrize(
    ("status", "score", "finished"),
    [("succeeded", 0.8, 0.8), ("early_stopped", 0.8, None), ("succeeded", None, None), ("failed", None, None)],
)
def test_a_partial_score_is_not_compared(status: TrialStatus, score: float | None, finished: float | None) -> None:
    """Only that of a trial that ran to its end."""
    trial = Trial(0, "a-000", "a", "logistic", {}, status, score)
    assert trial.finished == finished
    assert trial.won == (finished is not None)
