"""Topics of a stream in a folder, as ``headrace stream`` writes them, and the store that collects them."""

import json
import time
from pathlib import Path
from typing import Any

import polars as pl

from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.collect.collect_counts import CollectCounts
from headrace.monitoring.collect.collector import CollectPlan, read_sources
from headrace.monitoring.collect.event_intake import IntakeOptions
from headrace.monitoring.collect.receiver import ReceiverOptions
from headrace.monitoring.collect.topics.topic_sources import StreamTopics
from headrace.monitoring.windows.window_store import HOUR, WindowStore
from headrace.stores.objects.folder_objects import FolderStore
from headrace.stores.objects.object_store import ObjectStore
from headrace.stores.objects.open_objects import StorePlace
from headrace.streams.broker import Headers, OutgoingRecord
from headrace.streams.folder.folder_broker import append_events
from headrace.streams.topic_address import parse_topic
from tests.monitoring.collect.made_events import ANSWER, CONTRACT, ROW

DIGEST = "d" * 64
TIME = 1_772_341_200_000  # 2026-03-01T05:00:00Z


def plan_in(
    folder: Path, *, store: ObjectStore | None = None, store_seconds: float = 0.01, **named: Any
) -> CollectPlan:
    """A plan to collect the topics ``events``, ``answers`` and ``letters`` of a folder."""
    topics = folder / "topics"
    streamed = StreamTopics(parse_topic(f"{topics}/answers"), parse_topic(f"{topics}/letters"))
    return CollectPlan(
        CONTRACT,
        WindowStore(StorePlace(store or FolderStore(folder / "store")), "customers"),
        IntakeOptions(frozenset({"customers"})),
        folder / "journal",
        ReceiverOptions(store_seconds=store_seconds),
        **{"stream": streamed, **named},
    )


def collect(folder: Path, **named: Any) -> CollectCounts:
    """Collect what is there, and return the counts."""
    counts = CollectCounts()
    read_sources(plan_in(folder, **named), [str(folder / "topics" / "events")], counts)
    return counts


def append(folder: Path, topic: str, *values: bytes | None, partition: int = 0, headers: Headers = ()) -> None:
    """Append records to a topic, a second after another."""
    records = [
        OutgoingRecord(topic, partition, value, b"k", headers, TIME + 1000 * place)
        for place, value in enumerate(values)
    ]
    append_events(folder / "topics", topic, records)


def row(**changes: Any) -> bytes:
    """The value of an event."""
    return json.dumps({**ROW, **changes}).encode()


def answer(offset: int, **changes: Any) -> bytes:
    """The answer to an event of the same partition."""
    facts = {"model_name": "customers", "model_version": "1.0.0", "model_digest": DIGEST, "event_offset": offset}
    return json.dumps({**ANSWER, **facts, **changes}).encode()


def letter(offset: int, partition: int = 0, reason: str = "range", topic: str = "events") -> Headers:
    """The headers of a dead letter."""
    return [
        ("headrace-reason", reason.encode()),
        ("headrace-topic", topic.encode()),
        ("headrace-partition", b"%d" % partition),
        ("headrace-offset", b"%d" % offset),
        ("headrace-digest", DIGEST.encode()),
    ]


def stored(folder: Path) -> dict[str, tuple[Any, Any]]:
    """What the store gives of each event: age and label."""
    store = WindowStore(StorePlace(FolderStore(folder / "store")), "customers")
    hours = store.hours()
    if not hours:
        return {}
    frames = list(store.read(TimeWindow(hours[0], hours[-1] + HOUR)))
    rows = pl.concat(frames, how="diagonal_relaxed")
    assert rows.select("request_id", "row").is_unique().all()
    return {name: (age, label) for name, age, label in rows.select("request_id", "input_age", "label").iter_rows()}


def wait_for(check: Any) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 60
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.01)
