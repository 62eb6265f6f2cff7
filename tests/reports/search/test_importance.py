"""How much the parameters of a search matter."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from headrace.core.evaluation.search_trials import Trial
from headrace.reports.search.importance import FEWEST, importance
from headrace.reports.search.space import FamilySpace
from tests.reports.searches import trial


def trials(count: int, score: Callable[[float, float, str], float], seed: int = 0) -> list[Trial]:
    """Random trials of a rate over five decades, a share and a kind."""
    draw = np.random.default_rng(seed)
    made = []
    for number in range(count):
        rate, share, kind = 10 ** draw.uniform(-5, 0), draw.random(), str(draw.choice(["a", "b"]))
        parameters = {"rate": float(rate), "share": float(share), "kind": kind}
        made.append(trial(number, score(rate, share, kind), family="", parameters=parameters))
    return made


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("share", lambda rate, share, kind: -((share - 0.3) ** 2)),
        ("rate", lambda rate, share, kind: -((math.log10(rate) + 3) ** 2) + 0.1 * share),
        ("kind", lambda rate, share, kind: (kind == "a") + 0.1 * share),
    ],
)
def test_what_makes_the_score_is_most_important(name: str, score: Callable[[float, float, str], float]) -> None:
    """Whether it is a number, a number over decades, or a category."""
    found = importance(FamilySpace.of(trials(60, score)))
    assert found.shares[0][0] == name
    assert found.shares[0][1] > 0.7
    assert sum(share for _, share in found.shares) == pytest.approx(1.0)
    assert "60 trials" in found.sentence


def test_the_same_trials_give_the_same_importance() -> None:
    """The forest has a seed."""
    made = trials(25, lambda rate, share, kind: share)
    assert importance(FamilySpace.of(made)) == importance(FamilySpace.of(made))


def test_partial_scores_do_not_count() -> None:
    """A trial that was ended early has another score than it would have had."""
    made = trials(40, lambda rate, share, kind: share)
    early = trials(40, lambda rate, share, kind: 100 * (kind == "a"), seed=1)
    both = [
        *made,
        *(
            trial(40 + i, t.score, status="early_stopped", family="", parameters=t.parameters)
            for i, t in enumerate(early)
        ),
    ]
    found = importance(FamilySpace.of(both))
    assert found.shares[0][0] == "share"
    assert "40 trials" in found.sentence


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (
            trials(FEWEST - 1, lambda rate, share, kind: share),
            f"at least {FEWEST} trials that ran to their end; there are 9",
        ),
        ([trial(0), trial(1), trial(2, None)], "there are 2"),
        ([trial(0), trial(1, None), trial(2, None)], "No parameter varied"),
        ([trial(0, None), trial(1, None)], "No trial ran to its end"),
        ([trial(i, 0.1 * i, parameters={"max_depth": i + 1}) for i in range(20)], "Only max_depth varied"),
        ([trial(i, parameters={}) for i in range(20)], "No parameter varied"),
        ([trial(i, 0.5) for i in range(20)], "All trials have the same score"),
        ([], "No trial ran to its end"),
    ],
)
def test_where_nothing_can_be_said_a_sentence_says_why(made: list[Trial], says: str) -> None:
    """Too few trials, too few parameters, or nothing to explain."""
    found = importance(FamilySpace.of(made))
    assert found.shares == ()
    assert says in found.sentence


def test_thousands_of_trials_take_a_moment() -> None:
    """The forest is grown on two hundred of them."""
    found = importance(FamilySpace.of(trials(3000, lambda rate, share, kind: share)))
    assert "From 200 trials" in found.sentence
    assert found.shares[0][0] == "share"
