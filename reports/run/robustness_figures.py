"""Figures of a model's robustness."""

from collections.abc import Iterator

from markupsafe import Markup
from matplotlib.axes import Axes

from headrace.core.contracts.vocabulary import Task
from headrace.core.robustness.robustness_document import Robustness
from headrace.core.statistics.metric_names import MAIN
from headrace.reports.base import number_format
from headrace.reports.base.phrases import metric_name
from headrace.reports.page.figures import format_ticks
from headrace.reports.page.matplotlib_svg import COLOURS, INK, MARKS, plot

_BLUE, _ORANGE = COLOURS[:2]
_MOST_BARS = 8
_LONGEST = 24


def draw_robustness(measured: Robustness, task: Task) -> list[tuple[Markup, str]]:
    """Draw the figures of a robustness, each with a caption; those without data are left out.

    Args:
        measured: What was measured.
        task: Kind of task.
    """
    return [*_flips(measured), *_noise(measured, task), *_missing(measured)]


def _flips(measured: Robustness) -> Iterator[tuple[Markup, str]]:
    found = measured.small_changes
    if found is None:
        return

    def draw(axes: Axes) -> None:
        places = range(len(found.flips))
        shares = [flip.share for flip in found.flips]
        axes.bar(places, [share.value for share in shares], color=_BLUE, width=0.6)
        for place, share in zip(places, shares, strict=True):
            axes.plot([place, place], [share.low, share.high], color=INK, linewidth=1.4)
        axes.set_xticks(places, [f"{flip.within:.0%}" for flip in found.flips], color=INK)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("largest change of each column, in its range")
        axes.set_ylabel("rows whose decision flips")
        axes.grid(visible=False, axis="x")
        format_ticks(axes, y=True)

    half = (
        f" Half of them flip at {found.median_change:.1%}."
        if found.median_change is not None
        else " Fewer than half flip."
    )
    yield (
        plot("flips", draw, label="Share of rows whose decision small changes flip"),
        (
            f"Small changes of {number_format.count(len(found.columns))} columns that a client controls, on "
            f"{number_format.count(found.rows)} test rows, by {found.method}.{half}"
        ),
    )


def _noise(measured: Robustness, task: Task) -> Iterator[tuple[Markup, str]]:
    main = MAIN[task]
    points = [(point.level, point.metrics[main]) for point in measured.noise if main in point.metrics]
    if not points:
        return

    def draw(axes: Axes) -> None:
        levels = [level for level, _ in points]
        axes.fill_between(
            levels,
            [one.low for _, one in points],
            [one.high for _, one in points],
            color=_BLUE,
            alpha=0.18,
            linewidth=0,
        )
        axes.plot(levels, [one.value for _, one in points], MARKS[0] + "-", color=_BLUE, markersize=4.5)
        axes.set_xlabel("standard deviation of the noise, in each column's range")
        axes.set_ylabel(metric_name(main))
        format_ticks(axes, x=True, y=True)

    yield (
        plot("noise", draw, label=f"{metric_name(main)} by the level of the noise"),
        (
            f"{metric_name(main)} where every column of numbers has noise, with its 95 % interval, on "
            f"{number_format.count(measured.rows)} test rows."
        ),
    )


def _missing(measured: Robustness) -> Iterator[tuple[Markup, str]]:
    bars = [one for one in measured.missing if len(one.columns) == 1][:_MOST_BARS]
    if not bars:
        return

    def draw(axes: Axes) -> None:
        places = range(len(bars))
        axes.barh(places, [one.worse_by.value for one in bars], color=[_ORANGE if o.refused else _BLUE for o in bars])
        for place, one in zip(places, bars, strict=True):
            axes.plot([one.worse_by.low, one.worse_by.high], [place, place], color=INK, linewidth=1.4)
        axes.set_yticks(places, [number_format.shorten(one.columns[0], _LONGEST) for one in bars], color=INK)
        axes.set_ylim(len(bars) - 0.5, -0.5)
        axes.set_xlabel(f"{metric_name(measured.metric)} worse by")
        axes.grid(visible=False, axis="y")
        format_ticks(axes, x=True)

    yield (
        plot(
            "missing-inputs",
            draw,
            label="How much worse a missing input makes the metric",
            size=(4.2, 0.8 + 0.3 * len(bars)),
        ),
        (
            f"How much worse {metric_name(measured.metric)} is where one input is missing from every row; the contract "
            "refuses orange ones."
        ),
    )
