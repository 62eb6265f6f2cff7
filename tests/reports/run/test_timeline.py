"""Steps and their times from events."""

import json
from pathlib import Path

import pytest

from headrace.reports.run import timeline


def _write(path: Path, *events: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def test_times_are_told_apart(tmp_path: Path) -> None:
    """A step's own work and the start of its process are different things."""
    path = _write(
        tmp_path / "e",
        {"event": "start", "time": 10.0, "step": "a"},
        {"event": "end", "time": 11.0, "step": "a", "seconds": 1.0},
        {"event": "start", "time": 11.5, "step": "b"},
        {"event": "progress", "time": 11.6, "step": "b", "text": "half"},
        {"event": "fail", "time": 13.5, "step": "b", "seconds": 2.0, "error": "it broke.", "kind": "user"},
    )
    first, second, third = timeline.read(path, expected=("a", "b", "c"))
    assert (first.status, first.start, first.waited, first.wall) == ("succeeded", 0, 0, 1)
    assert (second.status, second.start, second.waited, second.wall) == ("failed", 1.5, 0.5, 2.5)
    assert second.text == "it broke."
    assert third.status == "not reached"


def test_steps_may_overlap(tmp_path: Path) -> None:
    """A step that begins before another ends waited for nothing."""
    path = _write(
        tmp_path / "e",
        {"event": "start", "time": 1.0, "step": "a"},
        {"event": "start", "time": 2.0, "step": "b"},
        {"event": "end", "time": 5.0, "step": "a", "seconds": 4.0},
        {"event": "end", "time": 6.0, "step": "b", "seconds": 4.0},
    )
    assert [(step.start, step.seconds, step.waited) for step in timeline.read(path)] == [(0, 4, 0), (1, 4, 0)]


@pytest.mark.parametrize("text", ["", "not json\n", '{"event": "end", "step": "x"}\n', "[1]\n", '{"event":"sta'])
def test_broken_lines_are_passed_over(tmp_path: Path, text: str) -> None:
    """A line that is still being written, or is nothing, is no step."""
    (tmp_path / "e").write_text(text)
    assert timeline.read(tmp_path / "e") == ()


def test_no_file_is_no_steps(tmp_path: Path) -> None:
    """Where nobody listens there are no times."""
    assert timeline.read(tmp_path / "none", expected=("a",)) == ()
    assert timeline.read(None) == ()
