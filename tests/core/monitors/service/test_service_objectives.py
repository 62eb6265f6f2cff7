"""Error budgets and burn rates, as the workbook computes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import InputError
from headrace.core.monitors.service.service_objectives import (
    BURN_RATE_WINDOWS,
    RequestTotals,
    ServiceObjective,
    check_names,
    compute_budget_left,
    compute_burn_rate,
    explain_omitted_windows,
    is_burning,
    parse_objective,
    select_windows,
)

MONTH = ServiceObjective("availability", "availability", 0.999)


def test_the_burn_rates_of_a_month_are_the_workbooks() -> None:
    """Table "Recommended parameters for an SLO-based alerting configuration": 14.4, 6 and 1 at 2, 5 and 10 %."""
    assert [round(window.burn_rate(MONTH), 9) for window in BURN_RATE_WINDOWS] == [14.4, 6.0, 1.0]
    assert [window.long_seconds // window.short_seconds for window in BURN_RATE_WINDOWS] == [12, 12, 12]


@given(st.integers(1, 10**7), st.floats(0, 1), st.sampled_from([0.9, 0.99, 0.999, 0.9999]))
def test_a_burn_rate_of_one_uses_up_the_budget_exactly(requests: int, share: float, target: float) -> None:
    """What is left is one less the burn rate over the whole period; all requests bad is the fastest burn."""
    objective = ServiceObjective("a", "availability", target)
    totals = RequestTotals(requests, share * requests)
    rate = compute_burn_rate(totals, objective)
    assert compute_budget_left(totals, objective) == pytest.approx(1 - rate)
    assert rate <= 1 / objective.budget + 1e-6
    assert compute_burn_rate(RequestTotals(requests, objective.budget * requests), objective) == pytest.approx(1.0)


def test_no_requests_use_up_nothing() -> None:
    """A night without traffic costs no budget."""
    assert compute_burn_rate(RequestTotals(0, 0), MONTH) == 0
    assert compute_budget_left(RequestTotals(0, 0), MONTH) == 1


def test_both_windows_and_enough_bad_requests_are_needed() -> None:
    """It must have lasted, it must still go on, and one error of three requests is no news."""
    window = BURN_RATE_WINDOWS[0]
    high, low = RequestTotals(1_000, 20), RequestTotals(1_000, 1)
    assert is_burning(window, MONTH, long=high, short=high)
    assert not is_burning(window, MONTH, long=high, short=low)
    assert not is_burning(window, MONTH, long=low, short=high)
    assert not is_burning(window, MONTH, long=RequestTotals(3, 1), short=RequestTotals(3, 1))


def test_an_alert_that_can_never_fire_is_left_out_and_named() -> None:
    """A budget of 10 % cannot burn 14.4 times as fast as it may: at ten times all requests are bad."""
    wide = ServiceObjective("latency", "latency", 0.9, threshold_seconds=0.25)
    assert select_windows(wide) == BURN_RATE_WINDOWS[1:]
    assert select_windows(MONTH) == BURN_RATE_WINDOWS
    day = ServiceObjective("day", "availability", 0.999, period_days=1)
    assert BURN_RATE_WINDOWS[2] not in select_windows(day)
    (sentence,) = explain_omitted_windows((MONTH, wide))
    assert sentence == ("Objective latency (target 0.9 over 30 days) has no alert over 1 h: it could never fire.")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"target": 1.0}, "between 0 and 1"),
        ({"target": float("nan")}, "between 0 and 1"),
        ({"name": 'x"}'}, "lower-case letters"),
        ({"kind": "speed"}, "availability or latency"),
        ({"threshold_seconds": 0.2}, "only if, it is of latency"),
        ({"kind": "latency"}, "only if, it is of latency"),
        ({"period_days": 0}, "1 to 366 days"),
    ],
)
def test_an_objective_that_makes_no_sense_is_refused(values: dict[str, object], problem: str) -> None:
    """Before anything is measured."""
    with pytest.raises(InputError, match=problem):
        ServiceObjective(**{"name": "a", "kind": "availability", "target": 0.99, **values})  # type: ignore[arg-type]


def test_an_objective_is_read_from_a_text() -> None:
    """Every attribute by its name, in any order; what is left out has its default."""
    text = "name=fast, target=0.95,kind=latency,threshold_seconds=0.1,period_days=7"
    assert parse_objective(text) == ServiceObjective("fast", "latency", 0.95, threshold_seconds=0.1, period_days=7)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name=a,kind=availability", "target of .* is missing"),
        ("name=a,name=b", "at most once, as KEY=VALUE; got 'name=b'"),
        ("speed=1", "got 'speed=1'"),
        ("name=a,kind=availability,target=much", "target of an objective must be a number; got 'much'"),
        ("", "at most once, as KEY=VALUE"),
    ],
)
def test_a_text_that_is_no_objective_is_refused(text: str, problem: str) -> None:
    """In one sentence that names the part."""
    with pytest.raises(InputError, match=problem):
        parse_objective(text)


def test_names_are_distinct() -> None:
    """They are labels of series."""
    with pytest.raises(InputError, match="availability is there more than once"):
        check_names([MONTH, MONTH])
