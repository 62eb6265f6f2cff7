"""The algorithms: inside the space, repeatable, and better than chance where they learn."""

from dataclasses import replace
from statistics import fmean
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from headrace.experiments.search import suggestion
from headrace.experiments.search.bayes import BayesianSuggestions
from headrace.experiments.search.hyperband import HyperbandSuggestions
from headrace.experiments.space import algorithms
from headrace.experiments.space.experiment import Experiment, Objective
from headrace.experiments.space.search_space import NumberRange, SearchSpace, ValueChoice, points

SPACE: SearchSpace = {
    "x": NumberRange(0.01, 10.0, log=True),
    "y": NumberRange(0.1, 1.0, step=0.3),
    "n": NumberRange(1, 9, step=2, whole=True),
    "k": NumberRange(1, 100, log=True, whole=True),
    "c": ValueChoice(("red", "blue")),
    "d": ValueChoice((1.0, 2.5)),
}
OF: dict[str, dict[str, Any]] = {
    "grid": {"space": {"n": SPACE["n"], "c": SPACE["c"], "y": SPACE["y"]}},
    "hyperband": {"settings": {"r_l": 9.0, "resource_name": "n", "eta": 3.0}},
    "bayesianoptimization": {"settings": {"n_initial_points": 8}},  # the last three of twelve are suggested
    "cmaes": {"space": {"x": SPACE["x"], "y": NumberRange(0.1, 1.0), "k": SPACE["k"]}},
    "sobol": {"space": {"x": SPACE["x"], "y": NumberRange(0.1, 1.0), "k": SPACE["k"]}},
}


def made(algorithm: str, **changes: Any) -> Experiment:
    """A search by an algorithm, over a space that it takes."""
    whole = {"space": SPACE, **OF.get(algorithm, {}), **changes}
    return Experiment("e", "knn", objective=Objective("rmse", "minimize"), algorithm=algorithm, **whole)


def asked(experiment: Experiment, batches: int, size: int, *, seed: int = 3) -> list[dict[str, Any]]:
    """Values of so many batches, told a score that falls with x or y."""
    found = suggestion.make(experiment, seed=seed)
    values = []
    for _ in range(batches):
        batch = found.ask(size)
        for number, one in batch:
            values.append(one)
            found.tell(
                number, None if len(values) % 7 == 0 else fmean(v for v in one.values() if not isinstance(v, str))
            )
    return values


def inside(space: SearchSpace, values: dict[str, Any]) -> bool:
    """Whether each value is one of its parameter's."""
    for name, kind in space.items():
        value = values[name]
        if isinstance(kind, ValueChoice):
            good = value in kind.values and type(value) is type(kind.values[0])
        else:
            good = kind.low <= value <= kind.high and type(value) is (int if kind.whole else float)
            if kind.step:
                good &= abs((value - kind.low) / kind.step - round((value - kind.low) / kind.step)) < 1e-9
        if not good:
            return False
    return set(values) == set(space)


@pytest.mark.parametrize("algorithm", algorithms.SETTINGS)
def test_each_algorithm_suggests_inside_the_space_and_repeatably(algorithm: str) -> None:
    """The same seed gives the same values, another one others; a score may be absent."""
    experiment = made(algorithm)
    first = asked(experiment, 4, 3)
    assert len(first) >= 12
    assert all(inside(experiment.space, values) for values in first)
    assert asked(experiment, 4, 3) == first
    if algorithm != "sobol":  # the sequence is one and the same
        assert asked(experiment, 4, 3, seed=4) != first


def test_both_kinds_of_tpe_begin_alike_and_learn_in_their_own_way() -> None:
    """One draws each parameter by itself, as Hyperopt does, the other all together."""
    one, other = (asked(made(algorithm), 20, 1) for algorithm in ("tpe", "multivariate-tpe"))
    assert one[:10] == other[:10]
    assert one[10:] != other[10:]


@pytest.mark.parametrize(
    ("algorithm", "seeds"),
    [
        ("tpe", 3),
        ("multivariate-tpe", 3),
        ("bayesianoptimization", 1),  # it fits a Gaussian process after each trial
        ("cmaes", 3),
        pytest.param("bayesianoptimization", 3, marks=pytest.mark.slow),
    ],
    ids=["tpe", "multivariate-tpe", "bayesianoptimization", "cmaes", "bayesianoptimization-of-three"],
)
def test_what_learns_gets_better(algorithm: str, seeds: int) -> None:
    """After two dozen trials of a bowl the values lie nearer to its bottom than those of chance."""
    space: SearchSpace = {"x": NumberRange(0.1, 10.0, log=True), "y": NumberRange(0.1, 10.0, log=True)}

    def bowl(values: dict[str, Any]) -> float:
        return float((values["x"] - 1) ** 2 + (values["y"] - 2) ** 2)

    def mean_of_last(name: str) -> float:
        means = []
        for seed in range(seeds):
            found = suggestion.make(made(name, space=space, settings={}), seed=seed)
            scores = []
            for _ in range(12):
                for number, values in found.ask(2):
                    scores.append(bowl(values))
                    found.tell(number, scores[-1])
            means.append(fmean(scores[-8:]))
        return fmean(means)

    assert mean_of_last(algorithm) < 0.7 * mean_of_last("random")


def test_the_surrogate_is_fitted_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its sums would differ with the number of cores, and its threads would spin beside the trials'."""
    found = BayesianSuggestions(made("bayesianoptimization"), 3)
    seen: set[int] = set()

    def told(*_: Any, **__: Any) -> None:
        seen.update(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")

    monkeypatch.setattr(found._optimizer, "tell", told)
    with threadpool_limits(2, "blas"):
        for number, _ in found.ask(1):
            found.tell(number, 0.5)
        assert {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"} == {2}
    assert seen == {1}


def test_a_grid_holds_every_point_once_and_then_ends() -> None:
    """In a random order, so that a small budget sees all of it."""
    experiment = made("grid")
    values = asked(experiment, 40, 3)
    assert len(values) == algorithms.grid_size(experiment.space) == 5 * 2 * 4
    assert len({tuple(one.values()) for one in values}) == len(values)
    assert [one["n"] for one in values] != sorted(one["n"] for one in values)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_hyperband_goes_on_with_the_best_of_each_rung(direction: Any) -> None:
    """Brackets, counts and resources are those of Li et al. 2018, table 1, for R = 9 and eta = 3."""
    experiment = replace(made("hyperband"), objective=Objective("rmse", direction))
    found = HyperbandSuggestions(experiment, 0)
    rungs: list[tuple[int, int]] = []
    best: list[float] = []
    while batch := found.ask(100):
        rungs.append((len(batch), batch[0][1]["n"]))
        assert {values["n"] for _, values in batch} == {batch[0][1]["n"]}
        if best:
            assert sorted(values["x"] for _, values in batch) == sorted(best)
        scores = {number: values["x"] for number, values in batch}
        for number, score in scores.items():
            found.tell(number, score)
        kept = len(batch) // 3
        best = sorted(scores.values(), reverse=direction == "maximize")[:kept] if batch[0][1]["n"] < 9 else []
    assert rungs == [(9, 1), (3, 3), (1, 9), (5, 3), (1, 9), (3, 9)]


def test_hyperband_asks_for_no_more_than_it_may() -> None:
    """A rung may come in pieces; the next one waits for all of it."""
    found = HyperbandSuggestions(made("hyperband"), 0)
    sizes = []
    for _ in range(6):
        batch = found.ask(4)
        sizes.append(len(batch))
        for number, values in batch:
            found.tell(number, values["x"])
    assert sizes == [4, 4, 1, 3, 1, 4]


def test_a_rung_whose_trials_failed_ends_its_bracket() -> None:
    """There is nothing to go on with."""
    found = HyperbandSuggestions(made("hyperband"), 0)
    assert len(found.ask(9)) == 9
    assert [values["n"] for _, values in found.ask(9)] == [3] * 5


@given(st.floats(0, 1), st.floats(0, 1), st.booleans(), st.booleans())
@example(first=4e-18, second=0.0, whole=False, log=False)
@example(first=4e-18, second=0.0, whole=False, log=True)
@example(first=1 - 2**-53, second=1.0, whole=False, log=False)
@example(first=1 - 2**-53, second=1.0, whole=False, log=True)
def test_a_bell_runs_from_end_to_end(first: float, second: float, whole: bool, log: bool) -> None:
    """Its value rises with the share, from min to max, and half of it lies below the middle."""
    kind = NumberRange(2, 32, whole=whole, log=log, bell=True)
    low, high = sorted([kind.value(first), kind.value(second)]) if first != second else (kind.value(first),) * 2
    assert 2 <= low <= high <= 32
    assert (kind.value(min(first, second)), kind.value(max(first, second))) == (low, high)
    assert (kind.value(0), kind.value(1)) == (2, 32)
    assert abs(kind.value(0.5) - (8 if log else 17)) <= 0.5 * whole + 1e-9


BELLS = {
    "far from zero": NumberRange(1e9, 1e9 + 1, bell=True),
    "on both sides of zero": NumberRange(-3.0, 7.0, bell=True),
    "by steps": NumberRange(0.0, 1.0, step=0.3, bell=True),
    "by whole steps": NumberRange(1, 64, step=3, whole=True, bell=True),
    "narrow, in logarithms": NumberRange(1.0, 1.001, log=True, bell=True),
    "wide, in logarithms": NumberRange(1e-300, 1e300, log=True, bell=True),
    "a point": NumberRange(5.0, 5.0, bell=True),
    "a point, in logarithms": NumberRange(5.0, 5.0, log=True, bell=True),
}


@pytest.mark.parametrize("kind", BELLS.values(), ids=BELLS)
@given(share=st.floats(0, 1))
@example(share=0.0)
@example(share=1 - 2**-52)
@example(share=0.5)
def test_neighbouring_shares_keep_their_order(kind: NumberRange, share: float) -> None:
    """However near to one another, and where rounding errors are large: at the ends, and in logarithms."""
    larger = [min(share + distance, 1.0) for distance in (0.0, 2**-53, 2**-45, 2**-44, 2**-43, 2**-40)]
    values = [kind.value(one) for one in larger]
    assert values == sorted(values)
    assert kind.low == kind.value(0) <= values[0]
    assert values[-1] <= kind.value(1) == pytest.approx(kind.last)


def test_a_bell_draws_the_middle_more_often() -> None:
    """Two thirds lie within a standard deviation, which is a sixth of the range."""
    found = suggestion.make(made("random", space={"x": NumberRange(-3.0, 3.0, bell=True)}), seed=0)
    values = [one["x"] for _, one in found.ask(2000)]
    assert 0.64 < sum(abs(value) < 1 for value in values) / len(values) < 0.73


@given(st.floats(-20, 20))
def test_the_nearest_value_may_be_taken(number: float) -> None:
    """Whatever the number, it lies on a step between the ends."""
    for kind in (NumberRange(1, 9, step=2, whole=True), NumberRange(0.0, 1.0, step=0.3), NumberRange(2, 5, whole=True)):
        near = kind.near(number)
        assert near in [pytest.approx(point) for point in points("x", kind)]
        assert all(abs(near - number) <= abs(float(point) - number) + 1e-9 for point in points("x", kind))
