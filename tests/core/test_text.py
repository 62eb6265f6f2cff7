"""Texts survive the pipeline's parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.text import guarded, guarded_texts, plain, plain_texts


@given(st.text())
def test_plain_undoes_guarded(text: str) -> None:
    """Whatever a user types comes out as it went in."""
    assert plain(guarded(text)) == text


@pytest.mark.parametrize("text", ["python3", "a python3.11 b", "{{$}}", "{{$.inputs}}", '"quoted"', '"python3"'])
def test_guarded_hides_what_the_local_runner_rewrites(text: str) -> None:
    """The travelling form holds neither the interpreter's name nor the opening of a placeholder."""
    assert "python3" not in guarded(text)
    assert "{{$" not in guarded(text)


@pytest.mark.parametrize("text", ["age", "mean radius", "Größe", "a'b", 'half "quoted', '"'])
def test_ordinary_texts_travel_as_they_are(text: str) -> None:
    """A person who types a name in the Kubeflow UI types just the name."""
    assert guarded(text) == text


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.floats(allow_nan=False), st.lists(st.text()))))
def test_metadata_survives_too(facts: dict[str, object]) -> None:
    """Texts among an artifact's metadata come out as they went in; all else is left alone."""
    assert plain_texts(guarded_texts(facts)) == facts
