"""Small figures of monitors over the windows: one for each subject, and one for all pods of a monitor.

Every monitor has a figure here unless the heat map or the figures of performance show it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from headrace.core.monitors.reports.monitor_kinds import MONITORS, Level, MonitorKind
from headrace.core.monitors.reports.monitor_report import MonitorReport, MonitorResult
from headrace.core.monitors.reports.time_window import parse_moment
from headrace.reports.base.number_format import count, shorten
from headrace.reports.base.phrases import metric_name
from headrace.reports.monitoring import heat_map, performance_figures, phrases
from headrace.reports.monitoring.history import ModelInUse
from headrace.reports.monitoring.window_series import WindowSeries, collect_series, draw_series, draw_time, mark_bad
from headrace.reports.page.matplotlib_svg import COLOURS, MARKS, SOFT, plot

MOST_SUBJECTS = 4
_MOST_PODS = 20
_MOST_NAMED = 4
_BLUE = COLOURS[0]
_SIZE = (4.2, 2.1)
# A bound further away than this many times the largest value is named, and does not flatten the curve.
_FAR = 5.0
_DASHES = (0, (4, 3))
# Also in the heat map, where a colour is all there is of their size.
_DRAWN_TOO = frozenset({"joint_drift", "prediction_drift", "duplicate_rows", "duplicate_requests"})
_ELSEWHERE = (heat_map.SHOWN | frozenset(performance_figures.SHOWN)) - _DRAWN_TOO
# Values whose distance from zero says nothing: metrics, and what is nearly always all.
_FREE_AXIS = frozenset({"availability", "label_coverage"})


@dataclass(frozen=True)
class MonitorFigure:
    """A figure of one monitor.

    Attributes:
        name: Printed name of the monitor.
        subject: Its subject; empty for the whole model, and for all pods.
        picture: The figure.
        caption: What it shows, and the latest value.
    """

    name: str
    subject: str
    picture: Markup
    caption: str


@dataclass(frozen=True)
class LevelFigures:
    """The figures of the monitors of one level.

    Attributes:
        figures: The figures, in the order of the monitors.
        left_out: What is not drawn, as sentences.
    """

    figures: tuple[MonitorFigure, ...]
    left_out: tuple[str, ...]


def draw_level(history: ModelInUse, level: Level) -> LevelFigures:
    """Draw the monitors of a level that have a value in any window: at most four subjects of each, the worst.

    Args:
        history: The model in use.
        level: The level.
    """
    figures, left_out, unknown = list[MonitorFigure](), list[str](), list[str]()
    for kind in MONITORS.values():
        if kind.level != level or kind.name in _ELSEWHERE:
            continue
        subjects, known = _rank_subjects(history, kind.name)
        if subjects and not known:
            unknown.append(phrases.monitor_name(kind.name))
        figures += _draw_kind(history, kind, known)
        hidden = len(known) - (_MOST_PODS if kind.subject == "pod" else MOST_SUBJECTS)
        if hidden > 0:
            left_out.append(f"{phrases.monitor_name(kind.name)}: {count(hidden)} calmer ones are not drawn.")
    if unknown:
        left_out.append(f"Not known in any window: {', '.join(unknown)}.")
    return LevelFigures(tuple(figures), tuple(left_out))


def _rank_subjects(history: ModelInUse, monitor: str) -> tuple[list[str], list[str]]:
    """Return all subjects of a monitor, and those with a value, the one that was bad in most windows first."""
    seen: dict[str, list[MonitorResult]] = {}
    for report in history.reports:
        for one in report.results:
            if one.monitor == monitor:
                seen.setdefault(one.subject, []).append(one)

    def badness(subject: str) -> tuple[int, float]:
        results = seen[subject]
        bad = sum(one.status in {"violated", "data_fault"} for one in results)
        return bad, max(abs(one.value) for one in results if one.value is not None)

    known = [name for name, results in seen.items() if any(one.value is not None for one in results)]
    return list(seen), sorted(known, key=badness, reverse=True)


def _draw_kind(history: ModelInUse, kind: MonitorKind, subjects: Sequence[str]) -> Iterator[MonitorFigure]:
    if kind.subject == "pod":
        if subjects:
            yield _draw_pods(history, kind, subjects[:_MOST_PODS])
        return
    for place, subject in enumerate(subjects[:MOST_SUBJECTS]):
        name = f"{kind.name}-{place}"
        if kind.name == "change_point":
            yield _draw_changes(history, kind, subject, name)
        else:
            yield _draw_curve(history, kind, subject, name)


def _draw_curve(history: ModelInUse, kind: MonitorKind, subject: str, name: str) -> MonitorFigure:
    series = collect_series(history, kind.name, subject)

    def draw(axes: Axes) -> None:
        if kind.name == "error_budget":
            axes.fill_between(list(series.times), series.select(lambda one: one.value), 0, color=_BLUE, alpha=0.25)  # type: ignore[arg-type]  # dates
        draw_series(axes, series, _BLUE)
        mark_bad(axes, series)
        _draw_bound(axes, series)
        _finish(axes, history, kind, lambda report: _has_value(report.find(kind.name, subject)))

    latest = history.reports[-1].find(kind.name, subject)
    return _make_figure(kind, subject, plot(name, draw, label=_label(kind, subject), size=_SIZE), _say_latest(latest))


def _draw_pods(history: ModelInUse, kind: MonitorKind, pods: Sequence[str]) -> MonitorFigure:
    def draw(axes: Axes) -> None:
        for place, pod in enumerate(pods):
            series = collect_series(history, kind.name, pod)
            name = shorten(pod, 30) if len(pods) <= _MOST_NAMED else ""
            draw_series(axes, series, COLOURS[place % len(COLOURS)], label=name)
            mark_bad(axes, series)
            if place == 0:
                _draw_bound(axes, series)
        _finish(axes, history, kind, lambda report: any(map(_has_value, _results_of(report, kind))))
        if len(pods) <= _MOST_NAMED:
            axes.figure.legend(loc="outside lower center", ncols=1, handlelength=1.4)

    latest = [one for one in _results_of(history.reports[-1], kind) if _has_value(one)]
    worst = max(latest, key=lambda one: one.value or 0.0, default=None)
    words = f"{_say_latest(worst)} (the most of {count(len(latest))})" if len(latest) > 1 else _say_latest(worst)
    return _make_figure(kind, "", plot(kind.name, draw, label=_label(kind, ""), size=_SIZE), words)


def _draw_changes(history: ModelInUse, kind: MonitorKind, subject: str, name: str) -> MonitorFigure:
    """Draw each change that a report named at its own moment, as high as the error rose."""
    changes = {
        one.since: one
        for report in history.reports
        if (one := report.find(kind.name, subject)) is not None and one.since is not None and one.value is not None
    }

    def draw(axes: Axes) -> None:
        times = [parse_moment(since) for since in changes]
        values = [one.value or 0.0 for one in changes.values()]
        axes.vlines(times, 0, values, color=_BLUE)  # type: ignore[arg-type]  # dates
        axes.plot(times, values, MARKS[3], color=_BLUE, markersize=6)  # type: ignore[arg-type]  # dates
        axes.axhline(0, color=SOFT, linewidth=1)
        _finish(axes, history, kind, lambda report: report.find(kind.name, subject) is not None)

    latest = list(changes.values())[-1]
    words = f"The latest, of {(latest.since or '')[:10]}: {latest.value or 0.0:+.3g}"
    return _make_figure(kind, subject, plot(name, draw, label=_label(kind, subject), size=_SIZE), words)


def _draw_bound(axes: Axes, series: WindowSeries) -> None:
    """Draw the bound of each window, unless it is so far away that nothing else could be seen."""
    bounds = [one.bound for one in series.known if one.bound is not None]
    largest = max(abs(number) for one in series.known for number in (one.value, one.high) if number is not None)
    if not bounds or 0 < _FAR * largest < max(map(abs, bounds)):
        return
    if len(set(bounds)) == 1:
        axes.axhline(bounds[0], color=SOFT, linewidth=1, linestyle=_DASHES)
    else:
        values = series.select(lambda one: one.bound)
        axes.plot(list(series.times), values, color=SOFT, linewidth=1, linestyle=_DASHES, drawstyle="steps-mid")  # type: ignore[arg-type]  # dates


def _finish(axes: Axes, history: ModelInUse, kind: MonitorKind, is_known: Callable[[MonitorReport], bool]) -> None:
    """Set both axes."""
    low, high = axes.get_ylim()
    if kind.unit != "metric" and kind.name not in _FREE_AXIS:
        low, high = (low if axes.dataLim.y0 < 0 else 0.0), max(high, 1.08 * axes.dataLim.y1)
    axes.set_ylim(low, min(high, 1.0) if kind.unit == "share" else high)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    if kind.name == "error_budget":
        axes.set_ylim(top=1.0)
        if axes.get_ylim()[0] >= -1.0:
            axes.yaxis.set_major_locator(MultipleLocator(0.5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _format_tick(kind, value)))
    draw_time(axes, history, is_known=is_known, wide=False)


def _format_tick(kind: MonitorKind, value: float) -> str:
    if abs(value) < 1e-12:
        return "0"
    if kind.unit == "share":
        return f"{100 * value:.4g} %"
    if kind.unit in {"bytes", "seconds"} and value > 0:
        return phrases.format_amount(kind.name, value) if kind.unit == "bytes" or value >= 100 else f"{value:.3g} s"
    return f"{value:.4g}"


def _results_of(report: MonitorReport, kind: MonitorKind) -> list[MonitorResult]:
    return [one for one in report.results if one.monitor == kind.name]


def _has_value(result: MonitorResult | None) -> bool:
    return result is not None and result.value is not None


def _say_latest(result: MonitorResult | None) -> str:
    """Return the latest window's value and bound in words."""
    if result is None or result.value is None:
        return "Not known in the latest window"
    value = phrases.format_value(result)
    if not result.bound:  # zero is where a budget ends and a loss begins to rise, which the figure shows
        return f"In the latest window {value}"
    # Drift is decided by a test; its bound is the change from which it matters at all.
    bound = phrases.format_amount(result.monitor, result.bound)
    if MONITORS[result.monitor].unit == "effect":
        return f"In the latest window {value}; from {bound} on it matters, unless chance explains it"
    return f"In the latest window {value}, bound {bound}"


def _label(kind: MonitorKind, subject: str) -> str:
    return f"{phrases.monitor_name(kind.name)}{f' of {subject}' if subject else ''} over time"


def _make_figure(kind: MonitorKind, subject: str, picture: Markup, words: str) -> MonitorFigure:
    about = metric_name(subject) if kind.subject == "metric" else subject
    return MonitorFigure(phrases.monitor_name(kind.name), about, picture, f"{kind.meaning}. {words}.")
