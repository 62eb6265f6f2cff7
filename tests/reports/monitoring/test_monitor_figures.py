"""The pictures of the monitors: each kind has one, and what nobody saw is no line."""

import re
from dataclasses import replace
from datetime import timedelta
from math import isfinite

import matplotlib.dates as mdates
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from headrace.core.monitors.reports.monitor_kinds import MONITORS, MonitorKind
from headrace.core.monitors.reports.monitor_report import MonitorReport, MonitorResult, ReportWindow, Status
from headrace.core.monitors.reports.time_window import rfc3339
from headrace.reports.monitoring.history import ModelInUse
from headrace.reports.monitoring.monitor_figures import MOST_SUBJECTS, draw_level
from headrace.reports.monitoring.page import render
from headrace.reports.monitoring.window_series import collect_series, draw_series, draw_time
from tests.reports.monitoring.histories import START, make_report, window_start

_SUBJECTS = {"column": "age", "metric": "roc_auc", "slice": "town: x", "rule": "range: age", "objective": "fast"}


def make_result(
    kind: MonitorKind, *, value: float | None = 0.5, status: Status = "ok", subject: str = ""
) -> MonitorResult:
    """A result of a monitor of any kind."""
    about = subject or _SUBJECTS.get(kind.subject, "pod-a" if kind.subject == "pod" else "")
    since = rfc3339(window_start(1)) if kind.name == "change_point" else None
    return MonitorResult(kind.name, about, status, "A sentence.", value=value, bound=0.9, since=since)


def make_history(windows: dict[int, tuple[MonitorResult, ...]]) -> ModelInUse:
    """A history of weeks, by their numbers; the others have no report."""
    reports = tuple(replace(make_report(week), results=results) for week, results in sorted(windows.items()))
    return ModelInUse("sales", "", reports)


@pytest.mark.parametrize("kind", MONITORS.values(), ids=lambda kind: kind.name)
def test_each_kind_of_monitor_has_a_picture(kind: MonitorKind) -> None:
    """A monitor that is added to the table needs a place: a figure of its own, the heat map, or that of performance."""
    page = render(make_history({week: (make_result(kind),) for week in range(3)}))
    words = kind.name.replace("_", " ")
    figures = [label.lower() for label in re.findall(r'role="img" aria-label="([^"]*)"', page)]
    cells = re.findall(r'<td class="heat-ok"', page)
    drawn_as_metric = kind.name in {"measured_performance", "estimated_performance"} and "roc auc over time" in figures
    assert any(label.startswith(words) for label in figures) or len(cells) == 3 or drawn_as_metric


def test_a_line_does_not_join_windows_over_one_that_is_missing() -> None:
    """Neither where there is no report, nor where its monitor knows nothing."""
    kind = MONITORS["latency"]
    known, unknown = (make_result(kind),), (make_result(kind, value=None, status="unknown"),)
    history = make_history({0: known, 1: known, 3: known, 4: unknown, 5: known})
    series = collect_series(history, "latency", "")
    assert [one is not None for one in series.results] == [True, True, False, True, False, True]
    assert series.times[2] == window_start(2) + timedelta(days=3.5)
    axes = Figure().subplots()
    draw_series(axes, series, "#000000")
    drawn = axes.get_lines()[0].get_ydata()
    assert [isfinite(value) for value in drawn] == [True, True, False, True, False, True]


def test_a_value_between_two_gaps_is_marked_in_a_long_history() -> None:
    """No line leads to it, and a year of hours has no marks: it would not be seen."""
    kind = MONITORS["latency"]
    weeks = {week: (make_result(kind),) for week in range(200) if week not in {99, 101}}
    series = collect_series(make_history(weeks), "latency", "")
    axes = Figure().subplots()
    draw_series(axes, series, "#000000")
    (marked,) = axes.get_lines()[0].get_markevery()
    assert series.times[marked] == window_start(100) + timedelta(days=3.5)


def test_time_of_which_nothing_is_known_is_grey() -> None:
    """From the end of the last known window to the beginning of the next, in one piece."""
    kind = MONITORS["latency"]
    unknown = (make_result(kind, value=None, status="unknown"),)
    history = make_history({0: (make_result(kind),), 1: unknown, 3: (make_result(kind),)})
    axes = Figure().subplots()

    def is_known(report: MonitorReport) -> bool:
        return report.results[0].value is not None

    draw_time(axes, history, is_known=is_known, wide=False)
    (grey,) = [one for one in axes.patches if isinstance(one, Rectangle)]
    ends = [mdates.num2date(moment) for moment in (grey.get_x(), grey.get_x() + grey.get_width())]
    assert ends == [window_start(1), window_start(3)]


def test_the_worst_subjects_are_drawn_and_the_others_counted() -> None:
    """Many slices are a few figures; one that was violated comes before one that has a larger value."""
    kind = MONITORS["slice_performance"]
    results = [make_result(kind, subject=f"town: {place}", value=0.9) for place in range(MOST_SUBJECTS + 2)]
    results.append(make_result(kind, subject="town: bad", value=0.1, status="violated"))
    found = draw_level(make_history({0: tuple(results), 1: tuple(results)}), "performance")
    assert len(found.figures) == MOST_SUBJECTS
    assert found.figures[0].subject == "town: bad"
    assert found.left_out == ("slice performance: 3 calmer ones are not drawn.",)


def test_pods_share_a_figure() -> None:
    """They come and go with each deployment; the caption has the one that uses most."""
    kind = MONITORS["memory"]
    weeks = {
        week: tuple(make_result(kind, subject=f"pod-{name}", value=size) for name, size in pods.items())
        for week, pods in enumerate(({"a": 2e8}, {"a": 2e8, "b": 1e8}, {"b": 1e8, "c": 3e8}))
    }
    (figure,) = draw_level(make_history(weeks), "resource").figures
    assert (figure.name, figure.subject) == ("memory", "")
    assert "In the latest window 300 MB" in figure.caption
    assert "(the most of 2)" in figure.caption


def test_a_monitor_that_never_knew_anything_is_named() -> None:
    """It has no figure, and is not left out in silence."""
    kind = MONITORS["lag"]
    unknown = (make_result(kind, value=None, status="unknown"),)
    found = draw_level(make_history({0: unknown, 1: unknown}), "resource")
    assert not found.figures
    assert found.left_out == ("Not known in any window: lag.",)
    assert "Not known in any window: lag." in render(make_history({0: unknown}))


def test_an_error_budget_is_what_is_left_of_it() -> None:
    """The axis reaches from none to all of it; a budget that is overdrawn lies below."""
    kind = MONITORS["error_budget"]
    history = make_history({week: (make_result(kind, value=0.9 - 0.5 * week),) for week in range(3)})
    (figure,) = draw_level(history, "resource").figures
    texts = re.findall(r"<text[^>]*>([^<]+)</text>", str(figure.picture))
    assert "100 %" in texts
    assert figure.subject == "fast"
    assert "In the latest window -10.0 %" in figure.caption


def test_a_bound_out_of_reach_does_not_flatten_a_curve() -> None:
    """It is named in words; a bound nearby is a line."""
    near, far = (replace(make_result(MONITORS["latency"]), bound=bound) for bound in (0.6, 60.0))
    drawn = [draw_level(make_history({0: (one,), 1: (one,)}), "resource").figures[0] for one in (near, far)]
    assert ["stroke-dasharray" in str(one.picture) for one in drawn] == [True, False]
    assert "bound 60.0 s" in drawn[1].caption


def test_windows_that_do_not_meet_are_in_order() -> None:
    """Windows of another length may overlap: nothing is drawn between them."""
    kind = MONITORS["latency"]
    first = replace(make_report(0), results=(make_result(kind),))
    window = ReportWindow(rfc3339(START), rfc3339(START + timedelta(days=1)))
    history = ModelInUse("sales", "", (replace(first, window=window), first))
    assert len(collect_series(history, "latency", "").times) == 2
