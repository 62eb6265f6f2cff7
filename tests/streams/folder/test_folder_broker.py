"""Topics in a folder: offsets, groups, transactions and failures as a broker has them."""

import contextlib
import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from headrace.core.base.errors import InputError, MissingError
from headrace.streams.broker import TransactionAborted
from headrace.streams.event_scorer import EventScorer
from headrace.streams.folder import folder_broker, folder_state
from headrace.streams.folder.batch_filling import list_partitions
from headrace.streams.folder.folder_broker import FolderBroker, append_events, read_records
from headrace.streams.folder.folder_state import FolderState
from headrace.streams.outgoing import OutgoingPlan, build_records
from headrace.streams.values.json_values import JsonValues
from tests.properties import examples
from tests.streams.made_streams import GOOD, POISON, batch_of, models, record

_SCORER = EventScorer(JsonValues())


_OPENED: list[FolderBroker] = []


def _open(root: Path, **named: Any) -> FolderBroker:
    broker = FolderBroker(root, "events", answers="answers", dead_letters="letters", group="g", **named)
    _OPENED.append(broker)
    return broker


def _fill(root: Path, *values: bytes | None, partitions: int = 2) -> None:
    events = [record(value, key=b"k%d" % place, partition=place % partitions) for place, value in enumerate(values)]
    append_events(root, "events", events)


def _work(broker: FolderBroker, batch: Any) -> None:
    scored = _SCORER.score(batch, models())
    plan = OutgoingPlan("events", "answers", "letters", 2, broker.largest_records())
    broker.commit(batch, build_records(batch, scored, plan)[0])


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty poll does not wait; workers leave at the end."""
    monkeypatch.setattr(folder_broker, "_IDLE_SECONDS", 0.0)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # for a loss of power, which no test brings about
    yield
    while _OPENED:
        _OPENED.pop().close()


def test_events_come_in_order_and_the_group_goes_on_where_it_committed(tmp_path: Path) -> None:
    """A second worker of the group reads what the first one did not commit; markers of transactions take offsets."""
    _fill(tmp_path, *[GOOD] * 10)
    first = _open(tmp_path)
    batch = first.poll(rows=4, seconds=0)
    assert len(batch) == 4
    _work(first, batch)
    assert len(first.poll(rows=2, seconds=0)) == 2
    first.close()
    second = _open(tmp_path)
    rest = second.poll(rows=100, seconds=0)
    assert len(rest) == 6
    _work(second, rest)
    assert second.at_end
    assert {lag.rows for lag in second.lags().values()} == {0}
    assert len(second.poll(rows=100, seconds=0)) == 0
    answers = read_records(tmp_path, "answers")
    assert len(answers) == 10
    assert [offset for partition, offset, _ in answers if partition == 1] == [0, 1, 2, 3, 5], "a marker takes an offset"


def test_a_worker_whose_partitions_moved_cannot_commit(tmp_path: Path) -> None:
    """Its events come again, to whoever has the partition; each is answered once."""
    _fill(tmp_path, *[GOOD] * 6)
    first = _open(tmp_path)
    batch = first.poll(rows=100, seconds=0)
    second = _open(tmp_path)
    second.poll(rows=1, seconds=0)
    with pytest.raises(TransactionAborted):
        _work(first, batch)
    assert first.assigned is not None
    assert second.assigned is not None
    assert first.assigned | second.assigned == {0, 1}
    assert not first.assigned & second.assigned
    second.close()
    _work(first, first.poll(rows=100, seconds=0))
    assert len(read_records(tmp_path, "answers")) == 6


def test_events_that_are_given_back_come_again(tmp_path: Path) -> None:
    """From where the group has committed, in their order."""
    _fill(tmp_path, *[GOOD] * 4, partitions=1)
    broker = _open(tmp_path)
    _work(broker, broker.poll(rows=1, seconds=0))
    broker.give_back(broker.poll(rows=2, seconds=0))
    assert not broker.at_end
    assert broker.poll(rows=9, seconds=0).offsets == [1, 2, 3]


def test_a_persons_files_are_topics(tmp_path: Path) -> None:
    """JSON Lines without keys, and Parquet, whose rows are values."""
    (tmp_path / "events" / "0").mkdir(parents=True)
    (tmp_path / "events" / "0" / "0.jsonl").write_bytes(GOOD + b"\n" + POISON + b"\n")
    pl.DataFrame({"age": [30, 31], "spend": [2.5, None]}).write_parquet(tmp_path / "events" / "0" / "2.parquet")
    batch = _open(tmp_path).poll(rows=100, seconds=0)
    assert batch.offsets == [0, 1, 2, 3]
    assert batch.values[:2] == [GOOD, POISON]
    assert [json.loads(value or b"") for value in batch.values[2:]] == [
        {"age": 30, "spend": 2.5},
        {"age": 31, "spend": None},
    ]


def test_segments_that_were_deleted_are_counted(tmp_path: Path) -> None:
    """As a broker's retention does: reading goes on at the first event that is there."""
    _fill(tmp_path, *[GOOD] * 4, partitions=1)
    first = _open(tmp_path)
    _work(first, first.poll(rows=1, seconds=0))
    first.close()
    _fill(tmp_path, GOOD, GOOD, partitions=1)
    (tmp_path / "events" / "0" / f"{0:020d}.jsonl").unlink()
    second = _open(tmp_path)
    assert second.poll(rows=100, seconds=0).offsets == [4, 5]
    assert second.lost_offsets == 3


def test_lag_counts_rows_not_markers(tmp_path: Path) -> None:
    """The difference of offsets counts the end of each transaction, too."""
    _fill(tmp_path, GOOD, partitions=1)
    upstream = FolderState(tmp_path)
    with upstream.lock():
        path = tmp_path / "events" / "0" / f"{1:020d}.jsonl"
        upstream.commit("other", "x", {}, {path: GOOD + b'\n"commit"\n' + GOOD + b'\n"commit"\n'})
    broker = _open(tmp_path)
    broker.poll(rows=1, seconds=0)
    ((partition, lag),) = broker.lags().items()
    assert (partition, lag.rows, lag.offsets) == (0, 2, 4)
    broker.poll(rows=9, seconds=0)
    broker.poll(rows=9, seconds=0)
    assert (broker.lags()[0].rows, broker.lags()[0].offsets) == (0, 0)


def test_what_is_no_topic_is_refused(tmp_path: Path) -> None:
    """A topic that is not there, partitions with gaps, files with other names, and a name that is taken."""
    with pytest.raises(MissingError, match="a folder for each partition"):
        _open(tmp_path)
    _fill(tmp_path, GOOD)
    worker = _open(tmp_path, instance="a")
    with pytest.raises(InputError, match="--instance"):
        _open(tmp_path, instance="a")
    worker.close()
    (tmp_path / "events" / "0" / "notes.txt").touch()
    with pytest.raises(InputError, match=r"OFFSET\.jsonl"):
        _open(tmp_path, instance="a").poll(rows=1, seconds=0)
    (tmp_path / "events" / "7").mkdir()
    with pytest.raises(InputError, match="0, 1, 2"):
        list_partitions(tmp_path / "events")


class _Killed(BaseException):
    """The end of a process, at a step of a transaction."""


class Schedule(RuleBasedStateMachine):
    """Kills between and inside transactions, rebalances, batches that are committed late, topics that grow.

    At the end each event has one answer or one dead letter, those of a partition come in the order of their events,
    and the dead letters hold exactly the poison.
    """

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.root = Path(self._folder.name)
        self.produced: dict[int, list[bytes | None]] = {0: [GOOD], 1: [GOOD]}
        self.workers: list[FolderBroker] = []
        self.started = 0
        self.batches: dict[FolderBroker, Any] = {}
        _fill(self.root, GOOD, GOOD)

    def end(self, worker: FolderBroker) -> None:
        """End a worker; to the folder a kill is the same, for the kernel gives its membership back."""
        self.workers.remove(worker)
        self.batches.pop(worker, None)
        worker.close()

    @rule(value=st.sampled_from([GOOD, POISON, None]), number=st.integers(0, 7))
    def produce(self, value: bytes | None, number: int) -> None:
        """An event more."""
        partition = number % len(self.produced)
        append_events(self.root, "events", [record(value, key=b"k", partition=partition)])
        self.produced[partition].append(value)

    @precondition(lambda self: len(self.produced) < 4)
    @rule()
    def grow(self) -> None:
        """A partition more."""
        (self.root / "events" / str(len(self.produced))).mkdir()
        self.produced[len(self.produced)] = []

    @precondition(lambda self: len(self.workers) < 3)
    @rule()
    def start(self) -> None:
        """A worker more."""
        self.started += 1  # names decide who gets which partition
        self.workers.append(_open(self.root, instance=f"worker-{self.started}"))

    @precondition(lambda self: self.workers)
    @rule(number=st.integers(0, 2))
    def poll(self, number: int) -> None:
        """A worker reads; what it had read before and did not commit is lost to it."""
        worker = self.workers[number % len(self.workers)]
        self.batches[worker] = worker.poll(rows=3, seconds=0)

    @precondition(lambda self: any(self.batches.values()))
    @rule(number=st.integers(0, 2), writes=st.integers(0, 6) | st.none())
    def commit(self, number: int, writes: int | None) -> None:
        """A worker commits what it read some time ago, or dies after some files of the transaction are written."""
        ready = [worker for worker, batch in self.batches.items() if len(batch)]
        worker = ready[number % len(ready)]
        batch = self.batches.pop(worker)
        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(TransactionAborted):
            if writes is not None:
                _die_after(writes, patch)
            try:
                _work(worker, batch)
            except _Killed:
                self.end(worker)

    @precondition(lambda self: self.workers)
    @rule(number=st.integers(0, 2))
    def kill(self, number: int) -> None:
        """A worker less."""
        self.end(self.workers[number % len(self.workers)])

    def teardown(self) -> None:
        """All others end, and one worker does the rest."""
        while self.workers:
            self.end(self.workers[0])
        with contextlib.closing(_open(self.root)) as last:
            while not last.at_end:
                batch = last.poll(rows=7, seconds=0)
                if len(batch):
                    _work(last, batch)
        self.compare()
        self._folder.cleanup()

    def compare(self) -> None:
        """Compare what was produced with what was answered."""
        answers, letters = defaultdict(list), defaultdict(list)
        for partition, _, one in read_records(self.root, "answers"):
            answers[partition].append(one)
        for _, _, one in read_records(self.root, "letters"):
            assert one.value == POISON
            headers = dict(one.headers)
            letters[int(headers["headrace-partition"] or b"")].append(int(headers["headrace-offset"] or b""))
        for partition, values in self.produced.items():
            offsets = [json.loads(one.value)["event_offset"] for one in answers[partition] if one.value is not None]
            assert offsets == [offset for offset, value in enumerate(values) if value == GOOD]
            assert sum(one.value is None for one in answers[partition]) == values.count(None)
            assert letters[partition] == [offset for offset, value in enumerate(values) if value == POISON]


def _die_after(writes: int, patch: pytest.MonkeyPatch) -> None:
    """End the process after so many files of a transaction are written."""
    write, done = folder_state._write, []

    def count(path: Path, content: bytes) -> None:
        if len(done) >= writes:
            raise _Killed
        write(path, content)
        done.append(path)

    patch.setattr(folder_state, "_write", count)


TestSchedule = Schedule.TestCase
TestSchedule.settings = settings(examples(30), stateful_step_count=20)


def test_a_batch_of_several_partitions_has_its_ends() -> None:
    """The first and the last offset of each partition."""
    batch = batch_of([GOOD] * 4)
    batch.partitions[:] = [0, 1, 0, 1]
    assert batch.starts == {0: 100, 1: 101}
    assert batch.ends == {0: 103, 1: 104}
