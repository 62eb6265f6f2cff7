"""The frame of a step: its events, and its parameters as they were before the pipeline."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from headrace.core.base.errors import InputError
from headrace.core.base.parameter_text import escape
from headrace.steps.step_function import Say, as_step


@as_step
def run_made_step(
    say: Say, *, text: str, texts: Sequence[str], bounds: Mapping[str, float], table: object
) -> list[Any]:
    """Return what it is given; fail if that is no text."""
    say(f"{len(texts)} texts")
    if not text:
        raise InputError("a text must be given; got none.")
    return [text, texts, bounds, table]


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the steps' events."""
    monkeypatch.setenv("HEADRACE_EVENTS", str(tmp_path / "events.jsonl"))
    return tmp_path / "events.jsonl"


def _read(events: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in events.read_text().splitlines()]


def test_a_step_gets_texts_as_they_were(events: Path) -> None:
    """What the local runner would rewrite is escaped on the way; numbers, mappings and artifacts pass as they are."""
    harmed, artifact = ["python3", "{{$.x}}", '"quoted"', "plain"], object()
    result = run_made_step(
        text=escape("python3"), texts=[escape(each) for each in harmed], bounds={"f1": 0.5}, table=artifact
    )
    assert result == ["python3", harmed, {"f1": 0.5}, artifact]


def test_a_step_reports_its_start_its_progress_and_its_end(events: Path) -> None:
    """Under the function's name without ``run_``, which is the component's."""
    run_made_step(text="a", texts=["b"], bounds={}, table=None)
    assert [(each["event"], each["step"]) for each in _read(events)] == [
        ("start", "made_step"),
        ("progress", "made_step"),
        ("end", "made_step"),
    ]
    assert _read(events)[1]["text"] == "1 texts"


def test_a_step_reports_its_failure(events: Path) -> None:
    """With its sentence, as the user's mistake; the error is raised too."""
    with pytest.raises(InputError):
        run_made_step(text="", texts=[], bounds={}, table=None)
    last = _read(events)[-1]
    assert (last["event"], last["step"], last["kind"]) == ("fail", "made_step", "user")
    assert last["error"] == "a text must be given; got none."
