"""What a step tells the outside."""

import json
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError
from headrace.core.runtime.step_events import step


def _fails(error: BaseException) -> None:
    with step("train"):
        raise error


def test_a_pods_log_holds_what_a_person_looks_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nobody listens to events: how far the step is, and why it failed, each in one line."""
    monkeypatch.delenv("HEADRACE_EVENTS", raising=False)
    with step("ingest") as say:
        say("400 rows")
    with pytest.raises(InputError):
        _fails(InputError("the table must have\nrows; got none."))
    with pytest.raises(KeyError):
        _fails(KeyError("x"))
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        "headrace: ingest: 400 rows",
        "headrace: train failed: the table must have rows; got none.",
        "headrace: train failed by an error of headrace's own: KeyError: 'x'",
    ]


def test_who_listens_gets_events_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line of JSON for each, and nothing on standard error."""
    monkeypatch.setenv("HEADRACE_EVENTS", str(tmp_path / "events"))
    with step("ingest") as say:
        say("400 rows")
    events = [json.loads(row) for row in (tmp_path / "events").read_text().splitlines()]
    assert [event["event"] for event in events] == ["start", "progress", "end"]
    assert capsys.readouterr().err == ""
