"""What the pages know of a search."""

import json
from typing import Any

import pytest

from headrace.core.base.errors import InputError
from headrace.reports.search.document import SearchFacts
from tests.reports.conftest import searched as made_up
from tests.reports.searches import of_trials, searched, trial


def test_what_a_search_left_is_read_whole() -> None:
    """Trials, winner, objective and the nested estimate are those of the JSON."""
    left = made_up()
    found = SearchFacts.from_json(json.loads(json.dumps(left.as_json())))
    assert [one.number for one in found.trials] == list(range(15))
    assert found.best is not None
    assert found.best.number == left.best
    assert (found.metric, found.minimize, found.strategy) == ("roc_auc", False, "latest")
    assert (found.rows, found.folds, found.reason) == (320, 5, "MaxTrialsReached")
    assert found.trials[3].warnings == left.trials[3].warnings
    assert found.nested is not None
    assert [fold.score for fold in found.nested.folds] == [0.88, 0.87]


def test_a_search_without_a_winner_has_no_best() -> None:
    """A number that is null is no trial."""
    facts = made_up().as_json() | {"best": None, "nested": None}
    found = SearchFacts.from_json(facts)
    assert found.best is None
    assert found.nested is None


@pytest.mark.parametrize(
    "facts",
    [{}, [], {"trials": 3, "objective": {}}, {"trials": [{"number": 1}], "objective": {"metric": "f1", "type": "max"}}],
)
def test_something_else_is_refused_in_one_sentence(facts: Any) -> None:
    """The sentence says where the form is documented."""
    with pytest.raises(InputError, match=r"what the step tune leaves, as docs/tuning.schema.json says; got"):
        SearchFacts.from_json(facts)


@pytest.mark.parametrize("minimize", [False, True])
def test_the_ranking_puts_partial_scores_behind_whole_ones(minimize: bool) -> None:
    """However good they are; failed trials come last, equals in their order."""
    trials = [
        trial(0, None),
        trial(1, 0.4),
        trial(2, 0.0 if minimize else 1.0, status="early_stopped"),
        trial(3, 0.6),
        trial(4, 0.6),
    ]
    ranked = of_trials(trials, minimize=minimize).ranked
    assert [one.number for one in ranked] == ([1, 3, 4, 2, 0] if minimize else [3, 4, 1, 2, 0])


def test_gains_have_the_sign_of_better() -> None:
    """More is better of an area, less of an error."""
    assert searched([0.5]).gain(0.9, 0.8) == pytest.approx(0.1)
    assert searched([0.5], minimize=True).gain(0.9, 0.8) == pytest.approx(-0.1)
