"""Labels of a topic: batches, positions after the store, what names a row, and what is refused."""

import datetime as dt
import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headrace.core.base.errors import InputError, StoreError
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.labels import label_topic
from headrace.monitoring.labels.label_intake import LabelCounts
from headrace.monitoring.labels.label_store import LabelStore
from headrace.monitoring.labels.label_table import LabelColumns
from headrace.monitoring.labels.label_topic import LabelTopic
from headrace.monitoring.labels.labelled_rows import labelled_rows
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.open_objects import open_objects
from headrace.streams.broker import OutgoingRecord
from headrace.streams.folder import folder_reader
from headrace.streams.folder.folder_broker import append_events
from headrace.streams.folder.folder_reader import FolderReader
from headrace.streams.folder.folder_state import FolderState
from tests.monitoring.labels.test_label_intake import DAY, SHOP, Shop

_DAY_MS = 86_400_000
_START_MS = int(DAY.timestamp() * 1000)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for labels."""
    monkeypatch.setattr(folder_reader, "_IDLE_SECONDS", 0.0)
    monkeypatch.setattr(label_topic, "_FILL_SECONDS", 0.0)
    monkeypatch.setattr(label_topic, "_PAUSE_SECONDS", 0.0)


def write(folder: Path, *labels: Mapping[str, Any] | bytes | None, day: float = 20) -> None:
    """Write labels to the topic ``labels``, all of one day."""
    values = [json.dumps(one).encode() if isinstance(one, Mapping) else one for one in labels]
    time_stamp = _START_MS + int(day * _DAY_MS)
    records = [OutgoingRecord("labels", 0, value, b"k", (), time_stamp) for value in values]
    append_events(folder / "topics", "labels", records)


def topic(folder: Path, shop: Shop, group: str = "g", **named: Any) -> LabelTopic:
    """The labels of the topic, as a new process takes them."""
    reader = FolderReader(folder / "topics", "labels", group=group, start="group")
    return LabelTopic(reader, SHOP, shop.rows, shop.labels, LabelColumns(), **named)


def take(folder: Path, shop: Shop, group: str = "g") -> LabelCounts:
    """Take what is there."""
    taking = topic(folder, shop, group)
    taking.take_all()
    return taking.counts


def test_labels_name_their_rows_in_three_ways(tmp_path: Path) -> None:
    """By the request's id, by the contract's keys, and as an event of a stream; in one topic."""
    shop = Shop(tmp_path / "store", {"a": (1, 0), "b": (2, 1), "events/3/40": (3, 2)})
    write(
        tmp_path,
        {"request_id": "a", "sold": "yes"},
        {"client": 2, "sold": "no", "note": ["what else", "is there"]},
        {"topic": "events", "partition": 3, "offset": 40, "sold": "yes"},
        {"request_id": "x", "row": 2, "sold": "no"},
    )
    counts = take(tmp_path, shop)
    assert (counts.labels, counts.matched, counts.unknown, counts.refused) == (4, 3, 1, 0)
    assert shop.actual() == {"a": "yes", "b": "no", "events/3/40": "yes"}
    assert take(tmp_path, shop).labels == 0


def test_bad_labels_are_refused_alone(tmp_path: Path) -> None:
    """Each with its reason, as it came."""
    shop = Shop(tmp_path / "store", {"a": (1, 0)})
    write(
        tmp_path,
        None,
        b"no JSON",
        b"[1]",
        {"sold": "yes"},
        {"request_id": "a"},
        {"request_id": "a", "sold": "perhaps"},
        {"request_id": None, "sold": "yes"},
        {"request_id": "a", "row": -1, "sold": "yes"},
        {"client": {"id": 1}, "sold": "yes"},
        {"topic": "events", "partition": "x", "offset": 4, "sold": "yes"},
        {"topic": "events", "partition": 1, "offset": -4, "sold": "yes"},
        {"request_id": "a", "sold": "yes", "observed": "soon"},
        {"request_id": "a", "sold": "yes"},
    )
    taking = topic(tmp_path, shop)
    taking.take_all()
    counts, refused = taking.counts, taking.collect_refused()
    assert (counts.labels, counts.matched, counts.refused) == (13, 1, 12)
    assert refused.columns[-1] == "reason"
    assert refused.height == sum(counts.reasons.values()) == 12
    assert refused.filter(pl.col("value") == "no JSON").get_column("reason").to_list() == ["the value is not JSON"]
    assert shop.actual() == {"a": "yes"}


def test_labels_that_are_all_refused_stay_unread(tmp_path: Path) -> None:
    """A column that was mistyped, or another model's topic: one sentence, and the right command finds them."""
    shop = Shop(tmp_path / "store", {"a": (1, 0)})
    write(tmp_path, {"request_id": "a", "sold": "yes"}, {"request_id": "b", "sold": "no"}, None)
    mistyped = topic(tmp_path, shop)
    mistyped.columns = LabelColumns(actual="slod")
    with pytest.raises(InputError, match=r"labels of shop .*'slod'; all 3 .* is missing.*--actual-column"):
        mistyped.take_all()
    assert FolderState(tmp_path / "topics").positions("g", "labels") == {}
    assert not shop.labels.files()
    assert take(tmp_path, shop).labels == 3
    write(tmp_path, None)
    assert take(tmp_path, shop).refused == 1
    assert FolderState(tmp_path / "topics").positions("g", "labels") == {0: 4}


def test_refused_labels_alone_are_followed_without_positions(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is said once; the first label that is accepted commits them all."""
    shop, ended = Shop(tmp_path / "store", {"a": (1, 0)}), threading.Event()
    write(tmp_path, {"request_id": "a", "slod": "yes"})
    taking, state = topic(tmp_path, shop), FolderState(tmp_path / "topics")
    thread = threading.Thread(target=lambda: taking.follow(ended.is_set, seconds=0.01))
    thread.start()
    deadline = time.monotonic() + 60
    while "must hold labels" not in caplog.text:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert state.positions("g", "labels") == {}
    write(tmp_path, {"request_id": "a", "sold": "yes"})
    while state.positions("g", "labels") != {0: 2}:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    ended.set()
    thread.join(60)
    assert caplog.text.count("must hold labels") == 1


def test_late_repeated_and_corrected_labels_count_as_those_of_tables(tmp_path: Path) -> None:
    """A label that says no time was observed when its record was written, so a row may be set back to what it was."""
    shop = Shop(tmp_path / "store", {"a": (1, 0), "b": (1, 4)})
    write(tmp_path, {"request_id": "a", "sold": "yes"}, day=5)
    write(tmp_path, {"request_id": "a", "sold": "yes"}, day=5)  # delivered twice
    write(tmp_path, {"request_id": "a", "sold": "no"}, day=6)
    counts = take(tmp_path, shop)
    assert (counts.repeated, counts.corrected) == (1, 1)
    assert shop.actual() == {"a": "no"}
    write(tmp_path, {"request_id": "a", "sold": "yes"}, day=7)
    write(tmp_path, {"request_id": "a", "sold": "no"}, day=4)  # late, and older
    write(tmp_path, {"client": 1, "sold": "yes", "observed": "2026-03-03"}, day=9)  # before the second visit
    assert take(tmp_path, shop).corrected == 1
    assert shop.actual() == {"a": "yes"}
    # Whoever reads all again changes nothing.
    files = len(shop.labels.files())
    again = take(tmp_path, shop, "other")
    assert (again.repeated, again.stored) == (again.labels, False)
    assert len(shop.labels.files()) == files


def test_a_killed_process_takes_a_batch_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The position is committed after the store has the batch: what is read twice repeats what is known."""
    shop = Shop(tmp_path / "store", {"a": (1, 0), "b": (2, 1)})
    write(tmp_path, {"request_id": "a", "sold": "yes"}, {"request_id": "b", "sold": "no"})
    state = FolderState(tmp_path / "topics")

    class Killed(BaseException):
        """As kill -9, nothing is done after it."""

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(LabelStore, "write", die)
        with pytest.raises(Killed):
            take(tmp_path, shop)
    assert state.positions("g", "labels") == {}
    with monkeypatch.context() as patched:
        patched.setattr(FolderReader, "commit", die)
        with pytest.raises(Killed):
            take(tmp_path, shop)
    assert len(shop.labels.files()) == 1
    counts = take(tmp_path, shop)
    assert (counts.repeated, counts.stored) == (2, False)
    assert state.positions("g", "labels") == {0: 2}
    assert shop.actual() == {"a": "yes", "b": "no"}


def test_a_topic_is_followed_in_batches_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that fails is tried again; what was read when the end came is stored."""
    shop = Shop(tmp_path / "store", {"a": (1, 0), "b": (2, 1)})
    write(tmp_path, {"request_id": "a", "sold": "yes"})
    taking, ended = topic(tmp_path, shop), threading.Event()
    store, failures = LabelStore.write, [StoreError("the store is full.")]

    def fail(self: LabelStore, labels: pl.DataFrame, *, now: dt.datetime) -> bool:
        if failures:
            raise failures.pop()
        return store(self, labels, now=now)

    monkeypatch.setattr(LabelStore, "write", fail)
    thread = threading.Thread(target=lambda: taking.follow(ended.is_set, seconds=0.01))
    thread.start()
    deadline = time.monotonic() + 60
    while not taking.counts.matched:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    write(tmp_path, {"request_id": "b", "sold": "no"})
    while taking.counts.matched < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    ended.set()
    thread.join(60)
    assert not failures
    assert len(shop.labels.files()) == 2
    assert shop.actual() == {"a": "yes", "b": "no"}
    assert FolderState(tmp_path / "topics").positions("g", "labels") == {0: 2}


def test_labels_of_a_stream_may_lie_in_a_table(tmp_path: Path) -> None:
    """With the columns topic, partition and offset; ids and keys take precedence."""
    shop = Shop(tmp_path / "store", {"events/0/7": (1, 0)})
    assert shop.take(topic=["events"], partition=[0], offset=[7], sold=["yes"]).matched == 1
    place = open_objects(str(tmp_path / "store"))
    window = TimeWindow(DAY, DAY + dt.timedelta(days=1))
    found = labelled_rows(WindowStore(place, "shop"), LabelStore(place, "shop"), window, SHOP)
    assert found.select("request_id", "actual").rows() == [("events/0/7", "yes")]
