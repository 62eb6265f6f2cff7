"""Texts survive the pipeline's parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.parameter_text import escape, escape_all, unescape, unescape_all


@given(st.text())
def test_plain_undoes_guarded(text: str) -> None:
    """Whatever a user types comes out as it went in."""
    assert unescape(escape(text)) == text


@pytest.mark.parametrize("text", ["python3", "a python3.11 b", "{{$}}", "{{$.inputs}}", '"quoted"', '"python3"'])
def test_guarded_hides_what_the_local_runner_rewrites(text: str) -> None:
    """The travelling form holds neither the interpreter's name nor the opening of a placeholder."""
    assert "python3" not in escape(text)
    assert "{{$" not in escape(text)


@pytest.mark.parametrize("text", ["age", "mean radius", "Größe", "a'b", 'half "quoted', '"'])
def test_ordinary_texts_travel_as_they_are(text: str) -> None:
    """A person who types a name in the Kubeflow UI types just the name."""
    assert escape(text) == text


VALUES = st.recursive(
    st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.text(), VALUES))
def test_metadata_survives_too(facts: dict[str, object]) -> None:
    """Texts among an artifact's metadata come out as they went in; all else is left alone."""
    assert unescape_all(escape_all(facts)) == facts


def test_texts_in_lists_are_guarded_too() -> None:
    """A note that names a column after the interpreter reaches the next step as it was."""
    assert "python3" not in str(escape_all({"notes": [{"column": "python3", "count": 1}]}))
