"""Parallel coordinates: a line for each trial of a family, from parameter to parameter and down to its score.

The axes are stacked instead of side by side, so that names and ticks have room on a phone too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes

from headrace.core.evaluation.search_trials import Trial
from headrace.reports.base import number_format
from headrace.reports.base.phrases import metric_name
from headrace.reports.page.matplotlib_svg import BAD, COLOURS, INK, PAPER, SHADES, SOFT, plot
from headrace.reports.search.document import SearchFacts
from headrace.reports.search.figures import axis_limits
from headrace.reports.search.space import FamilySpace, ParameterAxis

MOST_LINES = 200
MOST_AXES = 12
_ROW_INCHES = 0.72
_BEST = COLOURS[1]

Points = tuple[list[float], list[float]]
Look = dict[str, Any]


@dataclass(frozen=True)
class _Lines:
    """The trials that are drawn, best first, and their positions on each axis.

    Attributes:
        trials: The trials.
        axes: The axes of the parameters.
        places: Place of each trial among those of the family, by its number.
        ends: Ends of the axis of the score; None without scores.
    """

    trials: tuple[Trial, ...]
    axes: tuple[ParameterAxis, ...]
    places: dict[int, int]
    ends: tuple[float, float] | None

    @classmethod
    def of(cls, space: FamilySpace, search: SearchFacts) -> "_Lines":
        places = {trial.number: place for place, trial in enumerate(space.trials)}
        trials = tuple(trial for trial in search.ranked if trial.number in places)[:MOST_LINES]
        scores = [trial.score for trial in trials if trial.score is not None]
        return cls(trials, space.axes[:MOST_AXES], places, axis_limits(scores, trials[0].score) if scores else None)

    @property
    def finished(self) -> tuple[Trial, ...]:
        """The trials that ran to their end."""
        return tuple(trial for trial in self.trials if trial.finished is not None)

    def join_lines(self, trials: Sequence[Trial]) -> Points:
        """Join the lines of some trials to one, with gaps between them."""
        x: list[float] = []
        y: list[float] = []
        for trial in trials:
            line = [axis.places[self.places[trial.number]] for axis in self.axes]
            if self.ends and trial.score is not None:
                low, high = self.ends
                line.append(min(1.0, max(0.0, (trial.score - low) / (high - low))))
            x += [*line, nan]
            y += [*(-float(place) for place in range(len(line))), nan]
        return x, y

    def styled_lines(self) -> Iterator[tuple[Points, Look]]:
        """Yield one long line for each shade: first trials that did not finish, then from the worst to the best."""
        whole = self.finished
        dashed: Look = {"linewidth": 0.8, "linestyle": (0, (2, 2)), "zorder": 2}
        early = [trial for trial in self.trials if trial.finished is None and trial.score is not None]
        if early:
            yield self.join_lines(early), {"color": SOFT, **dashed}
        failed = [trial for trial in self.trials if trial.score is None]
        if failed:
            yield self.join_lines(failed), {"color": BAD, "marker": "x", "markersize": 4, **dashed}
        wide = 1.5 if len(whole) <= 40 else 1.0
        for shade, colour in enumerate(SHADES):
            part = [trial for place, trial in enumerate(whole) if _shade(place, len(whole)) == shade]
            if part:
                yield self.join_lines(part), {"color": colour, "linewidth": wide, "zorder": 3 + shade / 9}
        if whole:
            look: Look = {"color": _BEST, "linewidth": 2.4, "zorder": 5, "marker": "o", "markersize": 4}
            yield self.join_lines(whole[:1]), look


def _shade(place: int, count: int) -> int:
    """Return the shade for a rank: the last for the best part, the first for the worst."""
    return len(SHADES) - 1 - place * len(SHADES) // count


def parallel(space: FamilySpace, search: SearchFacts, *, name: str) -> Markup | None:
    """Draw the trials of a family.

    Args:
        space: The trials.
        search: The search that they belong to.
        name: Name of the figure, different for each family.

    Returns:
        The figure; None if no parameter varied.
    """
    if not space.axes:
        return None
    lines = _Lines.of(space, search)
    rows = len(lines.axes) + (lines.ends is not None)

    def draw(axes: Axes) -> None:
        axes.set_axis_off()
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(0.55 - rows, 0.45)
        for place, axis in enumerate(lines.axes):
            _axis(axes, -place, axis.name, axis.ticks)
        if lines.ends:
            _axis(axes, 1 - rows, _direction(search), _score_ticks(*lines.ends))
        for points, look in lines.styled_lines():
            axes.plot(*points, clip_on=False, solid_joinstyle="round", **look)
        if lines.finished:
            _values(axes, lines, lines.finished[0])

    label = "Parameters and scores of the trials"
    return plot(name, draw, label=label, size=(4.2, 0.15 + _ROW_INCHES * rows))


def _axis(axes: Axes, y: float, name: str, ticks: Sequence[tuple[float, str]]) -> None:
    axes.plot([0, 1], [y, y], color=SOFT, linewidth=0.8, zorder=1)
    _write_text(axes, (0, y + 0.1), number_format.shorten(name), color=INK, va="bottom")
    for place, text in ticks:
        axes.plot([place, place], [y, y - 0.05], color=SOFT, linewidth=0.8, zorder=1)
        side = "left" if place <= 0 else "right" if place >= 1 else "center"
        _write_text(axes, (place, y - 0.1), text, color=SOFT, fontsize=8, ha=side, va="top")


def _write_text(axes: Axes, at: tuple[float, float], text: str, **look: Any) -> None:
    """Write a text in a box that hides the lines behind it."""
    box = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.2, "alpha": 0.85}
    axes.text(*at, text, **{"fontsize": 9, "zorder": 9, "bbox": box, **look})


def _direction(search: SearchFacts) -> str:
    return f"{metric_name(search.metric)}, {'less' if search.minimize else 'more'} is better"


def _score_ticks(low: float, high: float) -> list[tuple[float, str]]:
    return [(share, number_format.metric(low + share * (high - low))) for share in (0.0, 0.5, 1.0)]


def _values(axes: Axes, lines: _Lines, best: Trial) -> None:
    """Write the values of the best line, at the right above each axis."""
    at = lines.places[best.number]
    for place, text in enumerate([*(axis.labels[at] for axis in lines.axes), number_format.metric(best.score)]):
        _write_text(axes, (1, 0.1 - place), number_format.shorten(text, 24), color=_BEST, ha="right", va="bottom")
