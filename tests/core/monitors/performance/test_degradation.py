"""Degradation and change points: no alarm while nothing changes, an alarm soon after, and days that add up."""

import datetime as dt
import itertools

import numpy as np
import pytest
import ruptures
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import InputError
from headrace.core.drift.output_profile import LossRecord
from headrace.core.monitors.performance.change_points import change_point_results, find_changes
from headrace.core.monitors.performance.daily_losses import FORMAT, DailyLosses, DayLosses
from headrace.core.monitors.performance.degradation import degradation_results, find_rise
from headrace.core.monitors.performance.performance_reference import PerformancePlan
from headrace.core.statistics.weighted_metrics import EvaluatedRows
from tests.core.monitors.performance.test_estimated_performance import binary, profile_of, regression
from tests.properties import examples

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
FIRST = dt.date(2026, 1, 1)


def _day(number: int) -> str:
    return (FIRST + dt.timedelta(days=number)).isoformat()


def _history(means: Floats, rows: int = 100) -> DailyLosses:
    """Return a history of log losses with these daily means."""
    days = tuple(
        DayLosses(_day(place), rows, (LossRecord("log_loss", mean * rows, mean**2 * rows * 2),))
        for place, mean in enumerate(means)
    )
    return DailyLosses(FORMAT, "d", days)


def _means(seed: int, days: int, *, rise: float = 0.0, at: int = 0) -> Floats:
    """Draw daily means of a loss of 0.5 that vary by 0.03, and rise on a day."""
    means = 0.5 + 0.03 * np.random.default_rng(seed).standard_normal(days)
    means[at:] += rise
    return means


def _alarms(means: Floats, *, every: int = 7, alpha: float = 0.05) -> int | None:
    """Return the first day on which a test that is read again and again calls the loss worse."""
    rows = np.full(len(means), 100.0)
    for day in range(14, len(means) + 1, every):
        found = find_rise(means[:day] * rows[:day], rows[:day], reference=(0.5, 0.01**2), alpha=alpha)
        if found.low > 0:
            return day
    return None


@pytest.mark.slow
def test_an_unchanged_loss_is_hardly_ever_called_worse_however_often_it_is_read() -> None:
    """Thirty models over 300 days, read weekly, at a promise of 5 % for the whole time."""
    alarms = sum(_alarms(_means(seed, 300)) is not None for seed in range(30))
    assert alarms <= 4  # more than 4 of 30 happen once in 60 at 5 %


@pytest.mark.parametrize("at", [30, 400])
def test_a_rise_is_noticed_within_weeks_also_after_a_year(at: int) -> None:
    """What happened before does not have to be outweighed."""
    day = _alarms(_means(1, at + 60, rise=0.1, at=at), every=1)
    assert day is not None
    assert at < day <= at + 45


def test_an_uncertain_test_part_delays_the_alarm() -> None:
    """A rise within the error of the reference is none."""
    means, rows = _means(1, 100, rise=0.05), np.full(100, 100.0)
    sure = find_rise(means * rows, rows, reference=(0.5, 0.001**2), alpha=0.05)
    unsure = find_rise(means * rows, rows, reference=(0.5, 0.03**2), alpha=0.05)
    assert unsure.low < 0 < sure.low
    assert unsure.effect == pytest.approx(sure.effect)


def test_a_weekly_season_is_no_degradation() -> None:
    """Weekends are worse, every week."""
    season = np.where(np.arange(210) % 7 >= 5, 0.2, -0.08)
    assert _alarms(_means(2, 210) + season) is None


def test_days_that_depend_on_one_another_widen_the_interval() -> None:
    """A wave of two months counts as a few weeks, not as sixty days."""
    rows = np.full(280, 100.0)
    waves = 0.1 * np.sin(2 * np.pi * np.arange(280) / 60)
    plain, waved = (
        find_rise(one * rows, rows, reference=(0.5, 0.001**2), alpha=0.05)
        for one in (_means(3, 280), _means(3, 280) + waves)
    )
    assert waved.high - waved.low > 2 * (plain.high - plain.low)


def test_results_say_since_when_and_in_words() -> None:
    """The day from which the loss is higher is a part of the document."""
    rng = np.random.default_rng(0)
    test = binary(rng, 2000)
    profile = profile_of(test)
    level = next(one for one in profile.losses if one.name == "log_loss").total / 2000
    (worse,) = degradation_results(profile, _history(_means(0, 200, rise=0.3, at=112) - 0.5 + level))
    assert (worse.status, worse.subject, worse.since) == ("violated", "log_loss", f"{_day(112)}T00:00:00Z")
    assert "The log loss has risen" in worse.sentence
    (fine,) = degradation_results(profile, _history(_means(0, 200) - 0.5 + level))
    assert fine.status == "ok"
    tolerant = PerformancePlan(tolerance=0.5)
    (tolerated,) = degradation_results(profile, _history(_means(0, 200, rise=0.3, at=112) - 0.5 + level), plan=tolerant)
    assert tolerated.status == "ok"


def test_few_days_are_unknown_and_a_loss_that_is_none_is_one_sentence() -> None:
    """Neither is ok."""
    profile = profile_of(binary(np.random.default_rng(0), 500))
    for days in (0, 1, 13):
        (result,) = degradation_results(profile, _history(_means(0, days)))
        assert (result.status, result.value) == ("unknown", None)
        (change,) = change_point_results(profile, _history(_means(0, days)))
        assert (change.status, change.value) == ("unknown", None)
    with pytest.raises(InputError, match="a loss must be one of log_loss, brier, errors; got mse"):
        degradation_results(profile, _history(_means(0, 30)), losses=("mse",))


def test_a_loss_that_never_varies_is_no_error() -> None:
    """A model that is always right: nothing rises, and nothing is cut."""
    values = np.zeros(100)
    profile = profile_of(EvaluatedRows("regression", values, values=values))
    days = tuple(DayLosses(_day(number), 10, (LossRecord("mse", 0.0, 0.0),)) for number in range(60))
    history = DailyLosses(FORMAT, "d", days)
    results = (*degradation_results(profile, history), *change_point_results(profile, history))
    assert [one.status for one in results] == ["ok", "ok"]


def test_the_day_of_a_change_is_found_with_its_interval() -> None:
    """Where it rose it is violated; where it fell it is not."""
    profile = profile_of(binary(np.random.default_rng(0), 500))
    (rise,) = change_point_results(profile, _history(_means(5, 120, rise=0.1, at=70)))
    assert (rise.status, rise.subject) == ("violated", "log_loss")
    assert rise.since is not None
    assert abs((dt.date.fromisoformat(rise.since[:10]) - FIRST).days - 70) <= 2
    assert rise.value == pytest.approx(0.1, abs=0.02)
    assert "changed its level on" in rise.sentence
    (fall,) = change_point_results(profile, _history(_means(5, 120, rise=-0.1, at=70)))
    assert fall.status == "ok"
    (level,) = change_point_results(profile, _history(_means(5, 120)))
    assert level.since is None
    assert "has kept its level" in level.sentence


def test_intervals_of_changes_hold_the_day_and_histories_of_one_level_are_hardly_cut() -> None:
    """Sixty histories of each: at least 90 of 100 intervals hold, and no more than 4 are cut without a change."""
    inside, cut = [], 0
    for seed in range(60):
        changes = find_changes(_means(seed, 150, rise=0.03, at=80), alpha=0.01)
        inside += [changes[0].low <= 80 <= changes[0].high] if len(changes) == 1 else []
        cut += bool(find_changes(_means(seed, 150), alpha=0.01))
    assert len(inside) > 30
    assert np.mean(inside) > 0.9
    assert cut <= 4


def test_days_with_few_labels_are_counted_together() -> None:
    """Single labels on many days do not look like changes of the level."""
    busy = _history(_means(6, 60)).days
    lean = tuple(
        DayLosses(_day(60 + place), 1, (LossRecord("log_loss", value, value**2),))
        for place, value in enumerate([0.0, 3.0, 0.0, 0.5, 0.0, 2.0, 0.0, 0.1] * 5)
    )
    profile = profile_of(binary(np.random.default_rng(0), 500))
    (result,) = change_point_results(profile, DailyLosses(FORMAT, "d", busy + lean))
    assert result.status == "ok"


def test_the_kernel_search_finds_what_pelt_finds() -> None:
    """``KernelCPD`` with a linear kernel is the least-squares search of ``Pelt`` (ruptures 1.1.10), and much faster."""
    for seed in range(5):
        signal = _means(seed, 100, rise=0.1, at=60)[:, None] / 0.03
        slow = ruptures.Pelt(model="l2", min_size=7, jump=1).fit(signal).predict(pen=10)
        fast = ruptures.KernelCPD(kernel="linear", min_size=7).fit(signal).predict(pen=10)
        assert list(map(int, slow)) == list(map(int, fast))


@examples(20)
@given(cuts=st.sets(st.integers(1, 59), max_size=4), seed=st.integers(0, 99))
def test_losses_of_parts_add_up_to_those_of_the_whole(cuts: set[int], seed: int) -> None:
    """However rows are divided, also within a day: a year needs no row again."""
    rng = np.random.default_rng(seed)
    outcome = regression(rng, 60)
    days = [FIRST + dt.timedelta(days=int(number)) for number in rng.integers(0, 5, 60)]
    whole = DailyLosses.of(outcome, days, digest="d")
    bounds = [0, *sorted(cuts), 60]
    parts = [
        DailyLosses.of(outcome.take(np.arange(start, end)), days[start:end], digest="d")
        for start, end in itertools.pairwise(bounds)
    ]
    total = parts[0]
    for part in parts[1:]:
        total += part
    assert [(day.day, day.rows) for day in total.days] == [(day.day, day.rows) for day in whole.days]
    for loss in ("mae", "mse"):
        assert total.series(loss)[1] == pytest.approx(whole.series(loss)[1])
    assert DailyLosses.from_json(total.as_json()) == total


def test_days_are_replaced_when_their_labels_come_late() -> None:
    """The sums of a day that is counted again take the place of the old ones."""
    first, second = _history(_means(0, 3)), _history(_means(1, 2))
    replaced = first.replace_days(second)
    assert replaced.days == (*second.days, first.days[2])


def test_other_versions_other_losses_and_days_out_of_order_are_one_sentence() -> None:
    """Losses of two models are no history."""
    one = _history(_means(0, 2))
    with pytest.raises(InputError, match="one version of a model"):
        one + DailyLosses(FORMAT, "e", one.days)
    with pytest.raises(InputError, match="in order and each once"):
        DailyLosses(FORMAT, "d", one.days[::-1])
    with pytest.raises(InputError, match="must hold 'mse'; they hold"):
        one.series("mse")
    with pytest.raises(InputError, match="differ in their names"):
        one + DailyLosses(FORMAT, "d", (DayLosses(_day(0), 1, (LossRecord("mse", 1.0, 1.0),)),))
