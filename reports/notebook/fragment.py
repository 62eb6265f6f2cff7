"""A result as a notebook shows it: one content, as HTML and as a line of text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from headrace.reports.base import number_format
from headrace.reports.page.page import render

Style = Literal["good", "warn", "bad", "none"]
MOST_ROWS = 12
MOST_COLUMNS = 14
_MOST_SENTENCES = 5
_CELL = 160


@dataclass(frozen=True)
class FragmentTable:
    """A small table.

    Attributes:
        caption: What it shows.
        head: Names of the columns.
        rows: Texts of the cells; of a longer or wider table only the first rows and columns are shown.
        numbers: Places of the columns that are aligned to the right.
        total: Number of rows of the whole table, where ``rows`` holds only its head.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()
    total: int = 0


@dataclass(frozen=True)
class Fragment:
    """The content.

    Attributes:
        kind: What is shown, such as ``Model``.
        name: Its name.
        state: Its state in one or two words, such as ``Promoted``; empty for no state.
        style: What the state means.
        sentences: Sentences about it, the most important first.
        facts: Names and texts.
        tables: Tables.
        code: What a person may copy; empty for nothing.
    """

    kind: str
    name: str
    state: str = ""
    style: Style = "none"
    sentences: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[FragmentTable, ...] = ()
    code: str = ""

    def as_html(self) -> str:
        """Return elements with inline styles: no script, nothing to load, no rule that changes the page around them.

        Text has the colour of the page around, so that it is read on a light and on a dark one. All texts are escaped,
        and cut where they are long, so that a fragment has at most some ten kilobytes.
        """
        return render(
            "notebook.html",
            fragment=self,
            sentences=self.sentences[:_MOST_SENTENCES],
            others=max(len(self.sentences) - _MOST_SENTENCES, 0),
            tables=[_cut(table) for table in self.tables],
        )

    def as_text(self) -> str:
        """Return one line: kind, name, state, and the first sentence or facts."""
        facts = ", ".join(f"{name} {text}" for name, text in self.facts[:3])
        parts = [self.state.lower(), self.sentences[0] if self.sentences else facts]
        rest = ", ".join(number_format.shorten(one, 160) for one in parts if one)
        return f"<{self.kind} {number_format.shorten(self.name, 80)}{': ' if rest else ''}{rest}>"


def make_table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[Any]], *, numbers: Iterable[int] = (), total: int = 0
) -> FragmentTable:
    """Return a table of any values, as texts.

    Args:
        caption: What it shows.
        head: Names of the columns.
        rows: Rows of values.
        numbers: Places of the columns that are aligned to the right.
        total: Number of rows of the whole table; 0 for those that are given.
    """
    texts = tuple(tuple(format_cell(value) for value in row) for row in rows)
    return FragmentTable(caption, tuple(head), texts, frozenset(numbers), total or len(texts))


def format_cell(value: Any) -> str:
    """Return a value as the text of a cell: a dash for a missing one, numbers with their digits that matter."""
    if value is None:
        return number_format.MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number_format.number(value)
    text = str(value)
    return number_format.shorten(text, _CELL) if text else ""


def _cut(table: FragmentTable) -> dict[str, Any]:
    rows, columns = table.rows[:MOST_ROWS], len(table.head)
    left_out = []
    if table.total > len(rows):
        left_out.append(f"{number_format.count(len(rows))} of {number_format.count(table.total)} rows")
    if columns > MOST_COLUMNS:
        left_out.append(f"{MOST_COLUMNS} of {number_format.count(columns)} columns")
    return {
        "caption": table.caption,
        "note": ", ".join(left_out),
        "head": [number_format.shorten(name) for name in table.head[:MOST_COLUMNS]],
        "rows": [row[:MOST_COLUMNS] for row in rows],
        "numbers": table.numbers,
    }
