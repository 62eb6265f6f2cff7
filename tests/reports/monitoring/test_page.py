"""The page of a model in use."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError
from headrace.core.monitors.reports.monitor_report import MonitorResult
from headrace.reports.monitoring.heat_map import MOST_ROWS, MOST_WINDOWS, draw_heat_map
from headrace.reports.monitoring.history import ModelInUse
from headrace.reports.monitoring.page import render, write
from headrace.reports.monitoring.phrases import describe_state
from tests.reports.monitoring.histories import make_history, make_report


@pytest.fixture(scope="module")
def page() -> str:
    """The page of a made year."""
    return render(make_history())


def test_the_page_says_first_what_is_the_matter(page: str) -> None:
    """Words stand before any figure: the state, its reasons and what was decided."""
    text = re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL)
    positions = [text.index(part) for part in ("Something has changed.", "has moved by 0.40", "retrain", "<svg")]
    assert positions == sorted(positions)


def test_the_page_is_self_contained(page: str) -> None:
    """No script, and nothing is loaded from elsewhere."""
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?!#|data:)', page)


def test_measured_and_estimated_performance_are_drawn_with_versions_and_decisions(page: str) -> None:
    """Both curves are in the legend."""
    assert "measured, with labels" in page
    assert "estimated, without labels" in page
    assert "version 2 serves" in page


def test_a_report_that_knows_nothing_is_not_called_well() -> None:
    """What could not be read is said, not taken for good."""
    unknown = MonitorResult("availability", "", "unknown", "Prometheus did not answer: nothing is known.")
    style, lead, sentences = describe_state(replace(make_report(1), results=(unknown,)))
    assert (style, lead) == ("warn", "Not everything is known.")
    assert sentences == ["Prometheus did not answer: nothing is known."]


def test_broken_data_come_before_everything_else() -> None:
    """A broken sensor is the first sentence, whatever else has changed."""
    report = make_report(10)
    drifted = MonitorResult("input_drift", "age", "violated", "The distribution of age has moved.", value=0.3)
    style, lead, sentences = describe_state(replace(report, results=(drifted, *report.results)))
    assert (style, lead) == ("bad", "The data are broken.")
    assert sentences[0].startswith("sensor has no value")


def test_many_sentences_are_counted() -> None:
    """The lead does not grow with the number of columns."""
    results = tuple(MonitorResult("input_drift", f"c{i}", "violated", f"c{i} has moved.", value=0.3) for i in range(40))
    sentences = describe_state(replace(make_report(1), results=results))[2]
    assert sentences[-1] == "And 35 more below."


def test_the_worst_rows_of_the_heat_map_come_first() -> None:
    """A column that changed in half of the windows stands above one that broke once, above one that never moved."""
    rows = draw_heat_map(make_history().reports).rows
    assert [row.name for row in rows] == ["age", "sensor", "town"]
    assert [cell.status for cell in rows[1].cells].count("data_fault") == 1
    assert rows[1].cells[10].title.startswith("sensor has no value")


def test_the_heat_map_says_what_it_leaves_out() -> None:
    """A long history of a wide table is cut, and the page says so."""
    results = tuple(MonitorResult("input_drift", f"c{i}", "ok", "still.", value=i / 100) for i in range(MOST_ROWS + 5))
    reports = tuple(replace(make_report(week), results=results) for week in range(MOST_WINDOWS + 7))
    heat = draw_heat_map(reports)
    assert len(heat.rows) == MOST_ROWS
    assert {len(row.cells) for row in heat.rows} == {MOST_WINDOWS}
    assert heat.left_out == ("7 earlier windows are not shown.", "5 calmer rows are not shown.")
    assert heat.rows[0].name == f"c{MOST_ROWS + 4}"


def test_names_from_the_data_are_escaped() -> None:
    """A column's name is text, whatever it holds."""
    result = MonitorResult("input_drift", "<img src=x>", "violated", "<b>moved</b>", value=0.4)
    history = make_history(2)
    page = render(replace(history, reports=(*history.reports[:-1], replace(make_report(1), results=(result,)))))
    assert "<img src=x>" not in page
    assert "<b>moved</b>" not in page


def test_a_single_window_and_no_events_make_a_page() -> None:
    """The first day has a page too."""
    page = render(ModelInUse("sales", "", (make_report(0),)))
    assert "Nothing was decided in these windows." in page
    assert "One window from 2026-01-05 00:00 to 2026-01-12 00:00 UTC: 1,000 rows, 800 of them with labels." in page


def test_no_window_is_one_sentence(tmp_path: Path) -> None:
    """Nothing is written."""
    with pytest.raises(InputError, match="needs at least one monitored window; there is none"):
        write(tmp_path / "monitor.html", ModelInUse("sales", "", ()))
    assert not list(tmp_path.iterdir())


def test_a_year_of_hours_is_a_small_page() -> None:
    """The page is bounded, whatever the length of the history."""
    report = make_report(20)
    reports = tuple(report for _ in range(24 * 30))
    assert len(render(ModelInUse("sales", "", reports)).encode()) < 400_000
