"""Sources that are followed: what is read is stored together, once, and again after a failure."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from headrace.core.base.errors import StoreError
from headrace.monitoring.collect import collector
from headrace.monitoring.collect.collect_counts import CollectCounts
from headrace.monitoring.collect.collector import CollectPlan, follow_sources
from headrace.monitoring.collect.event_intake import IntakeOptions
from headrace.monitoring.collect.receiver import ReceiverOptions
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.folder_objects import FolderStore
from headrace.stores.objects.open_objects import StorePlace
from tests.monitoring.collect.made_events import ANSWER, CONTRACT, ROW, attributes


class _Store(FolderStore):
    """A folder whose first writes may fail."""

    failures = 0

    def put_bytes(self, *arguments: Any, **options: Any) -> bool:
        if self.failures:
            self.failures -= 1
            raise StoreError("the store is full.")
        return super().put_bytes(*arguments, **options)


def append(log: Path, *names: str) -> None:
    """Append requests and their responses to a log."""
    with log.open("a") as stream:
        for name in names:
            request = {**attributes("request", name), "data": {"instances": [ROW]}}
            response = {**attributes("response", name), "data": {"predictions": [ANSWER]}}
            stream.writelines(f"{json.dumps(line)}\n" for line in (request, response))


def wait_for(check: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 60
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def following(folder: Path, *, store_seconds: float, failures: int = 0) -> Iterator[CollectCounts]:
    """What is counted while the log of a folder is followed, until the end of the block."""
    store = _Store(folder / "store")
    store.failures = failures
    plan = CollectPlan(
        CONTRACT,
        WindowStore(StorePlace(store), "customers"),
        IntakeOptions(frozenset({"customers"})),
        folder / "journal",
        ReceiverOptions(store_seconds=store_seconds),
    )
    counts, ended = CollectCounts(), threading.Event()
    thread = threading.Thread(target=follow_sources, args=(plan, [str(folder / "log.jsonl")], counts, ended))
    thread.start()
    try:
        yield counts
    finally:
        ended.set()
        thread.join(60)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources are read again soon."""
    monkeypatch.setattr(collector, "_POLL_SECONDS", 0.01)


def test_what_is_read_is_stored_from_time_to_time(tmp_path: Path) -> None:
    """Not at each look at the log: a file for each of them would be thousands a day. The end stores the rest."""
    append(tmp_path / "log.jsonl", "a")
    with following(tmp_path, store_seconds=600.0) as counts:
        for count in range(1, 5):
            wait_for(lambda count=count: counts.events == 2 * count)  # type: ignore[misc]
            append(tmp_path / "log.jsonl", f"b{count}")
    files = list((tmp_path / "store").rglob("*.parquet"))
    assert (counts.rows, len(files)) == (counts.events // 2, 2)
    with following(tmp_path, store_seconds=600.0) as after:
        wait_for(lambda: counts.rows + after.events // 2 == 5)
    assert counts.rows + after.rows == 5


def test_a_failed_store_loses_no_event_and_repeats_none(tmp_path: Path) -> None:
    """What was read since the last write is read again."""
    append(tmp_path / "log.jsonl", "a", "b")
    with following(tmp_path, store_seconds=0.01, failures=2) as counts:
        wait_for(lambda: counts.rows == 2)
        append(tmp_path / "log.jsonl", "c")
        wait_for(lambda: counts.rows == 3)
    assert (counts.store_failures, counts.duplicates) == (2, 0)
    with following(tmp_path, store_seconds=0.01) as after:
        append(tmp_path / "log.jsonl", "d")
        wait_for(lambda: after.rows == 1)
    assert after.events == 2
