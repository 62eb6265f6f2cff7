"""The store of the rows that a model has scored: Parquet files by hour, in a folder or a bucket.

The key of a file is ``MODEL/windows/2026-03-01T05/SHA-256.parquet``: the hour of its rows' event times, and the digest
of its bytes. A file is written once and never changed. Equal rows give equal bytes, so a writer that repeats its work
after a failure changes nothing. Files may overlap all the same: an event that was delivered twice may lie in two of
them, and a request and its response apart, even in two hours that touch. The reader gives each row once, complete, in
the hour of its request.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from headrace.core.base.errors import InputError, quote
from headrace.core.base.files import digest
from headrace.core.monitors.data.column_types import concat_rows
from headrace.core.monitors.data.window_rows import (
    FIXED_COLUMNS,
    INPUT_PREFIX,
    MODEL_DIGEST,
    REQUEST_ID,
    ROW,
    TIME,
)
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.windows.request_hashes import Hashes, are_among, find_shared, group_overlaps
from headrace.stores.objects.folder_objects import FolderStore
from headrace.stores.objects.open_objects import StorePlace

HOUR = timedelta(hours=1)
_HOUR_FORMAT = "%Y-%m-%dT%H"
_MOST_BYTES = 4 << 30
# A window of more hours is listed at once, not hour by hour.
_MOST_LISTINGS = 48
_COMPRESSION_LEVEL = 3


@dataclass(frozen=True)
class WindowStore:
    """The stored rows of one model.

    Attributes:
        place: The monitoring store, STORE of the commands.
        model: Name of the model.
    """

    place: StorePlace
    model: str

    @property
    def prefix(self) -> str:
        """What the keys of the model's rows begin with."""
        return f"{self.place.prefix}{self.model}/windows/"

    def write(self, rows: pl.DataFrame) -> list[str]:
        """Store rows, split by the hour of their event time.

        Args:
            rows: n rows with the columns of ``window_rows``, unique by ``request_id`` and ``row``.

        Returns:
            Keys of the files, in the order of their hours; equal rows give equal keys.

        Raises:
            InputError: If a column is missing or of another type, or a row occurs twice.
            StoreError: If the store fails.
        """
        _check(rows)
        ordered = rows.select(*FIXED_COLUMNS, *sorted(set(rows.columns) - set(FIXED_COLUMNS)))
        keys = []
        for (hour,), part in sorted(
            ordered.group_by(pl.col(TIME).dt.truncate("1h")),
            key=lambda group: group[0][0],
        ):
            content = _parquet(part.sort(REQUEST_ID, ROW))
            key = f"{self._hour_prefix(hour)}{digest(content)}.parquet"
            if not self.place.store.exists(key):
                self.place.store.put_bytes(key, content)
            keys.append(key)
        return keys

    def select_new(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that are not stored yet, or whose request or answer is not.

        Args:
            rows: Rows as ``write`` takes them.
        """
        hours = sorted(rows[TIME].dt.truncate("1h").unique())
        known = [_name_halves(frame) for hour in hours for frame in self.read(TimeWindow(hour - HOUR, hour + 2 * HOUR))]
        if not known:
            return rows
        stored = pl.concat(known).group_by(REQUEST_ID, ROW).agg(pl.col("with_inputs", "with_answer").any())
        halves = _name_halves(rows).join(
            stored, on=[REQUEST_ID, ROW], how="left", maintain_order="left", suffix="_stored"
        )
        return rows.filter(
            (halves["with_inputs"] & ~halves["with_inputs_stored"].fill_null(value=False))
            | (halves["with_answer"] & ~halves["with_answer_stored"].fill_null(value=False))
        )

    def hours(self) -> list[datetime]:
        """Return the hours that have rows, each as its first moment, in order."""
        return sorted({_hour_of(key) for key in self._all_keys()})

    def keys(self, window: TimeWindow) -> dict[datetime, list[str]]:
        """Return the keys of the files that a window's rows depend on, by hours and in order.

        Args:
            window: The window. The hours before and after it count too: there may be the response to a request of the
                window, or the request of a response that lies in it.
        """
        first = window.start.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - HOUR
        end = window.end + HOUR
        count = -(-(end - first) // HOUR)
        if count > _MOST_LISTINGS:
            found = [key for key in self._all_keys() if first <= _hour_of(key) < end]
        else:
            prefixes = [self._hour_prefix(first + index * HOUR) for index in range(count)]
            found = [item.key for prefix in prefixes for item in self.place.store.list(prefix) if _is_rows(item.key)]
        by_hour: dict[datetime, list[str]] = {}
        for key in sorted(found):
            by_hour.setdefault(_hour_of(key), []).append(key)
        return by_hour

    def read(self, window: TimeWindow, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """Yield the rows of a window, each once: where files repeat or complete one another, they are merged.

        Args:
            window: The window of event times.
            columns: Names of the columns to read, such as ``input_age``; None for all. One that a file lacks is absent
                from its frame.

        Yields:
            Frames of at least one row, the hours in order; the type of a column may differ from frame to frame.

        Raises:
            StoreError: If the store fails.
            InputError: If a file is not one of this store's.
        """
        by_hour, hashes = self.keys(window), dict[str, Hashes]()
        for hour, keys in by_hour.items():
            part = _overlap(hour, window)
            if part is None:
                continue
            near = [key for other in (hour - HOUR, hour + HOUR) for key in by_hour.get(other, ())]
            concerned = [*keys, *near] if len(keys) + len(near) > 1 else []
            hashes = {key: hashes[key] if key in hashes else self._request_hashes(key) for key in concerned}
            for frame in self._read_hour(keys, hashes, columns, part):
                chosen = frame if columns is None else frame.select(name for name in columns if name in frame.columns)
                if chosen.height:
                    yield chosen

    def _all_keys(self) -> Iterator[str]:
        return (item.key for item in self.place.store.list(self.prefix) if _is_rows(item.key))

    def _hour_prefix(self, hour: datetime) -> str:
        return f"{self.prefix}{hour.strftime(_HOUR_FORMAT)}/"

    def _read_hour(
        self, keys: list[str], hashes: dict[str, Hashes], columns: Sequence[str] | None, part: TimeWindow
    ) -> Iterator[pl.DataFrame]:
        """Yield the rows of one hour, or of a part of it, with the wanted columns at least.

        Args:
            keys: The files of the hour.
            hashes: Of these files and of those of the hours beside it; empty if there is one file alone.
            columns: Names of the columns; None for all.
            part: The hour, or the part of it.
        """
        own = {key: hashes[key] for key in keys if hashes}
        split = find_shared(own.values(), (one for key, one in hashes.items() if key not in own))
        partial = part.end - part.start < HOUR
        for group in group_overlaps(own) if own else [keys]:
            divided = len(split) > 0 and any(are_among(own[key], split).any() for key in group)
            added = [TIME] * partial + [REQUEST_ID] * divided
            frame = self._read_group(group, columns if columns is None else [*columns, *added])
            if divided:
                frame = frame.filter(~_is_one_of(frame, split))
            yield _select_part(frame, part) if partial else frame
        if len(split):
            # With all columns, for they say which half has the time of the request.
            pieces = [self._read_file(key, None) for key, one in hashes.items() if are_among(one, split).any()]
            yield _select_part(merge_rows([piece.filter(_is_one_of(piece, split)) for piece in pieces]), part)

    def _request_hashes(self, key: str) -> Hashes:
        return _hash_requests(self._read_file(key, [REQUEST_ID, ROW]).filter(pl.col(ROW) == 0))

    def _read_group(self, keys: list[str], columns: Sequence[str] | None) -> pl.DataFrame:
        if len(keys) == 1:
            return self._read_file(keys[0], columns)
        wanted = None if columns is None else [*dict.fromkeys([*FIXED_COLUMNS, *columns])]
        return merge_rows([self._read_file(key, wanted) for key in keys])

    def _read_file(self, key: str, columns: Sequence[str] | None) -> pl.DataFrame:
        store = self.place.store
        source = store.path(key) if isinstance(store, FolderStore) else io.BytesIO(store.get_bytes(key, _MOST_BYTES))
        try:
            if columns is None:
                return pl.read_parquet(source, glob=False)
            present = pl.read_parquet_schema(source)
            if isinstance(source, io.BytesIO):
                source.seek(0)
            wanted = [name for name in dict.fromkeys(columns) if name in present]
            return pl.read_parquet(source, columns=wanted, glob=False)
        except (pl.exceptions.PolarsError, OSError) as error:
            where = f"{self.place}{key.removeprefix(self.place.prefix)}"
            raise InputError(
                f"{where} must be a Parquet file of scored rows; {error}: restore it, or collect its events again."
            ) from error


def merge_rows(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the rows of overlapping frames, each once, with the first known value of each column.

    Args:
        frames: At least one frame, with the fixed columns. Where a request and its response lie apart, the row has
            the inputs of one and the answer of the other; its time is the request's.
    """
    rows = concat_rows(frames)
    if rows.select(REQUEST_ID, ROW).is_unique().all():
        return rows
    with_inputs = pl.any_horizontal(pl.col(ROW) < 0, *(pl.col(name).is_not_null() for name in _inputs(rows)))
    # Requests first: their time is the row's, whatever file comes first.
    ordered = rows.sort(REQUEST_ID, ROW, ~with_inputs, TIME, *_rest(rows), nulls_last=True)
    merged = ordered.group_by(REQUEST_ID, ROW, maintain_order=True).agg(
        pl.col(TIME).first(),
        pl.col(MODEL_DIGEST).filter(pl.col(MODEL_DIGEST) != "").first().fill_null(""),
        pl.col(_rest(rows)).drop_nulls().first(),
    )
    return merged.select(rows.columns)


def _name_halves(rows: pl.DataFrame) -> pl.DataFrame:
    """Return for each row whether its request is known (``with_inputs``), and whether its answer is."""
    answers = [name for name in _rest(rows) if not name.startswith(INPUT_PREFIX)]
    return rows.select(
        REQUEST_ID,
        ROW,
        with_inputs=pl.any_horizontal(pl.lit(value=False), *(pl.col(name).is_not_null() for name in _inputs(rows))),
        with_answer=pl.any_horizontal(pl.lit(value=False), *(pl.col(name).is_not_null() for name in answers)),
    )


def _inputs(rows: pl.DataFrame) -> list[str]:
    return [name for name in rows.columns if name.startswith(INPUT_PREFIX)]


def _rest(rows: pl.DataFrame) -> list[str]:
    return [name for name in rows.columns if name not in FIXED_COLUMNS]


def _hash_requests(rows: pl.DataFrame) -> Hashes:
    return rows[REQUEST_ID].hash().to_numpy()


def _is_one_of(rows: pl.DataFrame, hashes: Hashes) -> pl.Series:
    """Return which rows (n,) are of requests with one of these hashes."""
    return pl.Series(are_among(_hash_requests(rows), hashes))


def _select_part(rows: pl.DataFrame, part: TimeWindow) -> pl.DataFrame:
    return rows.filter((pl.col(TIME) >= part.start) & (pl.col(TIME) < part.end))


def _overlap(hour: datetime, window: TimeWindow) -> TimeWindow | None:
    """Return the part of an hour that lies in a window; None if there is none."""
    start, end = max(hour, window.start), min(hour + HOUR, window.end)
    return TimeWindow(start, end) if start < end else None


def _check(rows: pl.DataFrame) -> None:
    for name, dtype in FIXED_COLUMNS.items():
        if rows.schema.get(name) != dtype:
            raise InputError(
                f"stored rows must have the column {name} of type {dtype}; got {quote(rows.schema.get(name))} instead."
            )
    if not rows.select(REQUEST_ID, ROW).is_unique().all():
        raise InputError("stored rows must be unique by request_id and row; one occurs twice: merge them first.")


def _parquet(rows: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    rows.write_parquet(buffer, compression="zstd", compression_level=_COMPRESSION_LEVEL)
    return buffer.getvalue()


def _is_rows(key: str) -> bool:
    return key.endswith(".parquet")


def _hour_of(key: str) -> datetime:
    """Return the hour in a file's key.

    Raises:
        InputError: If the folder is not named after an hour.
    """
    text = key.split("/")[-2]
    try:
        return datetime.strptime(text, _HOUR_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise InputError(
            f"a folder of stored rows must be named as 2026-03-01T05; got {quote(key)} instead."
        ) from error


__all__ = ["HOUR", "WindowStore", "merge_rows"]
