"""Whole tests, drawn at random: false alarms, power and guards are as the plan promises."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from headrace.core.ab_tests.analysis import analyze
from headrace.core.ab_tests.plan import ABTestPlan
from tests.core.ab_tests.simulated_tests import DAYS, GUARD, MEAN_METRIC, SHARE_METRIC, draw_table, plan_test

_FOUND = {"better", "worse"}


def share_of(times: int, decide: Callable[[int], str], decisions: set[str]) -> float:
    """The share of simulated tests with one of some decisions."""
    return float(np.mean([decide(seed) in decisions for seed in range(times)]))


def decide_daily(table: pl.DataFrame, plan: ABTestPlan) -> str:
    """The first decision of a test that is looked at every day."""
    decision = "undecided"
    for day in range(DAYS):
        decision = analyze(table.filter(pl.col("day") <= day), plan=plan).decision
        if decision != "undecided":
            break
    return decision


def within(rate: float, times: int) -> float:
    """The largest share that is still plausible at a rate: three standard errors above it."""
    return rate + 3 * float(np.sqrt(rate * (1 - rate) / times))


@pytest.mark.parametrize("metric", [SHARE_METRIC, MEAN_METRIC])
def test_one_look_errs_as_seldom_and_finds_as_often_as_planned(metric: str) -> None:
    """False alarms at most alpha, power within Monte Carlo error of the planned one."""
    plan = plan_test(metric, looks="once")
    alarms = share_of(250, lambda seed: analyze(draw_table(seed, plan.keys), plan=plan).decision, _FOUND)
    power = share_of(250, lambda seed: analyze(draw_table(seed, plan.keys, effect=1), plan=plan).decision, {"better"})
    assert alarms <= within(0.05, 250)
    assert power == pytest.approx(0.8, abs=3 * np.sqrt(0.16 / 250))


def test_a_guard_that_loses_its_margin_is_seldom_overlooked() -> None:
    """Non-inferiority: called better, though the guard is at its margin, in at most 4.5 % (one end, both intervals)."""
    plan = plan_test(SHARE_METRIC, guards=(GUARD,))
    wrong = share_of(
        200, lambda seed: analyze(draw_table(seed, plan.keys, effect=1.5, loss=1), plan=plan).decision, {"better"}
    )
    assert wrong <= within(0.045, 200)


@pytest.mark.slow
@pytest.mark.parametrize("metric", [SHARE_METRIC, MEAN_METRIC])
def test_looking_every_day_errs_as_seldom_as_planned(metric: str) -> None:
    """And costs no power."""
    plan = plan_test(metric)
    alarms = share_of(400, lambda seed: decide_daily(draw_table(seed, plan.keys), plan), _FOUND)
    power = share_of(400, lambda seed: decide_daily(draw_table(seed, plan.keys, effect=1), plan), {"better"})
    assert alarms <= within(0.05, 400)
    assert power >= 0.8 - 3 * np.sqrt(0.16 / 400)


@pytest.mark.slow
def test_two_metrics_and_a_guard_err_as_seldom_as_planned() -> None:
    """False alarms of the whole test; the power of the whole test with an effect and a harmless guard."""
    plan = plan_test(SHARE_METRIC, MEAN_METRIC, guards=(GUARD,))
    alarms = share_of(400, lambda seed: decide_daily(draw_table(seed, plan.keys), plan), {*_FOUND, "stop"})
    power = share_of(400, lambda seed: decide_daily(draw_table(seed, plan.keys, effect=1), plan), {"better"})
    assert alarms <= within(0.05, 400)
    assert power >= 0.8 - 3 * np.sqrt(0.16 / 400)
