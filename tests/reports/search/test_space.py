"""Where the values of parameters lie on their axes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.reports.search.space import FamilySpace, axis
from tests.reports.searches import trial


def test_numbers_lie_on_a_line() -> None:
    """From the least to the largest, with ticks at both ends."""
    found = axis("max_depth", [2, 8, 5])
    assert (found.kind, found.places) == ("linear", (0.0, 1.0, 0.5))
    assert found.ticks == ((0.0, "2"), (0.5, "5"), (1.0, "8"))


def test_values_that_span_decades_lie_on_a_logarithmic_line() -> None:
    """Each decade has the same length."""
    found = axis("alpha", [0.001, 0.1, 10.0])
    assert found.kind == "log"
    assert found.places == pytest.approx((0.0, 0.5, 1.0))
    assert [text for _, text in found.ticks] == ["0.001", "0.1", "10"]


def test_many_values_have_round_ticks() -> None:
    """And the ends, which are what was tried."""
    found = axis("max_iter", [103, 111, 127, 140, 155, 171, 180, 197])
    assert [text for _, text in found.ticks] == ["103", "120", "140", "160", "180", "197"]
    logarithmic = axis("C", [10.0**power for power in (-2.7, -2, -1.5, -1, -0.5, 0, 0.6)])
    assert [text for _, text in logarithmic.ticks] == ["0.002", "0.01", "0.1", "1", "3.98"]


def test_zero_lies_aside_of_a_logarithmic_line() -> None:
    """It has no logarithm, but a place and a tick."""
    found = axis("l2", [0.0, 0.001, 10.0])
    assert found.kind == "log"
    assert found.places == pytest.approx((0.0, 0.2, 1.0))
    assert found.ticks[0] == (0.0, "0")


def test_an_absent_value_lies_aside() -> None:
    """It is no number."""
    found = axis("depth", [None, 3, 9])
    assert found.places == pytest.approx((0.0, 0.2, 1.0))
    assert found.ticks[0] == (0.0, "none")


def test_categories_lie_side_by_side_and_trials_of_one_close_together() -> None:
    """Near the tick of their category, but not all on one spot."""
    found = axis("kernel", ["rbf", "linear", "rbf", "poly", "rbf"])
    assert found.kind == "categories"
    assert [text for _, text in found.ticks] == ["linear", "poly", "rbf"]
    for place, text in zip(found.places, found.labels, strict=True):
        assert abs(place - {"linear": 0, "poly": 0.5, "rbf": 1}[text]) <= 0.08
    assert len({found.places[i] for i in (0, 2, 4)}) > 1


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, False], "categories"),
        ([1, "auto"], "categories"),
        ([[1, 2], {"a": 1}], "categories"),
        ([-1.0, 500.0], "linear"),
        ([1, 29], "linear"),
        ([1, 30], "log"),
        ([0, 1, 30], "log"),
        ([0, 1, 20], "linear"),
        (["x", None], "categories"),
    ],
)
def test_the_kind_of_an_axis_follows_its_values(values: list[Any], kind: str) -> None:
    """Numbers that span thirty times are logarithmic, unless one is below zero."""
    assert axis("p", values).kind == kind


def test_defaults_are_filled_in_and_what_all_share_is_set_aside() -> None:
    """A trial that was given nothing has the family's defaults."""
    trials = [
        trial(0, parameters={}),
        trial(1, parameters={"max_depth": 5, "n_estimators": 100}),
        trial(2, parameters={"max_depth": 7, "n_estimators": 100}),
    ]
    space = FamilySpace.of(trials)
    assert [(one.name, one.labels) for one in space.axes] == [("max_depth", ("12", "5", "7"))]
    assert space.fixed == (("n_estimators", "100"),)


def test_parameters_of_a_pipeline_have_no_defaults() -> None:
    """What one of its trials was not given is absent."""
    space = FamilySpace.of([trial(0, family="", parameters={"x": 1}), trial(1, family="", parameters={})])
    assert space.axes[0].labels == ("1", "none")


NUMBERS = st.one_of(st.integers(-(10**12), 10**12), st.floats(-1e99, 1e99))
ODD = st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=60))
VALUES = st.one_of(NUMBERS, ODD)


@given(st.lists(VALUES, min_size=2, max_size=30))
def test_every_value_has_a_place_and_no_tick_hides_another(values: list[Any]) -> None:
    """Whatever was tried."""
    found = axis("p", values)
    assert len(found.places) == len(found.labels) == len(values)
    assert all(0 <= place <= 1 for place in found.places)
    assert all(-1e-9 <= place <= 1 + 1e-9 for place, _ in found.ticks)
    assert list(found.ticks) == sorted(found.ticks)
    for (left, one), (right, other) in zip(found.ticks, found.ticks[1:], strict=False):
        assert right - left > 0.0105 * (len(one) + len(other))


@given(st.lists(NUMBERS, min_size=2, max_size=30))
def test_places_keep_the_order_of_numbers(values: list[float]) -> None:
    """A larger number never lies to the left of a smaller one."""
    placed = sorted(zip(values, axis("p", values).places, strict=True))
    assert [place for _, place in placed] == sorted(place for _, place in placed)
