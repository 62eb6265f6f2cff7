"""Topics as sources: events and answers become rows, each once, whatever is missing and whatever ends the process."""

import itertools
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from headrace.core.base.errors import InputError, MissingError, StoreError
from headrace.monitoring.collect import collector
from headrace.monitoring.collect.collect_counts import CollectCounts
from headrace.monitoring.collect.collector import follow_sources, read_sources
from headrace.monitoring.collect.journal import HALVES
from headrace.monitoring.collect.journal_lines import read_lines
from headrace.monitoring.collect.topics import topic_sources
from headrace.stores.objects.folder_objects import FolderStore
from headrace.streams.broker import OutgoingRecord
from headrace.streams.folder import folder_reader
from headrace.streams.folder.folder_broker import append_events
from headrace.streams.folder.folder_state import FolderState
from headrace.streams.topic_address import parse_topic
from tests.conftest import REPOSITORY
from tests.monitoring.collect.made_events import headers, request_body, response_body
from tests.monitoring.collect.topics.made_topics import (
    DIGEST,
    TIME,
    answer,
    append,
    collect,
    letter,
    plan_in,
    row,
    stored,
    wait_for,
)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources are read again soon."""
    monkeypatch.setattr(collector, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(folder_reader, "_IDLE_SECONDS", 0.0)


def make_topics(folder: Path, events: int = 4) -> None:
    """Topics with as many events in each of two partitions, all of them answered but the second of each."""
    for partition in range(2):
        append(folder, "events", *(row(age=place) for place in range(events)), partition=partition)
        answers = (answer(place, label="yes") for place in range(events) if place != 1)
        append(folder, "answers", *answers, partition=partition)
        append(folder, "letters", row(age=1), headers=letter(1, partition))


def test_events_answers_and_dead_letters_become_rows(tmp_path: Path) -> None:
    """Joined by topic, partition and offset; what the contract refused is a row without an answer, not incomplete."""
    make_topics(tmp_path)
    counts = collect(tmp_path)
    assert stored(tmp_path) == {
        f"events/{partition}/{place}": (place, None if place == 1 else "yes")
        for partition in range(2)
        for place in range(4)
    }
    assert (counts.rows, counts.incomplete, counts.dead_letters, counts.refused) == (8, 0, {"range": 2}, {})
    # A personal column, and one that the contract does not know, of each event.
    assert counts.removed_values == 16
    assert not any(b"a@b.example" in path.read_bytes() for path in (tmp_path / "store").rglob("*.parquet"))


def test_the_next_run_goes_on_where_the_last_one_was(tmp_path: Path) -> None:
    """An answer that comes later completes its row; another group reads all again, and stores nothing twice."""
    append(tmp_path, "events", row(age=1), row(age=2))
    append(tmp_path, "answers", answer(0))
    append(tmp_path, "letters", row(), headers=letter(7, topic="others"))
    first = collect(tmp_path)
    assert (first.rows, first.incomplete, first.refused) == (2, 1, {"topic": 1})
    append(tmp_path, "answers", answer(1))
    append(tmp_path, "events", row(age=3))
    second = collect(tmp_path)
    assert (second.events, second.refused) == (2, {})
    assert stored(tmp_path) == {"events/0/0": (1, "yes"), "events/0/1": (2, "yes"), "events/0/2": (3, None)}
    assert collect(tmp_path).events == 0
    again = collect(tmp_path, group="other")
    assert (again.events, again.rows, again.stored_before) == (5, 0, 3)


def test_what_does_not_fit_is_counted(tmp_path: Path) -> None:
    """Tombstones, foreign values, answers of another model, answers whose events were deleted."""
    append(tmp_path, "events", row(age=1), b"no JSON", None, b"[1, 2]")
    append(tmp_path, "answers", answer(0, model_name="other"), b"{}", None, answer(99))
    append(tmp_path, "letters", b"?")
    counts = collect(tmp_path)
    assert counts.refused == {"service": 1, "answer": 1, "value": 1, "shape": 1, "dead_letter": 1}
    assert counts.other_services == {"other": 1}
    # The tombstone among the answers is the one among the events, passed on.
    assert (counts.tombstones, counts.rows, counts.incomplete) == (1, 2, 2)
    assert stored(tmp_path) == {"events/0/0": (1, None), "events/0/99": (None, "yes")}
    notes = {note.rule: note for note in counts.find_notes()}
    assert {"tombstones", "refused_answer", "incomplete", "other_services"} <= notes.keys()


def positions(folder: Path, *topics: str) -> list[dict[int, int]]:
    """Where the group is in topics."""
    return [FolderState(folder / "topics").positions("g", topic) for topic in topics]


def test_a_topic_of_another_kind_stays_unread(tmp_path: Path) -> None:
    """The answers were forgotten: one sentence that says so, and the right command finds everything."""
    make_topics(tmp_path)
    with pytest.raises(InputError, match=r"topic events must hold logged .* none of its 8 .* \(form 8\).*--answers"):
        collect(tmp_path, stream=None, group="g")
    assert positions(tmp_path, "events") == [{}]
    assert not stored(tmp_path)
    assert collect(tmp_path, group="g").rows == 8


@pytest.mark.parametrize(
    ("events", "answers", "sentence"),
    [
        ("answers", "events", "topic answers must hold events"),
        ("answers", "more-answers", "topic answers must hold events"),
        ("events", "more-events", "topic more-events must hold answers"),
    ],
)
def test_topics_in_each_others_place_are_one_sentence(tmp_path: Path, events: str, answers: str, sentence: str) -> None:
    """Nothing is stored, and no position is committed."""
    make_topics(tmp_path)
    append(tmp_path, "more-answers", answer(0))
    append(tmp_path, "more-events", row())
    topics = tmp_path / "topics"
    swapped = topic_sources.StreamTopics(parse_topic(f"{topics}/{answers}"), parse_topic(f"{topics}/none"))
    plan = plan_in(tmp_path, stream=swapped, group="g")
    with pytest.raises(InputError, match=sentence):
        read_sources(plan, [str(topics / events)], CollectCounts())
    assert not stored(tmp_path)
    assert positions(tmp_path, events, answers) == [{}, {}]


def test_answers_of_another_model_may_be_events(tmp_path: Path) -> None:
    """A stream may score what another one has answered."""
    append(tmp_path, "events", row(model_name="other", model_digest=DIGEST, event_offset=3))
    append(tmp_path, "answers", answer(0))
    assert (collect(tmp_path).rows, stored(tmp_path)) == (1, {"events/0/0": (30, "yes")})


def test_a_run_of_bad_events_alone_is_none_of_a_wrong_topic(tmp_path: Path) -> None:
    """Their dead letters say so; without them they are read again, until something good comes."""
    append(tmp_path, "events", b"no JSON")
    append(tmp_path, "answers", None)
    with pytest.raises(InputError, match="its one new record is not accepted"):
        collect(tmp_path, group="g")
    append(tmp_path, "letters", b"no JSON", headers=letter(0, reason="value"))
    assert collect(tmp_path, group="g").refused == {"value": 1}
    assert positions(tmp_path, "events") == [{0: 1}]


def test_answers_of_another_service_stay_unread(tmp_path: Path) -> None:
    """Whoever names the service next time gets them."""
    append(tmp_path, "events", row(age=1))
    append(tmp_path, "answers", answer(0, model_name="other"))
    append(tmp_path, "letters", row(), headers=letter(9, topic="others"))
    assert collect(tmp_path, group="g").refused == {"service": 1, "topic": 1}
    assert positions(tmp_path, "events", "answers") == [{0: 1}, {}]


def test_a_tombstone_without_a_key_counts_as_the_dead_letter_that_it_became(tmp_path: Path) -> None:
    """One with a key counts once, though its answer is one, too."""
    records = [OutgoingRecord("events", 0, None, key, (), TIME) for key in (b"k", None)]
    append_events(tmp_path / "topics", "events", records)
    append(tmp_path, "answers", None)
    append(tmp_path, "letters", None, headers=letter(1, reason="empty"))
    counts = collect(tmp_path)
    assert (counts.tombstones, counts.dead_letters, counts.refused) == (1, {"empty": 1}, {})


def test_events_that_were_deleted_before_they_were_read_are_said(tmp_path: Path) -> None:
    """Their answers are rows without inputs."""
    append(tmp_path, "events", row(age=1))
    append(tmp_path, "answers", answer(0))
    assert collect(tmp_path).rows == 1
    append(tmp_path, "events", row(age=2), row(age=3))
    append(tmp_path, "events", row(age=4))
    append(tmp_path, "answers", *(answer(place) for place in (1, 2, 3)))
    append(tmp_path, "letters", row(), headers=letter(9))
    for path in (tmp_path / "topics" / "events" / "0").iterdir():
        if int(path.stem) < 3:
            path.unlink()
    counts = collect(tmp_path)
    assert (counts.lost_offsets, counts.incomplete) == (2, 2)
    assert stored(tmp_path)["events/0/2"] == (None, "yes")
    assert any(note.rule == "lost_offsets" and note.severity == "warning" for note in counts.find_notes())


def test_without_a_topic_of_dead_letters_it_is_said_unless_one_was_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The default one may be missing."""
    append(tmp_path, "events", row())
    append(tmp_path, "answers", answer(0))
    assert collect(tmp_path).rows == 1
    assert "no topic letters of dead letters" in caplog.text
    topics = tmp_path / "topics"
    named = topic_sources.StreamTopics(parse_topic(f"{topics}/answers"), parse_topic(f"{topics}/letters"), True)
    with pytest.raises(MissingError, match="letters"):
        collect(tmp_path, stream=named)


def test_events_wait_for_answers_in_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long topic is read in step with its answers: few rows wait, and none is stored in two parts."""
    monkeypatch.setattr(topic_sources, "_ROWS", 20)
    monkeypatch.setattr(topic_sources, "_MOST_AHEAD", 40)
    append(tmp_path, "events", *(row(age=place) for place in range(400)))
    append(tmp_path, "answers", *(answer(place) for place in range(400)))
    waiting = []
    write = collector.RowWriter.write

    def watch(self: Any, *arguments: Any, **named: Any) -> None:
        write(self, *arguments, **named)
        waiting.append(self.waiting)

    monkeypatch.setattr(collector.RowWriter, "write", watch)
    assert collect(tmp_path).rows == 400
    assert max(waiting) <= 80


def test_logged_payloads_of_a_topic_are_rows(tmp_path: Path) -> None:
    """A topic in a folder is told from a folder of files; each record is a request or a response."""
    named = {
        kind: [(name.decode().replace("ce-", "ce_"), value) for name, value in headers(kind).items()]
        for kind in ("request", "response")
    }
    append(tmp_path, "logged", request_body(), headers=named["request"])
    append(tmp_path, "logged", response_body(), None, headers=named["response"], partition=1)
    counts = CollectCounts()
    read_sources(plan_in(tmp_path, stream=None), [str(tmp_path / "topics" / "logged")], counts)
    assert stored(tmp_path) == {"r1": (30, "yes")}
    assert (counts.events, counts.incomplete, counts.refused) == (2, 0, {"empty": 1})


class _Failing(FolderStore):
    """A folder whose next writes may fail."""

    failures = 0

    def put_bytes(self, *arguments: Any, **options: Any) -> bool:
        if self.failures:
            self.failures -= 1
            raise StoreError("the store is full.")
        return super().put_bytes(*arguments, **options)


@contextmanager
def following(folder: Path, store: FolderStore | None = None, **named: Any) -> Iterator[CollectCounts]:
    """What is counted while topics are followed, until the end of the block."""
    counts, ended = CollectCounts(), threading.Event()
    plan = plan_in(folder, store=store, **named)
    source = str(folder / "topics" / "events")
    thread = threading.Thread(target=follow_sources, args=(plan, [source], counts, ended))
    thread.start()
    try:
        yield counts
    finally:
        ended.set()
        thread.join(60)
    assert not thread.is_alive()


def test_topics_are_followed_and_read_again_after_a_failure_of_the_store(tmp_path: Path) -> None:
    """Partitions that have come meanwhile are read again, too; the journal holds no position of a topic."""
    make_topics(tmp_path, events=2)
    store = _Failing(tmp_path / "store")
    with following(tmp_path, store) as counts:
        wait_for(lambda: len(stored(tmp_path)) == 4)
        store.failures = 3
        for topic, value in (("events", row(age=7)), ("answers", answer(0))):
            append(tmp_path, topic, value, partition=2)
        append(tmp_path, "events", row(age=8))
        wait_for(lambda: stored(tmp_path).get("events/2/0") == (7, "yes"))
    assert counts.store_failures == 3
    assert stored(tmp_path)["events/0/2"] == (8, None)
    assert json.loads((tmp_path / "journal" / "sources" / "positions.json").read_text()) == {}
    with following(tmp_path) as after:
        append(tmp_path, "answers", answer(2))
        wait_for(lambda: after.events == 1)
    assert after.rows == 1
    assert stored(tmp_path)["events/0/2"] == (8, "yes")


def test_a_topic_of_another_kind_is_followed_in_vain(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is said once; positions are committed with the first answer that is one."""
    append(tmp_path, "events", row(age=1))
    append(tmp_path, "answers", row(), b"?")
    append(tmp_path, "letters", row(), headers=letter(9))
    with following(tmp_path, group="g") as counts:
        wait_for(lambda: counts.refused["answer"] == 2 and positions(tmp_path, "events") == [{0: 1}])
        wait_for(lambda: "topic answers must hold answers of headrace stream" in caplog.text)
        assert positions(tmp_path, "answers") == [{}]
        append(tmp_path, "answers", answer(0))
        wait_for(lambda: positions(tmp_path, "answers") == [{0: 3}])
    assert caplog.text.count("must hold") == 1
    assert stored(tmp_path) == {"events/0/0": (1, "yes")}


def test_a_position_is_not_committed_before_its_rows_are_kept(tmp_path: Path) -> None:
    """While the store fails the group stays where it was."""
    make_topics(tmp_path)
    store = _Failing(tmp_path / "store")
    store.failures = 1
    with pytest.raises(StoreError):
        collect(tmp_path, store=store, group="g")
    state = FolderState(tmp_path / "topics")
    assert [state.positions("g", topic) for topic in ("events", "answers", "letters")] == [{}] * 3
    collect(tmp_path, store=store, group="g")
    assert state.positions("g", "events") == {0: 4, 1: 4}


def test_what_a_killed_process_has_left_is_stored_by_a_run_that_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waited for its other half is behind the positions of the group, and in the journal only."""
    append(tmp_path, "events", row(age=1), row(age=2))
    append(tmp_path, "answers", answer(0))
    write = collector.RowWriter.write
    with monkeypatch.context() as patched:

        def leave(self: Any, events: Any, *, now: float, final: bool = False) -> None:
            write(self, events, now=now)  # as if killed before the end

        patched.setattr(collector.RowWriter, "write", leave)
        with following(tmp_path) as counts:
            wait_for(lambda: counts.events == 3 and counts.rows == 1)
    assert stored(tmp_path) == {"events/0/0": (1, "yes")}
    assert collect(tmp_path).rows == 1
    assert stored(tmp_path) == {"events/0/0": (1, "yes"), "events/0/1": (2, None)}
    assert not read_halves(tmp_path)


def read_halves(folder: Path) -> list[Any]:
    """What waits in the journal."""
    return list(read_lines(folder / "journal" / "sources" / HALVES, CollectCounts()))


def _fill_for_dying(folder: Path) -> None:
    for partition in range(2):
        append(folder, "events", *(row(age=place) for place in range(6)), partition=partition)
        append(folder, "answers", *(answer(place) for place in range(6)), partition=partition)
    append(folder, "letters", row(), headers=letter(99))


def _die(folder: Path, number: int, moment: str) -> subprocess.CompletedProcess[str]:
    script = "tests.monitoring.collect.topics.dying_collect"
    command = [sys.executable, "-m", script, str(folder), str(number), moment]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)


def _check_death(folder: Path, number: int, moment: str) -> bool:
    """Kill a collector and let another one go on; return whether it was killed, not done before."""
    _fill_for_dying(folder)
    ended = _die(folder, number, moment)
    assert ended.returncode in {-9, 0}, (number, moment, ended.stderr)
    with following(folder):
        wait_for(lambda: len([one for one in stored(folder).values() if None not in one]) == 12)
    assert stored(folder) == {f"events/{partition}/{age}": (age, "yes") for partition in range(2) for age in range(6)}
    return ended.returncode == -9


@pytest.mark.parametrize(("number", "moment"), [(1, "after"), (3, "before"), (5, "after")])
def test_a_killed_collector_loses_nothing_and_stores_nothing_twice(tmp_path: Path, number: int, moment: str) -> None:
    """Kill -9 around one of the files that it writes: rows, what waits, and positions."""
    assert _check_death(tmp_path, number, moment)


@pytest.mark.exhaustive
def test_a_collector_may_be_killed_at_each_file(tmp_path: Path) -> None:
    """The same before and after each of them."""
    for number in itertools.count(1):
        for moment in ("before", "after"):
            once = tmp_path / f"{number}-{moment}"
            if not _check_death(once, number, moment):
                assert number > 10
                return
            shutil.rmtree(once)
