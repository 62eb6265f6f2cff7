"""Sizes, powers and effects agree with one another and with statsmodels."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.ab_tests.metric_text import parse_metric
from headrace.core.ab_tests.plan import PlannedMetric
from headrace.core.ab_tests.sample_size import (
    expected_power,
    metric_alpha,
    metric_power,
    required_keys,
    smallest_effect,
)
from headrace.core.base.errors import InputError
from tests.core.ab_tests.simulated_tests import GUARD, MEAN_METRIC, SHARE_METRIC, plan_test


def of(text: str) -> PlannedMetric:
    """A primary metric."""
    return parse_metric(text, role="primary").metric


@pytest.mark.parametrize(
    ("effect", "share", "power", "of_candidate"),
    [(0.2, 0.5, 0.8, 393.4057), (0.5, 0.5, 0.8, 63.7656), (0.1, 0.2, 0.9, 1313.8117)],
)
def test_sizes_of_means_are_those_of_statsmodels(
    effect: float, share: float, power: float, of_candidate: float
) -> None:
    """As by statsmodels 0.15.0, ``TTestIndPower().solve_power``: within a key or two."""
    keys = required_keys(of(f"m,mean=0,sd=1,effect={effect}"), share=share, alpha=0.05, power=power)
    assert keys == pytest.approx(of_candidate / share, abs=2)


@pytest.mark.parametrize(("effect", "of_candidate"), [(0.01, 14_750), (0.02, 3841)])
def test_sizes_of_shares_are_those_of_statsmodels(effect: float, of_candidate: int) -> None:
    """As by statsmodels 0.15.0, ``power_proportions_2indep`` from a rate of 0.1, by a pooled variance: within 0.2 %."""
    keys = required_keys(of(f"m,rate=0.1,effect={effect}"), share=0.5, alpha=0.05, power=0.8)
    assert keys / 2 == pytest.approx(of_candidate, rel=0.002)


_METRICS = st.one_of(
    st.builds(
        "m,rate={:.3f},effect={:.4f},better={}".format,
        st.floats(0.1, 0.9),
        st.floats(0.005, 0.05),
        st.sampled_from(["higher", "lower"]),
    ),
    st.builds("m,mean=3,sd={:.3f},effect={:.4f}".format, st.floats(0.5, 50), st.floats(0.01, 5)),
    st.builds(
        "m,mean=3,sd=2,effect={:.4f},covariate=x,correlation={:.3f}".format, st.floats(0.01, 1), st.floats(0, 0.95)
    ),
)


@given(
    text=_METRICS, share=st.floats(0.05, 0.95), alpha=st.sampled_from([0.01, 0.05]), power=st.sampled_from([0.8, 0.95])
)
def test_any_two_give_the_third(text: str, share: float, alpha: float, power: float) -> None:
    """Size, power and smallest effect are inverses of one another, up to one key."""
    metric = of(text)
    keys = required_keys(metric, share=share, alpha=alpha, power=power)
    if keys < 30:
        return
    assert expected_power(metric, share=share, alpha=alpha, keys=keys) >= power - 1e-9
    assert expected_power(metric, share=share, alpha=alpha, keys=keys - 1) < power
    found = smallest_effect(metric, share=share, alpha=alpha, power=power, keys=keys)
    assert found <= (metric.effect or 0) * (1 + 1e-6)
    fewer = smallest_effect(metric, share=share, alpha=alpha, power=power, keys=keys - 1)
    assert fewer > (metric.effect or 0) * (1 - 1e-9)


def test_a_covariate_saves_the_square_of_its_correlation() -> None:
    """As of Deng and others (2013)."""
    plain = required_keys(of("m,mean=0,sd=1,effect=0.05"), share=0.5, alpha=0.05, power=0.8)
    less = required_keys(of("m,mean=0,sd=1,effect=0.05,covariate=x,correlation=0.6"), share=0.5, alpha=0.05, power=0.8)
    assert less / plain == pytest.approx(1 - 0.36, abs=0.001)


def test_looking_at_any_time_costs_keys_and_the_plan_says_how_many() -> None:
    """A fifth of alpha is a few per cent of the keys; the sequence alone takes about twice as many."""
    once, daily = plan_test(MEAN_METRIC, looks="once"), plan_test(MEAN_METRIC)
    assert once.sequential_keys is None
    assert 1.05 < daily.keys / once.keys < 1.09
    assert daily.sequential_keys is not None
    assert 1.5 < daily.sequential_keys / daily.keys < 2.5


def test_more_metrics_share_the_errors() -> None:
    """Primary metrics share alpha; guards do not, but every metric needs more power."""
    plan = plan_test(MEAN_METRIC, SHARE_METRIC, guards=(GUARD,))
    assert [metric_alpha(plan, metric) for metric in plan.metrics] == pytest.approx([0.02, 0.02, 0.04])
    assert metric_power(plan) == pytest.approx(0.9)
    assert plan.keys == max(metric.keys or 0 for metric in plan.metrics)
    assert all((metric.power or 0) >= 0.9 for metric in plan.metrics)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("m", "must have either its rate, or its mean and sd"),
        ("m,rate=0.1,mean=3,sd=1,effect=1", "must have either its rate, or its mean and sd"),
        ("m,mean=3,effect=1", "must have either its rate, or its mean and sd"),
        ("m,rate=2,effect=0.1", "the rate of metric 'm' must be above 0 and below 1; got 2"),
        ("m,rate=0.1,effect=x", "effect must be a number; got 'x'"),
        ("m,rate=0.1,effect=-0.1", "the effect of metric 'm' must be above 0"),
        ("m,mean=1,sd=0,effect=1", "the standard deviation of metric 'm' must be above 0"),
        ("m,rate=0.1,effect=0.1,effekt=2", "a metric must be NAME,FACT=VALUE"),
        ("m,rate=0.1,effect=0.1,better=up", "must be higher or lower; got 'up'"),
        ("m,mean=1,sd=1,effect=1,correlation=0.5", "must have a covariate with its correlation"),
        ("m,mean=1,sd=1,effect=1,covariate=x,correlation=1", "must be at least 0 and below 1"),
    ],
)
def test_a_metric_that_cannot_be_planned_is_refused(text: str, sentence: str) -> None:
    """In one sentence with the place."""
    with pytest.raises(InputError, match=sentence):
        parse_metric(text, role="primary")


@pytest.mark.parametrize("text", ["m,rate=0.1", "m,rate=0.1,effect=0.1", "m,rate=0.1,effect=0.1,margin=0.1"])
def test_a_guard_has_a_margin_and_no_effect(text: str) -> None:
    """Because it is meant not to change."""
    with pytest.raises(InputError, match="must have a margin, which it may lose at most, and no effect"):
        parse_metric(text, role="guard")


def test_effects_beyond_reach_are_refused() -> None:
    """A rate above 1, more keys than there are people, and so few keys that no effect is found."""
    with pytest.raises(InputError, match="plus its effect must be above 0 and below 1"):
        plan_test("m,rate=0.9,effect=0.2")
    with pytest.raises(InputError, match=r"would take 3e\+1[0-9] keys"):
        plan_test("m,mean=0,sd=1000,effect=0.001")
    with pytest.raises(InputError, match="cannot find any effect"):
        smallest_effect(of("m,rate=0.5,effect=0.1"), share=0.5, alpha=0.05, power=0.8, keys=5)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"alpha": 0.0}, "alpha must be above 0"),
        ({"power": 1.0}, "power must be at least 0.5 and below 1"),
        ({"candidate": "baseline"}, "must have different names"),
        ({"metrics": ()}, "must have a primary metric"),
        ({"daily_keys": 0.0}, "the keys of a day must be above 0"),
        ({"format": 2}, "must be of format 1"),
        ({"name": "a/b"}, "the name of a test"),
        ({"share": 1.0}, "share of the keys"),
    ],
)
def test_a_plan_that_cannot_be_kept_is_refused(changes: dict[str, object], sentence: str) -> None:
    """When it is made and when it is read."""
    with pytest.raises(InputError, match=sentence):
        replace(plan_test(), **changes)  # type: ignore[arg-type]


def test_a_metric_is_named_once() -> None:
    """A primary metric cannot be its own guard."""
    with pytest.raises(InputError, match="each metric must be named once; got 'spent' twice"):
        plan_test(MEAN_METRIC, guards=("spent,mean=50,sd=20,margin=1",))


@given(text=_METRICS, keys=st.integers(4, 10**7), share=st.floats(0.01, 0.99), looks=st.sampled_from(["any", "once"]))
def test_every_plan_is_complete(text: str, keys: int, share: float, looks: str) -> None:
    """However far the keys are from those that the effect takes; what cannot be counted is absent."""
    plan = plan_test(text, keys=keys, share=share, looks="any" if looks == "any" else "once")
    assert plan.keys == keys
    assert (plan.metrics[0].keys or 0) >= 4
    assert 0 <= (plan.metrics[0].power or 0) <= 1
    assert (plan.sequential_keys is None) >= (looks == "once")
