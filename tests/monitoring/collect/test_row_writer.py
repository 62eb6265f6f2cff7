"""Requests and responses become rows, each once, however they come."""

import random
import tempfile
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.core.base.errors import StoreError
from headrace.core.monitors.data.column_types import concat_rows
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.collect.collect_counts import CollectCounts
from headrace.monitoring.collect.collected_event import CollectedEvent
from headrace.monitoring.collect.row_writer import RowWriter
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.folder_objects import FolderStore
from headrace.stores.objects.open_objects import StorePlace
from tests.monitoring.collect.made_events import CONTRACT, START

_SECOND = 1_000_000
_BEGIN = int(START.timestamp()) * _SECOND
_WINDOW = TimeWindow(START - timedelta(days=1), START + timedelta(days=1))
_ANSWER = ("label", "probability_no", "probability_yes")
_ANSWERED = ("yes", 0.25, 0.75)


def request(name: str, rows: int = 1, seconds: float = 0) -> CollectedEvent:
    """A request."""
    time = _BEGIN + int(seconds * _SECOND)
    values = [[place, "basic"] for place in range(rows)]
    return CollectedEvent(("input_age", "input_plan"), name, is_response=False, time=time, model_digest="", rows=values)


def response(name: str, rows: int = 1, seconds: float = 0.5) -> CollectedEvent:
    """Its response."""
    time = _BEGIN + int(seconds * _SECOND)
    return CollectedEvent(_ANSWER, name, is_response=True, time=time, model_digest="d", rows=[_ANSWERED] * rows)


def store_in(folder: Path) -> WindowStore:
    """The store in a folder."""
    return WindowStore(StorePlace(FolderStore(folder)), "customers")


def writer(folder: Path, **options: Any) -> RowWriter:
    """A writer whose halves are in a file."""
    return RowWriter(store_in(folder / "store"), CONTRACT, CollectCounts(), folder / "halves.jsonl", **options)


def rows(folder: Path) -> list[dict[str, Any]]:
    """All rows of the store, in order."""
    frames = list(store_in(folder / "store").read(_WINDOW))
    return concat_rows(frames).sort("request_id", "row").to_dicts() if frames else []


def test_a_request_and_its_response_are_one_row(tmp_path: Path) -> None:
    """With the time of the request, and a null for each input that it lacks."""
    one = writer(tmp_path)
    one.write([response("a"), request("a"), request("a")], now=0.0)
    assert rows(tmp_path) == [
        {"request_id": "a", "row": 0, "time": START, "model_digest": "d", "input_age": 0, "input_plan": "basic",
         "input_spend": None, "label": "yes", "probability_no": 0.25, "probability_yes": 0.75}
    ]  # fmt: skip
    assert (one.counts.rows, one.counts.duplicates, one.counts.incomplete, one.waiting) == (1, 1, 0, 0)


def test_a_half_waits_and_is_then_stored_alone(tmp_path: Path) -> None:
    """A half that comes later still lies in the hour of the first, so that the reader joins both."""
    one = writer(tmp_path, pair_seconds=60.0)
    hour_ends = 3599.9
    one.write([request("a", seconds=hour_ends), request("b", rows=2)], now=100.0)
    assert (rows(tmp_path), one.waiting) == ([], 2)
    one.write([], now=161.0)
    assert (one.counts.rows, one.counts.incomplete, one.waiting) == (3, 3, 0)
    one.write([response("a", seconds=hour_ends + 1)], now=162.0)
    assert store_in(tmp_path / "store").hours() == [START]
    found = {(row["request_id"], row["row"]): row for row in rows(tmp_path)}
    assert found["a", 0]["label"] == "yes"
    assert found["b", 1]["input_age"] == 1
    assert found["b", 1]["label"] is None
    assert found["a", 0]["time"] == START + timedelta(seconds=hour_ends)


def test_halves_survive_the_process(tmp_path: Path) -> None:
    """What waits for its other half is in a file before the journal may forget it."""
    writer(tmp_path).write([request("a"), request("b")], now=1.0)
    after = writer(tmp_path)
    assert after.waiting == 2
    after.write([response("a")], now=2.0)
    after.write([], now=3.0, final=True)
    assert [(row["request_id"], row["label"]) for row in rows(tmp_path)] == [("a", "yes"), ("b", None)]


def test_a_clock_that_goes_back_ends_no_wait_for_ever(tmp_path: Path) -> None:
    """A half that seems to come from the future is stored."""
    one = writer(tmp_path)
    one.write([request("a")], now=1000.0)
    one.write([], now=10.0)
    assert one.waiting == 0
    assert len(rows(tmp_path)) == 1


class _BrokenOnce(FolderStore):
    """A folder whose first write fails."""

    failures = 1

    def put_bytes(self, *arguments: Any, **options: Any) -> bool:
        if type(self).failures:
            type(self).failures -= 1
            raise StoreError("the store is full.")
        return super().put_bytes(*arguments, **options)


def test_a_failed_write_may_be_repeated(tmp_path: Path) -> None:
    """Nothing is counted or remembered of it."""
    one = RowWriter(WindowStore(StorePlace(_BrokenOnce(tmp_path / "store")), "customers"), CONTRACT, CollectCounts())
    events = [request("a"), response("a")]
    with pytest.raises(StoreError, match="full"):
        one.write(events, now=0.0)
    one.write(events, now=0.0)
    assert (one.counts.rows, one.counts.duplicates) == (1, 0)
    assert len(rows(tmp_path)) == 1


@given(
    st.dictionaries(
        st.sampled_from("abcdef"), st.tuples(st.integers(1, 3), st.sampled_from(["both", "request", "response"]))
    ),
    st.randoms(use_true_random=False),
)
def test_any_order_any_split_any_restart(requests: dict[str, tuple[int, str]], draw: random.Random) -> None:
    """Events come in any order, repeated, in any batches, with restarts and lost acknowledgements: each row once."""
    events = [
        make(name, count)
        for name, (count, halves) in requests.items()
        for make in (request, response)
        if halves in {"both", make.__name__}
    ]
    sent = [event for event in events for _ in range(draw.choice([1, 1, 2]))]
    draw.shuffle(sent)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        one, now = writer(folder), 0.0
        while sent:
            size = draw.randint(1, 4)
            batch, sent = sent[:size], sent[size:]
            now += draw.choice([1.0, 100.0])
            one.write(batch, now=now)
            if draw.random() < 0.3:
                one = writer(folder)
                if draw.random() < 0.5:
                    one.write(batch, now=now)  # killed before the journal forgot them: they are written again
        one.write([], now=now, final=True)
        found = rows(folder)
    assert [(row["request_id"], row["row"]) for row in found] == [
        (name, place) for name in sorted(requests) for place in range(requests[name][0])
    ]
    for row in found:
        halves = requests[row["request_id"]][1]
        assert (row["input_age"] is not None) == (halves != "response")
        assert (row["label"] is not None) == (halves != "request")


def test_events_with_other_columns_are_joined(tmp_path: Path) -> None:
    """A journal that was written with another contract of the model names its own columns."""
    older = request("a")._replace(names=("input_plan", "input_gone"), rows=[["plus", 7]])
    one = writer(tmp_path)
    one.write([older, response("a"), request("b"), response("b")], now=0.0)
    found = [(row["input_age"], row["input_plan"], row["input_gone"]) for row in rows(tmp_path)]
    assert found == [(None, "plus", 7), (0, "basic", None)]


def test_a_request_without_rows_is_no_row(tmp_path: Path) -> None:
    """It is valid, and changes nothing."""
    one = writer(tmp_path)
    one.write([request("a", rows=0), response("a", rows=0), request("b")], now=0.0, final=True)
    assert [row["request_id"] for row in rows(tmp_path)] == ["b"]


@settings(max_examples=30)
@given(
    st.dictionaries(
        st.sampled_from("abcdef"),
        st.tuples(st.integers(0, 14_399), st.integers(-60, 3599), st.sampled_from(["both", "request", "response"])),
        min_size=1,
    ),
    st.randoms(use_true_random=False),
)
def test_halves_are_joined_however_late_they_come(
    requests: dict[str, tuple[int, int, str]], draw: random.Random
) -> None:
    """Across hours, after restarts that remember nothing, in any order: one row, in the hour of its request."""
    events = [request(name, seconds=at) for name, (at, _, half) in requests.items() if half != "response"]
    events += [response(name, seconds=at + took) for name, (at, took, half) in requests.items() if half != "request"]
    draw.shuffle(events)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for event in events:
            one = writer(folder)  # without what the one before has remembered
            one.write([event], now=1.0)
            one.write([], now=2.0, final=draw.random() < 0.7)
        writer(folder).write([], now=3.0, final=True)
        found = rows(folder)
        store = store_in(folder / "store")
        cuts = sorted({0, 14 * 3600, *(draw.randrange(-7200, 14 * 3600) for _ in range(3))})
        windows = [TimeWindow(START + timedelta(seconds=a), START + timedelta(seconds=b)) for a, b in pairwise(cuts)]
        windows.append(TimeWindow(_WINDOW.start, START + timedelta(seconds=cuts[0])))
        parts = [(window, frame) for window in windows for frame in store.read(window)]
    assert [row["request_id"] for row in found] == sorted(requests)
    for row in found:
        at, took, halves = requests[row["request_id"]]
        assert row["time"] == START + timedelta(seconds=at + took if halves == "response" else at)
        assert (row["input_age"] is not None, row["label"] is not None) == (halves != "response", halves != "request")
    assert sorted(name for _, frame in parts for name in frame["request_id"]) == sorted(requests)
    for window, frame in parts:
        assert all(window.start <= moment < window.end for moment in frame["time"])


def test_rows_that_the_store_has_are_left_out_on_demand(tmp_path: Path) -> None:
    """They are counted apart; what completes a stored half is stored, even one in the hour before."""
    late = 3599.0

    def read_again(*events: CollectedEvent) -> tuple[int, int, int]:
        one = writer(tmp_path, skips_stored=True)
        one.write(events, now=0.0, final=True)
        return one.counts.rows, one.counts.stored_before, one.counts.incomplete

    first = (request("a"), response("a"), request("b", rows=2, seconds=late))
    assert read_again(*first) == (3, 0, 2)
    files = sorted((tmp_path / "store").rglob("*.parquet"))
    assert read_again(*first) == (0, 3, 0)
    assert sorted((tmp_path / "store").rglob("*.parquet")) == files
    assert read_again(*first, response("b", rows=2, seconds=late + 2)) == (2, 1, 0)
    assert read_again(response("b", rows=2, seconds=late + 2), request("c"), response("c")) == (1, 2, 0)
    assert [(row["request_id"], row["label"]) for row in rows(tmp_path)] == [
        (name, "yes") for name in ("a", "b", "b", "c")
    ]
