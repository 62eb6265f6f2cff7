"""The progress of a search as a figure."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from headrace.core.evaluation.search_trials import Trial
from headrace.reports.base import number_format
from headrace.reports.base.phrases import family_name, metric_name
from headrace.reports.page.figures import format_ticks
from headrace.reports.page.matplotlib_svg import BAD, COLOURS, INK, MARKS, SOFT, plot
from headrace.reports.search.document import SearchFacts


def axis_limits(values: Sequence[float], best: float | None = None) -> tuple[float, float]:
    """Return the ends of an axis that leaves far worse scores out, so that the good ones are distinguishable.

    Args:
        values: At least one score.
        best: The score that the axis must include; None for none.
    """
    ordered = sorted(values)
    spare = len(ordered) // 20 if len(ordered) >= 8 else 0
    low, high = ordered[spare], ordered[-1 - spare]
    reach = (high - low) or abs(high) or 1.0
    required = [] if best is None else [best]
    least, most = max(ordered[0], low - reach), min(ordered[-1], high + reach)
    return min(least, *required, most) - 0.06 * reach, max(least, *required, most) + 0.06 * reach


def progress(search: SearchFacts) -> tuple[Markup, str] | None:
    """Draw the scores of the trials in order, and the best so far of those that ran to their end.

    Args:
        search: The search.

    Returns:
        The figure and its caption; None if no trial has a score.
    """
    scored = [trial.score for trial in search.trials if trial.score is not None]
    if not scored:
        return None
    families = sorted({trial.family for trial in search.trials})
    ends = axis_limits(scored, search.best.score if search.best else None)

    def draw(axes: Axes) -> None:
        numbers_of, best = _best_so_far(search)
        axes.step(numbers_of, best, where="post", color=SOFT, linewidth=1.4, label="best so far")
        size = 26 if len(search.trials) <= 60 else 11
        for place, family in enumerate(families):
            _draw_family(axes, [t for t in search.trials if t.family == family], place, size)
        _draw_unscored(axes, search)
        if search.best is not None and search.best.score is not None:
            ring: dict[str, Any] = {"s": 5 * size, "facecolors": "none", "edgecolors": INK, "linewidths": 1.2}
            axes.scatter([search.best.number], [search.best.score], **ring, zorder=4, label="the best")
        axes.set_ylim(*ends)
        axes.set_xlim(-0.7, search.trials[-1].number + 0.7)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        axes.set_xlabel("trial")
        axes.set_ylabel(metric_name(search.metric))
        format_ticks(axes, y=True)
        axes.figure.legend(loc="outside lower center", ncols=2, handlelength=1.2, columnspacing=1.2)

    height = 2.8 + 0.2 * ((len(families) + 5) // 2)
    outside = sum(not ends[0] <= score <= ends[1] for score in scored)
    caption = f"{metric_name(search.metric)} of each trial, and the best so far of those that ran to their end; "
    caption += "less is better" if search.minimize else "more is better"
    caption += f"; {number_format.count(outside)} far off are outside." if outside else "."
    return plot("progress", draw, label="Progress of the search", size=(4.2, height)), _capital(caption)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _best_so_far(search: SearchFacts) -> tuple[list[int], list[float]]:
    places: list[int] = []
    best: list[float] = []
    for trial in search.trials:
        score = trial.finished
        if score is not None:
            places.append(trial.number)
            best.append(score if not best or search.better(score, best[-1]) else best[-1])
    if places:
        places.append(search.trials[-1].number)
        best.append(best[-1])
    return places, best


def _draw_family(axes: Axes, trials: Sequence[Trial], place: int, size: float) -> None:
    """Draw the marks of a family: filled, or hollow for trials that were stopped early."""
    colour, mark = COLOURS[place % len(COLOURS)], MARKS[place % len(MARKS)]
    look: dict[str, Any] = {"s": size, "edgecolors": colour, "marker": mark, "zorder": 3}
    whole = [(t.number, t.finished) for t in trials if t.finished is not None]
    part = [(t.number, t.score) for t in trials if t.finished is None and t.score is not None]
    name = family_name(trials[0].family)
    if whole:
        axes.scatter(*zip(*whole, strict=True), facecolors=colour, label=name, **look)
    if part:
        axes.scatter(*zip(*part, strict=True), facecolors="none", label=f"{name}, ended early", **look)


def _draw_unscored(axes: Axes, search: SearchFacts) -> None:
    """Draw crosses at the lower edge for trials without a score."""
    failed = [trial.number for trial in search.trials if trial.score is None]
    if failed:
        edge = axes.get_xaxis_transform()
        look: dict[str, Any] = {"marker": "x", "s": 22, "color": BAD, "linewidths": 1.3, "zorder": 3}
        axes.scatter(failed, [0.03] * len(failed), transform=edge, label="failed", **look)
