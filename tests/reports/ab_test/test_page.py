"""The page of an A/B test."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape

import polars as pl
import pytest

from headrace.core.ab_tests.analysis import analyze
from headrace.core.ab_tests.result import ABTestResult
from headrace.reports.ab_test.figures import draw_sequence
from headrace.reports.ab_test.page import render
from tests.core.ab_tests.simulated_tests import GUARD, SHARE_METRIC, draw_table, plan_test
from tests.reports.conftest import EVIL
from tests.reports.run.test_page import Page

METRICS = (SHARE_METRIC, "spent,mean=50,sd=20,effect=4,covariate=before,correlation=0.7")


@pytest.fixture(scope="module")
def result() -> ABTestResult:
    """A test at its planned size, with two primary metrics and a guard, over time."""
    plan = plan_test(*METRICS, guards=(GUARD,))
    return analyze(draw_table(1, plan.keys, effect=1.5), plan=plan, time="day")


def text_of(page: str) -> str:
    """The texts of a page."""
    return " ".join(unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)).split())


def test_words_come_first(result: ABTestResult) -> None:
    """The decision and its reasons before any figure."""
    page = render(result)
    head = text_of(page[: page.index("<main>")])
    assert result.sentence in head
    assert all(" ".join(reason.split()) in head for reason in result.reasons)
    assert 'class="verdict is-good"' in page


def test_every_section_is_there_and_listed(result: ABTestResult) -> None:
    """Each entry of the contents leads to a heading; without times there is no section for them."""
    page = render(result)
    targets = re.findall(r'<li><a href="#([\w-]+)">', page)
    assert targets == ["effects", "time", "division", "plan"]
    assert [page.count(f'<h2 id="{target}">') for target in targets] == [1] * 4
    timeless = replace(result, metrics=tuple(replace(one, timeline=()) for one in result.metrics))
    assert 'id="time"' not in render(timeless)


def test_each_metric_has_both_intervals_and_its_figures(result: ABTestResult) -> None:
    """An effect and a sequence over time for each, described for screen readers."""
    page = render(result)
    labels = re.findall(r'<svg[^>]*aria-label="([^"]+)"', page)
    for effect in result.metrics:
        assert f"Difference of {effect.name} with its interval and its sequence" in labels
        assert f"Confidence sequence of the difference of {effect.name} over time" in labels
    text = text_of(page)
    assert "98 %" in text  # the level of two primary metrics at the planned size
    assert "99.5 %" in text  # and of their sequences
    assert "by Holm" in text
    assert "before explains" in text


def test_before_the_planned_size_the_interval_is_pale(result: ABTestResult) -> None:
    """And the page says why."""
    table = draw_table(1, result.plan.keys).filter(pl.col("day") < 4)
    text = text_of(render(analyze(table, plan=result.plan)))
    assert "The planned number is not reached, so the interval and p do not count yet." in text
    assert "more keys are needed" in text


def test_a_broken_division_is_shown_in_red(result: ABTestResult) -> None:
    """Nothing may be concluded."""
    page = render(analyze(draw_table(2, 3000, share=0.6), plan=result.plan))
    assert 'class="verdict is-bad"' in page
    assert "This is not chance" in page


def test_names_cannot_harm_the_page() -> None:
    """Columns and versions are text, whatever they are called."""
    plan = plan_test(SHARE_METRIC)
    metric = replace(plan.metrics[0], name=EVIL, covariate=f"x{EVIL}")
    plan = replace(plan, metrics=(metric,), candidate=EVIL, keys=500)
    table = draw_table(3, 500).rename({"converted": EVIL, "before": f"x{EVIL}"})
    table = table.with_columns(pl.col("version").replace({"candidate": EVIL}))
    page = Page(render(analyze(table, plan=plan, time="day")))
    assert "script" not in page.tags
    assert "b" not in page.tags
    assert not page.open


@pytest.mark.parametrize("minutes", [0.01, 1, 20, 60, 500, 1440, 20_000, 80_000, 500_000])
@pytest.mark.parametrize("days", [2, 37])
def test_the_axis_of_time_fits_any_length(result: ABTestResult, minutes: float, days: int) -> None:
    """From seconds to years, without a warning of matplotlib."""
    effect, metric = result.metrics[0], result.plan.metrics[0]
    point = effect.timeline[-1]
    start = datetime(2026, 3, 1, tzinfo=UTC)
    times = [(start + timedelta(minutes=minutes * number)).isoformat() for number in range(days)]
    timeline = tuple(replace(point, time=time) for time in times)
    assert draw_sequence(replace(effect, timeline=timeline), metric, number=1)
