"""Events, counts and rates of a topic as a fragment of HTML that a notebook shows and replaces.

Its pictures are made of boxes: JupyterLab 4.6.6 takes every ``<svg>`` out of a notebook that it does not trust, such as
one that was saved by somebody else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headrace.reports.page.page import render

MOST_LABELS = 5
# The palette of the reports in the middle between its light and its dark form, since a notebook may be both.
_COLOURS = {"p1": "#2a8cc4", "p2": "#d9702a", "p3": "#1fa67d", "p4": "#c07aa5", "p5": "#c98f1a", "p6": "#8a939d"}
_EVENT_COLOUR, _REJECT_COLOUR = "#8a939d", "#d0483f"
_PICTURE_EM = 3.2

Boxes = tuple[tuple[float, str], ...]
"""Heights in em and colours of the boxes of one bar, from the top on; the first one is transparent."""


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
        rate=_draw_rate(bars, most) if most else [],
        shares=_draw_shares(bars, shown) if shown else [],
        keys=keys,
        reject_colour=_REJECT_COLOUR,
        event_colour=_EVENT_COLOUR,
        any_rejects=any(bar.rejects for bar in bars),
    )


def _draw_rate(bars: Sequence[FlowBar], most: int) -> list[Boxes]:
    colours = (_REJECT_COLOUR, _EVENT_COLOUR)
    return [_stack((bar.rejects / most, (bar.events - bar.rejects) / most), colours) for bar in bars]


def _draw_shares(bars: Sequence[FlowBar], shown: Sequence[str]) -> list[Boxes]:
    drawn = []
    for bar in bars:
        answers = sum(bar.labels.values())
        named = [bar.labels.get(name, 0) for name in shown]
        parts = [(answers - sum(named), _COLOURS["p6"])]
        parts += [(count, _COLOURS[f"p{place}"]) for place, count in enumerate(named, 1)][::-1]
        drawn.append(_stack([count / (answers or 1) for count, _ in parts], [colour for _, colour in parts]))
    return drawn


def _stack(shares: Sequence[float], colours: Sequence[str]) -> Boxes:
    """Return boxes for shares of the picture's height, those of nothing left out."""
    boxes = [(round(_PICTURE_EM * share, 2), colour) for share, colour in zip(shares, colours, strict=True)]
    rest = round(_PICTURE_EM - sum(height for height, _ in boxes), 2)
    return ((max(rest, 0.0), "transparent"), *(box for box in boxes if box[0] > 0))
