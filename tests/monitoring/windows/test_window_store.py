"""The store of scored rows: one suite over a folder and over S3."""

import random
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import InputError
from headrace.core.monitors.data.column_types import build_column, concat_rows
from headrace.core.monitors.data.window_rows import FIXED_COLUMNS
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.windows.request_hashes import are_among, find_shared, group_overlaps
from headrace.monitoring.windows.window_store import WindowStore, merge_rows
from headrace.stores.objects.folder_objects import FolderStore
from headrace.stores.objects.object_store import connect
from headrace.stores.objects.open_objects import StorePlace
from tests.stores.conftest import minio_settings, rclone_settings  # noqa: F401 - fixtures

START = datetime(2026, 3, 1, 5, tzinfo=UTC)
DAY = TimeWindow(START, START + timedelta(days=1))


@pytest.fixture(params=["folder", "rclone", pytest.param("minio", marks=pytest.mark.minio)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> WindowStore:
    """An empty store in each place."""
    if request.param == "folder":
        return WindowStore(StorePlace(FolderStore(tmp_path)), "customers")
    shared = request.getfixturevalue(f"{request.param}_settings")
    place = StorePlace(connect(replace(shared, bucket=f"test-{secrets.token_hex(6)}")), "monitor/")
    return WindowStore(place, "customers")


def scored(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows with the fixed columns; what they leave out is null."""
    fixed = {"request_id": "r", "row": 0, "time": START, "model_digest": "d"}
    names = dict.fromkeys(name for row in rows for name in ({**fixed, **row}))
    columns = {name: [({**fixed, **row}).get(name) for row in rows] for name in names}
    return pl.DataFrame(
        [
            pl.Series(name, values, dtype=FIXED_COLUMNS[name]) if name in FIXED_COLUMNS else build_column(name, values)
            for name, values in columns.items()
        ]
    )


def read(store: WindowStore, window: TimeWindow = DAY, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """The rows of a window, sorted."""
    frames = list(store.read(window, columns))
    return concat_rows(frames).sort("request_id", "row").to_dicts() if frames else []


def test_rows_come_back_by_hours(store: WindowStore) -> None:
    """Event time decides the hour; a window takes what lies in it, its end excluded."""
    rows = scored(
        *({"request_id": f"r{i}", "time": START + timedelta(minutes=40 * i), "input_age": i} for i in range(6))
    )
    keys = store.write(rows)
    assert [key.split("/")[-2] for key in keys] == ["2026-03-01T05", "2026-03-01T06", "2026-03-01T07", "2026-03-01T08"]
    assert store.hours() == [START + timedelta(hours=hour) for hour in range(4)]
    assert read(store) == rows.to_dicts()
    part = TimeWindow(START + timedelta(minutes=40), START + timedelta(minutes=120))
    assert [row["request_id"] for row in read(store, part)] == ["r1", "r2"]
    assert read(store, TimeWindow(START - timedelta(days=2), START)) == []


def test_equal_rows_have_equal_keys(store: WindowStore) -> None:
    """Whoever repeats a write after a failure changes nothing, whatever the order of rows and columns."""
    rows = scored(*({"request_id": f"r{i}", "input_age": i, "input_plan": "a"} for i in range(20)))
    keys = store.write(rows)
    again = rows.sample(fraction=1.0, shuffle=True, seed=3).select(sorted(rows.columns))
    assert store.write(again) == keys
    assert [key for keys in store.keys(DAY).values() for key in keys] == keys


def test_a_request_and_its_response_in_two_files_are_one_row(store: WindowStore) -> None:
    """The row has the inputs of the one, the answer of the other, and the request's time."""
    store.write(scored({"input_age": 30, "input_plan": None, "model_digest": ""}))
    store.write(scored({"time": START + timedelta(seconds=1), "label": "yes", "probability_yes": 0.75}))
    expected = {
        "request_id": "r", "row": 0, "time": START, "model_digest": "d", "input_age": 30, "input_plan": None,
        "label": "yes", "probability_yes": 0.75,
    }  # fmt: skip
    assert read(store) == [expected]
    (frame,) = store.read(DAY, ["input_age", "label"])
    assert frame.to_dicts() == [{"input_age": 30, "label": "yes"}]


def test_halves_in_hours_that_touch_are_one_row(store: WindowStore) -> None:
    """In the hour of the request, whichever columns are read; the other hour does not give it again."""
    late = START + timedelta(minutes=59)
    store.write(scored({"time": late, "input_age": 30}, {"request_id": "s", "time": late, "input_age": 31}))
    store.write(scored({"time": late + timedelta(minutes=2), "label": "yes"}))
    store.write(scored({"request_id": "t", "time": late + timedelta(minutes=2), "input_age": 32, "label": "no"}))
    hours = [TimeWindow(START + timedelta(hours=hour), START + timedelta(hours=hour + 1)) for hour in range(3)]
    found = [[(row["request_id"], row["input_age"], row["label"]) for row in read(store, hour)] for hour in hours]
    assert found == [[("r", 30, "yes"), ("s", 31, None)], [("t", 32, "no")], []]
    labels = [[frame["label"].to_list() for frame in store.read(hour, ["label"])] for hour in hours]
    assert labels == [[["yes"]], [["no"]], []]
    assert [key for keys in store.keys(hours[2]).values() for key in keys] == store.keys(hours[1])[hours[1].start]


def test_columns_are_projected(store: WindowStore) -> None:
    """Only what is asked for is in a frame; what a file lacks is absent."""
    store.write(scored({"input_age": 1, "input_plan": "a"}))
    (frame,) = store.read(DAY, ["input_plan", "input_none"])
    assert frame.to_dicts() == [{"input_plan": "a"}]
    half = TimeWindow(START, START + timedelta(minutes=1))
    (frame,) = store.read(half, ["input_plan"])
    assert frame.to_dicts() == [{"input_plan": "a"}]


def test_files_without_common_requests_are_read_one_by_one(store: WindowStore) -> None:
    """A frame is a file where nothing must be merged, so memory does not grow with the window."""
    for index in range(3):
        store.write(scored({"request_id": f"r{index}"}))
    store.write(scored({"request_id": "r2", "label": "yes"}))
    assert sorted(frame.height for frame in store.read(DAY)) == [1, 1, 1]


def test_what_is_no_row_is_refused(store: WindowStore) -> None:
    """A missing column, another type and a row that occurs twice."""
    with pytest.raises(InputError, match="model_digest"):
        store.write(scored({}).drop("model_digest"))
    with pytest.raises(InputError, match="unique"):
        store.write(scored({}, {}))


def test_a_foreign_file_is_named(store: WindowStore) -> None:
    """What is not Parquet, or lies in a folder that is no hour, is one sentence."""
    store.place.store.put_bytes(f"{store.prefix}2026-03-01T05/x.parquet", b"nonsense")
    with pytest.raises(InputError, match=r"x\.parquet must be a Parquet file"):
        list(store.read(DAY))
    store.place.store.put_bytes(f"{store.prefix}march/x.parquet", b"nonsense")
    with pytest.raises(InputError, match="named as 2026-03-01T05"):
        store.hours()


_VALUE = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False), st.text(max_size=5)
)


@given(st.lists(_VALUE, max_size=8))
def test_a_column_keeps_its_values(values: list[Any]) -> None:
    """A number is never rounded, a missing value stays missing, and several kinds become texts."""
    column = build_column("x", values)
    kinds = {type(value) for value in values if value is not None}
    kept = column.to_list()
    assert [value is None for value in kept] == [value is None for value in values]
    if column.dtype == pl.String and kinds != {str}:
        assert all(type(value) is str for value in kept if value is not None)
    else:
        assert kept == values


_ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), unique=True, min_size=1, max_size=10)


@given(_ROWS, st.randoms(use_true_random=False))
def test_any_split_into_files_gives_the_same_rows(identities: list[tuple[int, int]], draw: random.Random) -> None:
    """However requests and responses are spread over files, repeated and ordered, each row is there once."""
    rows = [
        {
            "request_id": f"r{r}",
            "row": n,
            "time": START + timedelta(seconds=r),
            "input_age": r,
            "input_x": n / 2,
            "label": "y",
        }
        for r, n in identities
    ]
    whole = scored(*rows).sort("request_id", "row")
    pieces = []
    for row in rows:
        request = {name: row[name] for name in ("request_id", "row", "time", "input_age", "input_x")} | {
            "model_digest": ""
        }
        response = {name: row[name] for name in ("request_id", "row", "label")} | {
            "time": row["time"] + timedelta(seconds=9)
        }
        pieces += draw.sample([request, response, row], 3) if draw.random() < 0.5 else [request, response]
    draw.shuffle(pieces)
    frames: list[pl.DataFrame] = [scored(piece) for piece in pieces]
    assert merge_rows(frames).select(whole.columns).sort("request_id", "row").equals(whole)


def test_types_that_differ_between_files_lose_nothing(tmp_path: Path) -> None:
    """Whole numbers beside decimals are decimals, unless one is too large for that; a column of nulls fits any."""

    def types(*columns: list[Any]) -> pl.DataType:
        return concat_rows([pl.DataFrame([build_column("x", values)]) for values in columns]).schema["x"]

    assert types([1, 2], [0.5]) == pl.Float64
    assert types([2**60], [0.5]) == pl.String
    assert types([None], [True]) == pl.Boolean
    assert types([True], [1]) == pl.String


@given(st.lists(st.lists(st.integers(0, 9), unique=True, max_size=6), max_size=4), st.lists(st.integers(0, 9)))
def test_hashes_are_compared_as_sets(files: list[list[int]], others: list[int]) -> None:
    """Files with a common request are together; what is shared is the intersection, in order."""
    hashes = {str(place): np.array(one, dtype=np.uint64) for place, one in enumerate(files)}
    groups = [set(group) for group in group_overlaps(hashes)]
    repeated = {key for key, one in enumerate(files) for two in files[:key] + files[key + 1 :] if set(one) & set(two)}
    alone = [{str(key)} for key in range(len(files)) if key not in repeated]
    assert groups == alone + ([{str(key) for key in repeated}] if repeated else [])
    other = np.array(others, dtype=np.uint64)
    shared = find_shared(hashes.values(), [other])
    assert shared.tolist() == sorted({value for one in files for value in one} & set(others))
    assert are_among(other, shared).tolist() == [value in shared for value in others]
