"""The journal keeps what was acknowledged, whatever ends the process or fills the disk."""

import resource
import signal
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError, StoreError
from headrace.monitoring.collect.collect_counts import CollectCounts
from headrace.monitoring.collect.collected_event import CollectedEvent
from headrace.monitoring.collect.journal import open_journal
from headrace.monitoring.collect.journal_lines import read_lines, write_line


def event(name: str) -> CollectedEvent:
    """An event."""
    return CollectedEvent(("input_x",), name, is_response=False, time=7, model_digest="", rows=[[1.5]])


def names(folder: Path, counts: CollectCounts | None = None) -> list[str]:
    """Ids of all events of a journal."""
    with open_journal(folder) as journal:
        return [one.request_id for path in journal.sealed for one in read_lines(path, counts or CollectCounts())]


def test_what_is_appended_is_read_again(tmp_path: Path) -> None:
    """Also by the next process, which finds the segments of the last one."""
    with open_journal(tmp_path) as journal:
        journal.append(write_line([event("a")]) + write_line([event("b")]))
        journal.seal()
        journal.append(write_line([event("c")]))
        assert journal.unwritten_bytes == sum(path.stat().st_size for path in tmp_path.glob("segment-*"))
    assert names(tmp_path) == ["a", "b", "c"]
    with open_journal(tmp_path) as journal:
        journal.append(write_line([event("d")]))
        for segment in journal.sealed:
            journal.remove(segment)
    assert names(tmp_path) == ["d"]


def test_an_interrupted_line_is_no_event(tmp_path: Path) -> None:
    """It was never acknowledged; a line that is damaged in the middle is counted, and the others are read."""
    with open_journal(tmp_path) as journal:
        journal.append(write_line([event("a"), event("a2")]) + write_line([event("b")]) + write_line([event("c")]))
    (segment,) = tmp_path.glob("segment-*")
    whole = segment.read_bytes()
    for length in range(len(whole)):
        segment.write_bytes(whole[:length])
        counts = CollectCounts()
        lines = [["a", "a2"], ["b"], ["c"]][: whole[:length].count(b"\n")]
        assert names(tmp_path, counts) == [name for line in lines for name in line]
        assert counts.damaged == 0
    segment.write_bytes(whole.replace(b'"b"', b'"x"'))
    counts = CollectCounts()
    assert names(tmp_path, counts) == ["a", "a2", "c"]
    assert counts.damaged == 1


def test_a_full_disk_refuses_and_keeps_what_was_there(tmp_path: Path) -> None:
    """A write that fails half-way leaves no half of a line in front of later ones."""
    line = write_line([event("a")])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with open_journal(tmp_path) as journal:
        journal.append(line)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(line) + 10, before[1]))
        try:
            with pytest.raises(StoreError, match="make room"):
                journal.append(write_line([event("b")]))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
        journal.append(write_line([event("c")]))
    counts = CollectCounts()
    assert names(tmp_path, counts) == ["a", "c"]
    assert counts.damaged == 0


def test_a_journal_has_one_process(tmp_path: Path) -> None:
    """Two receivers on one volume would store and delete each other's segments."""
    with open_journal(tmp_path), pytest.raises(InputError, match="in use"), open_journal(tmp_path):
        pass
