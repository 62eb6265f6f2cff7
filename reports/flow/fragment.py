"""Events, counts and rates of a topic as a fragment of HTML that a notebook shows and replaces."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from headrace.reports.base.table_facts import ValueGroup
from headrace.reports.page import svg
from headrace.reports.page.page import render

MOST_LABELS = 5
# The palette of the reports in the middle between its light and its dark form, since a notebook may be both.
_COLOURS = {"p1": "#2a8cc4", "p2": "#d9702a", "p3": "#1fa67d", "p4": "#c07aa5", "p5": "#c98f1a", "p6": "#8a939d"}
_EVENT_COLOUR, _REJECT_COLOUR = "#8a939d", "#d0483f"
_CLASS = re.compile(r'class="(p[1-6])"')


@dataclass(frozen=True)
class FlowRow:
    """An event as a row of the table.

    Attributes:
        cells: Texts of time, partition, offset, key, and what the event says.
        is_reject: Whether it is a dead letter.
    """

    cells: tuple[str, str, str, str, str]
    is_reject: bool


@dataclass(frozen=True)
class FlowBar:
    """What came in one second, or several.

    Attributes:
        events: Events.
        rejects: Dead letters among them.
        labels: Answers by label.
    """

    events: int
    rejects: int
    labels: Mapping[str, int]


def render_flow(
    *, topic: str, sentence: str, ended: bool, rows: Sequence[FlowRow], bars: Sequence[FlowBar], labels: Sequence[str]
) -> str:
    """Render the fragment.

    Args:
        topic: Address of the topic.
        sentence: Counts and rate in one line.
        ended: Whether nothing more comes.
        rows: The latest events, the last one first.
        bars: What came in each second of the picture, the last one at the end.
        labels: Labels that the picture may show, the most frequent first.

    Returns:
        Elements with inline styles: no scripts, no external resources, no rule that changes the page around them.
        Every text is escaped.
    """
    shown = sorted(labels[:MOST_LABELS])  # else colours would change places as counts grow
    most = max((bar.events for bar in bars), default=0)
    keys = [(name, _COLOURS[f"p{place}"]) for place, name in enumerate(shown, 1)]
    if len(labels) > MOST_LABELS:
        keys.append(("others", _COLOURS["p6"]))
    return render(
        "flow.html",
        topic=topic,
        sentence=sentence,
        ended=ended,
        rows=rows,
        seconds=len(bars),
        most=most,
        rate=_inline(_draw_rate(bars, most), {"p1": _EVENT_COLOUR, "p2": _REJECT_COLOUR}) if most else "",
        shares=_inline(_draw_shares(bars, shown), _COLOURS) if shown else "",
        keys=keys,
        reject_colour=_REJECT_COLOUR,
        event_colour=_EVENT_COLOUR,
        any_rejects=any(bar.rejects for bar in bars),
    )


def _draw_rate(bars: Sequence[FlowBar], most: int) -> Markup:
    groups = [_group(((bar.events - bar.rejects) / most, bar.rejects / most)) for bar in bars]
    return svg.target_columns(groups, overall=(0.0, 0.0), shares=True, label=f"Events a second, at most {most}")


def _draw_shares(bars: Sequence[FlowBar], shown: Sequence[str]) -> Markup:
    groups = []
    for bar in bars:
        answers = sum(bar.labels.values())
        named = [bar.labels.get(name, 0) for name in shown]
        others = [0] * (MOST_LABELS - len(shown)) + [answers - sum(named)]
        groups.append(_group(tuple(one / answers for one in (*named, *others)) if answers else ()))
    return svg.target_columns(groups, overall=(0.0, 0.0), shares=True, label="Shares of the labels by second")


def _group(parts: tuple[float, ...]) -> ValueGroup:
    return ValueGroup("", 0, 0.0, parts)


def _inline(picture: Markup, colours: Mapping[str, str]) -> Markup:
    """Return a picture with its colours in its elements, as wide as its place."""
    text = _CLASS.sub(lambda found: f'fill="{colours[found[1]]}"', str(picture))
    return Markup(text.replace("<svg ", '<svg style="width:100%;display:block" ', 1))  # noqa: S704 - of a Markup
