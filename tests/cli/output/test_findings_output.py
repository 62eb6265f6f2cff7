"""What a person sees of the findings when a line ended."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.cli.output.findings_output import MOST_LINES, findings, format_notes, positive_class_line
from headrace.core.base.notes import Note, from_json, worst_first
from headrace.pipelines.local.summary import Finding, Metric, Summary

LEAK = Note("warning", "code", "leakage", 1, "Column 'code' alone tells the target.", "Give it the role 'ignore'.")
LEFT_OUT = [
    Note("info", name, "ignored", 1, f"Column '{name}' is left out.", "Give it another role.") for name in "abcdefg"
]


def ended(*notes: Note, **given: object) -> Summary:
    """The summary of a run with these findings."""
    told = [Finding(**note.as_json()) for note in notes]
    return Summary(status="succeeded", seconds=1, steps=[], findings=told, report="/x/report.html", **given)  # type: ignore[arg-type]


def test_warnings_come_with_their_remedies_and_columns_of_one_rule_together() -> None:
    """Seven columns that are left out take one entry, which names the first ones."""
    assert findings(ended(LEAK, *LEFT_OUT)) == [
        "  findings  1 warning, 7 notes",
        "    ! Column 'code' alone tells the target. Give it the role 'ignore'.",
        "    · Column 'a' is left out. Likewise (ignored): 'b', 'c', 'd', 'e' and 2 more. Give it another role.",
        "",
    ]


def test_nothing_to_tell_takes_no_line() -> None:
    """A clean table gets no heading."""
    assert findings(ended()) == []


NOTES = st.builds(
    Note,
    severity=st.sampled_from(["warning", "info"]),
    column=st.text(max_size=300),
    rule=st.text(min_size=1, max_size=3),
    count=st.just(1),
    sentence=st.text(min_size=1, max_size=500),
    remedy=st.text(max_size=100),
)


@given(st.lists(NOTES, max_size=30))
def test_however_much_there_is_ten_lines_tell_it(notes: list[Note]) -> None:
    """No line is long, and what found no place is counted."""
    found = format_notes(worst_first(notes), rest="in report.html")
    assert len(found) <= MOST_LINES
    assert all(len(line) <= 110 for line in found)
    assert bool(found) == bool(notes)


def test_what_found_no_place_is_counted() -> None:
    """Twenty rules with long sentences: the last line says how many are in the report."""
    notes = [Note("warning", "", f"rule {place}", 1, "word " * 40) for place in range(20)]
    found = findings(ended(*notes))
    assert len(found) - 1 == MOST_LINES
    assert found[-2] == "    and 16 more in report.html"
    assert from_json(note.model_dump() for note in ended(*notes).findings) == tuple(notes)


@pytest.mark.parametrize(("name", "told"), [("+", True), ("", False)])
def test_the_metrics_say_of_which_class_they_are(name: str, told: bool) -> None:
    """Precision and recall of a binary task are those of a class."""
    metric = Metric(value=0.5, low=0.4, high=0.6)
    found = positive_class_line(
        ended(positive=name, metrics={"accuracy": metric, "precision": metric, "recall": metric})
    )
    assert found == (["  precision and recall are those of the class '+'"] if told else [])
