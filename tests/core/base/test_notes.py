"""What a step says about the data."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import InputError
from headrace.core.base.notes import MORE, Note, as_json, from_json, worst_first

LEFT_OUT = Note("info", "name", "ignored", 0, "Column 'name' was left out.", "Give it the role 'feature'.")
LEAK = Note("warning", "code", "leakage", 3, "Column 'code' alone tells the target.")

notes = st.builds(
    Note,
    severity=st.sampled_from(["warning", "info"]),
    column=st.text(max_size=5),
    rule=st.text(min_size=1, max_size=5),
    count=st.integers(0, 2**40),
    sentence=st.text(min_size=1, max_size=5),
    remedy=st.text(max_size=5),
)


@given(st.lists(notes, max_size=20))
def test_notes_survive_json_and_floats(found: list[Note]) -> None:
    """What becomes JSON, and counts that become floats on the way, comes back as the same notes."""
    plain = json.loads(json.dumps(as_json(found)))
    assert from_json({**item, "count": float(item["count"])} for item in plain) == worst_first(found)


def test_warnings_come_first_and_the_rest_keeps_its_order() -> None:
    """A warning that was found last is read first, and nothing is said twice."""
    other = Note("info", "", "sampled", 9, "Nine rows were looked at.")
    assert worst_first([LEFT_OUT, other, LEAK, LEFT_OUT]) == (LEAK, LEFT_OUT, other)


def test_a_long_list_says_how_many_are_missing() -> None:
    """Of five notes where three fit, two stand there and the third tells of the three others."""
    many = [Note("info", str(place), "ignored", 0, "It was left out.") for place in range(4)]
    found = worst_first([*many, LEAK], most=3)
    assert [note.rule for note in found] == ["leakage", "ignored", MORE]
    assert found[-1].count == 3
    assert found[-1].severity == "info"


def test_metadata_hold_what_fits_and_say_how_much_is_missing() -> None:
    """However long the texts are, an argument of a command can hold them; a second cut counts what the first left."""
    long = [Note("info", f"column {place}", "ignored", 1, "é" * 500) for place in range(150)]
    found = as_json([*long, LEAK])
    assert len(json.dumps(found)) < 20_000
    assert found[0] == LEAK.as_json()
    assert found[-1]["count"] == 151 - (len(found) - 1)
    again = as_json(from_json(found), most_bytes=8_000)
    assert again[-1]["count"] == 151 - (len(again) - 1)


@pytest.mark.parametrize("changed", [{"severity": "bad"}, {"rule": ""}, {"sentence": ""}, {"count": "many"}])
def test_what_is_no_note_is_refused(changed: dict[str, Any]) -> None:
    """A severity that does not exist, an empty rule or sentence and a count that is no number are refused."""
    with pytest.raises(InputError, match="note must"):
        from_json([LEAK.as_json() | changed])
