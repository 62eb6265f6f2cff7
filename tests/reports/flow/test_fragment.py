"""The fragment that a notebook shows of a topic."""

import re
from html.parser import HTMLParser

import pytest

from headrace.reports.flow.fragment import MOST_LABELS, FlowBar, FlowRow, render_flow

_EVIL = "<script>alert(1)</script>\"'&\x1b"
_VOID = {"br"}


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _render(*labels: str, rows: int = 2) -> str:
    bars = [FlowBar(place, place // 3, dict.fromkeys(labels, 1)) for place in range(60)]
    cells = ("12:00:00.000", "0", "7", _EVIL, _EVIL)
    found = [FlowRow(cells, is_reject=place == 0) for place in range(rows)]
    return render_flow(topic=_EVIL, sentence=_EVIL, ended=False, rows=found, bars=bars, labels=labels)


def _elements(html: str) -> set[str]:
    parser = _Elements()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser.names


def test_every_text_is_escaped() -> None:
    """Of the topic, of events, and of labels; there is nothing but what a picture and a table need."""
    html = _render(_EVIL, "no")
    assert "<script" not in html
    assert "\x1b" not in html
    assert _elements(html) <= {
        "div",
        "p",
        "strong",
        "span",
        "br",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    }


def test_it_needs_nothing_of_the_page_around_it() -> None:
    """Colours stand in the elements; no style sheet, no address, no class but those that keep formulas out."""
    html = _render("yes", "no").replace('class="tex2jax_ignore mathjax_ignore"', "", 1)
    assert "class=" not in html
    assert "<style" not in html
    assert "://" not in html
    assert len(re.findall('role="img"', html)) == 2


def test_pictures_are_made_of_boxes() -> None:
    """JupyterLab 4.6.6 takes each ``<svg>`` out of a notebook that it does not trust, so that pictures vanish.

    Seen in Chromium with a saved notebook (its sanitizer, ``@jupyterlab/apputils``): elements ``div`` stay, and of
    their styles ``display``, ``flex``, ``height`` and ``background``.
    """
    html = _render("yes", "no")
    assert "<svg" not in html
    heights = [float(one) for one in re.findall(r"<div style=\"height:([\d.]+)em;background:(?:#|t)", html)]
    assert sum(heights) == pytest.approx(2 * 60 * 3.2, abs=0.02 * len(heights))
    assert len(html) < 40_000


def test_many_labels_are_summed_up() -> None:
    """Five have a colour of their own."""
    html = _render(*(f"label{place}" for place in range(9)))
    assert f"label{MOST_LABELS - 1}" in html
    assert f"label{MOST_LABELS}" not in html
    assert "others" in html


def test_before_the_first_event_it_says_so() -> None:
    """No empty table, no empty picture."""
    html = render_flow(topic="t", sentence="0 events", ended=False, rows=[], bars=[FlowBar(0, 0, {})] * 60, labels=[])
    assert "No event yet." in html
    assert 'role="img"' not in html
    assert "<table" not in html
