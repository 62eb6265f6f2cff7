"""Pieces of Markdown that model card and risk sheet share."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from headrace.core.contracts.contract import Contract
from headrace.core.evaluation.evaluation_document import BundleMetrics, SliceMeasures
from headrace.core.packaging.cards.card_answers import QUESTIONS, CardAnswers
from headrace.core.statistics.measures import Interval

MOST_ROWS = 60
HIDDEN = "(not shown)"
_HEADING = re.compile(r"^(\s*)(#{1,6}\s)", re.MULTILINE)


def answer_or_mark(answers: CardAnswers, key: str) -> str:
    """Return a person's answer, its headings made plain; or the mark that it is missing."""
    if answers[key]:
        return _HEADING.sub(r"\1\\\2", answers[key])
    return f"*To be written by a person ({key} in card.yaml): {QUESTIONS[key]}.*"


def paragraphs(*parts: str) -> str:
    """Join the parts that are not empty as paragraphs."""
    return "\n\n".join(part for part in parts if part)


def table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    """Render a table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def code(value: Any) -> str:
    """Render a name as code, whatever characters it has."""
    inner = str(value).replace("\n", " ").replace("`", "'")
    return f"`{inner}`"


def literal(value: Any) -> str:
    """Render a text as it is, on one line: characters that mean something in Markdown are escaped."""
    inner = " ".join(str(value).replace("`", "'").split())
    return re.sub(r"([\\*_{}\[\]<>#|]|(?<=\])\()", r"\\\1", inner)


def text(value: Any) -> str:
    """Render a number in four digits; anything else as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def interval(metric: Interval) -> str:
    """Render a metric with its interval."""
    return f"{text(metric.value)} ({text(metric.low)} to {text(metric.high)})"


def doubts(evaluation: BundleMetrics) -> Iterator[str]:
    """Say in a sentence each how the intervals of an evaluation were drawn, and what they cannot know."""
    yield f"{evaluation.resampled_by.sentence}."
    for caution in evaluation.cautions:
        yield f"{caution.text.rstrip('.')} ({', '.join(caution.metrics)})."


def shown_slices(slices: Iterable[SliceMeasures], contract: Contract) -> tuple[SliceMeasures, ...]:
    """Return slices without the values of personal columns, unless the contract lists these as categories anyway."""
    hidden = {column.name for column in contract.columns if column.personal and column.categories is None}
    return tuple(replace(part, value=HIDDEN) if part.column in hidden else part for part in slices)
