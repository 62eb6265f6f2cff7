"""Stored rows joined with their labels: what monitors measure and what models are fitted on again."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from headrace.core.base.errors import InputError
from headrace.core.contracts.casting import cast_columns
from headrace.core.contracts.contract import Contract
from headrace.core.monitors.data.column_types import concat_rows
from headrace.core.monitors.data.window_rows import (
    FIXED_COLUMNS,
    INPUT_PREFIX,
    REQUEST_ID,
    ROW,
    TIME,
    select_inputs,
)
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.labels.label_store import PLACE, RECEIVED, LabelStore, effective_time, latest_labels
from headrace.monitoring.labels.label_table import ACTUAL, KEY_PREFIX, OBSERVED


class RowStore(Protocol):
    """The stored rows of a model, as ``windows.window_store.WindowStore`` reads them."""

    def hours(self) -> list[dt.datetime]:
        """Return the hours that have rows, in order."""

    def read(self, window: TimeWindow, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """Yield the rows of a window, each once; a column that a file lacks is absent from its frame."""


def labelled_rows(
    rows: RowStore, labels: LabelStore, window: TimeWindow, contract: Contract, *, unlabelled: bool = False
) -> pl.DataFrame:
    """Return the rows of a window whose labels have come.

    Of several labels of a row the latest observed counts, of these the latest received. A label that names keys is of
    the latest request with these keys before the time at which the label was observed, also if that request lies
    behind the window.

    Args:
        rows: The stored rows.
        labels: The stored labels.
        window: The window of event times.
        contract: The contract of the model.
        unlabelled: Whether to return rows without a label too, with null in ``actual``.

    Returns:
        Stored columns (``windows.window_rows``), ``actual`` (text of a class, or Float64), ``observed`` and
        ``received``, in the order of time, request and row; ``contract_rows`` has them under the contract's names.
    """
    found = match_labels(rows, labels.read(), contract, since=window.start)
    return join_labels(rows.read(window), found, unlabelled=unlabelled)


def match_labels(
    rows: RowStore, labels: Mapping[tuple[str, ...], pl.DataFrame], contract: Contract, *, since: dt.datetime
) -> pl.DataFrame:
    """Return the one label that counts of each row; it serves for every window that begins at ``since`` or later.

    Args:
        rows: The stored rows; ids, times and keys are read of them, where labels name keys.
        labels: Labels as ``LabelStore.read`` returns them.
        contract: The contract of the model.
        since: First moment of the requests that matter.

    Returns:
        Columns ``request_id``, ``row``, ``actual``, ``observed``, ``received`` and ``place`` (n labels), some of which
        may belong to no stored row.
    """
    parts = []
    for names, frame in labels.items():
        by = list(names)
        if by == [REQUEST_ID, ROW]:
            parts.append(frame)
        else:
            everything = _everything(rows)
            if everything is not None and everything.end > since:
                inside = TimeWindow(since, everything.end)
                parts.append(_match_keys(_read_keys(rows, inside, contract), frame, by))
    moment = pl.Datetime("us", "UTC")
    schema = {
        REQUEST_ID: pl.String(),
        ROW: pl.Int32(),
        ACTUAL: pl.Float64() if contract.task == "regression" else pl.String(),
        OBSERVED: moment,
        RECEIVED: moment,
        PLACE: pl.Int64(),
    }
    if not parts:
        return pl.DataFrame(schema=schema)
    return latest_labels(pl.concat([part.select(list(schema)) for part in parts]), [REQUEST_ID, ROW])


def join_labels(frames: Iterable[pl.DataFrame], found: pl.DataFrame, *, unlabelled: bool = False) -> pl.DataFrame:
    """Return stored rows with their labels, as ``labelled_rows`` does.

    Args:
        frames: Stored rows.
        found: Labels of ``match_labels``.
        unlabelled: Whether to return rows without a label too, with null in ``actual``.
    """
    parts = list(frames)
    stored = concat_rows(parts) if parts else pl.DataFrame(schema=FIXED_COLUMNS)
    joined = stored.join(
        found.select(REQUEST_ID, ROW, ACTUAL, OBSERVED, RECEIVED),
        on=[REQUEST_ID, ROW],
        how="left" if unlabelled else "inner",
    )
    return joined.sort(TIME, REQUEST_ID, ROW)


@dataclass(frozen=True)
class LabelledSpan:
    """The rows whose labels were received in a span of time.

    Attributes:
        days: Whole days in UTC from the first to the last of them; None if there are none.
        unmatched: Labels that were received in that time, and belong to no row that was looked at.
    """

    days: TimeWindow | None
    unmatched: int


def find_labelled_span(
    rows: RowStore, labels: LabelStore, window: TimeWindow, contract: Contract, *, received: TimeWindow
) -> LabelledSpan:
    """Find the rows of a window whose label was received in a span of time.

    Args:
        rows: The stored rows, of which ids and times alone are read.
        labels: The stored labels.
        window: The window of event times.
        contract: The contract of the model.
        received: When the labels were received.
    """
    found = match_labels(rows, labels.read(), contract, since=window.start)
    fresh = found.filter((pl.col(RECEIVED) >= received.start) & (pl.col(RECEIVED) < received.end))
    names = fresh.select(REQUEST_ID, ROW)
    parts = [
        part
        for frame in rows.read(window, [REQUEST_ID, ROW, TIME])
        if (part := frame.join(names, on=[REQUEST_ID, ROW], how="semi")).height
    ]
    if not parts:
        return LabelledSpan(None, fresh.height)
    matched = pl.concat(parts)
    unmatched = fresh.height - matched.n_unique([REQUEST_ID, ROW])
    days = matched.get_column(TIME).dt.truncate("1d")
    first, last = days.min(), days.max()
    if not isinstance(first, dt.datetime) or not isinstance(last, dt.datetime):
        raise TypeError("the times of stored rows are moments")
    return LabelledSpan(TimeWindow(first, last + dt.timedelta(days=1)), unmatched)


def contract_rows(labelled: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Return labelled rows under the contract's names, the target among them, as a table to be validated.

    Args:
        labelled: Rows (n) of ``labelled_rows``.
        contract: The contract of the model.

    Returns:
        Columns of the contract that clients sent, of the types in which they are stored, and the target (n rows); a
        column that no request held is absent.
    """
    inputs = select_inputs(labelled)
    target = labelled.get_column(ACTUAL).alias(contract.target.name)
    kept = [name for name in inputs.columns if name in contract.names and name != contract.target.name]
    return inputs.select(kept).with_columns(target)


def count_matches(rows: RowStore, labels: pl.DataFrame, by: list[str], contract: Contract) -> tuple[int, int]:
    """Count the labels of rows that are stored, and those among them that were observed before their request.

    Args:
        rows: The stored rows.
        labels: Labels (n) with ``received`` and ``place``.
        by: Columns that name the row.
        contract: The contract of the model.
    """
    window = _everything(rows)
    if window is None or not labels.height:
        return 0, 0
    if by == [REQUEST_ID, ROW]:
        # A row whose halves lie hours apart is stored as two.
        times = _read(rows, window, [REQUEST_ID, ROW, TIME]).group_by(by).agg(pl.col(TIME).min())
        matched = labels.join(times, on=by, how="inner")
        return matched.height, matched.filter(pl.col(OBSERVED) < pl.col(TIME)).height
    matched = _match_keys(_read_keys(rows, window, contract), labels, by)
    return matched.height, 0


def _everything(rows: RowStore) -> TimeWindow | None:
    hours = rows.hours()
    return TimeWindow(hours[0], hours[-1] + dt.timedelta(hours=1)) if hours else None


def _match_keys(requests: pl.DataFrame, labels: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Return each label with the latest request with its keys before it; labels without one are left out."""
    ordered = labels.with_columns(effective_time().alias("effective")).sort("effective", maintain_order=True)
    return ordered.join_asof(
        requests.sort(TIME, ROW), left_on="effective", right_on=TIME, by=by, strategy="backward", check_sortedness=False
    ).filter(pl.col(REQUEST_ID).is_not_null())


def _read_keys(rows: RowStore, window: TimeWindow, contract: Contract) -> pl.DataFrame:
    """Return the ids, times and typed keys of the requests that held all of them."""
    names = [f"{INPUT_PREFIX}{key}" for key in contract.keys]
    frame = _read(rows, window, [REQUEST_ID, ROW, TIME, *names])
    if set(names) - set(frame.columns):
        raise InputError(
            f"labels that name keys need requests that held them; no stored request has all of {list(contract.keys)}: "
            "let clients send the keys, or name request ids."
        )
    raw = frame.select(pl.col(f"{INPUT_PREFIX}{key}").alias(key) for key in contract.keys)
    columns = [contract.column(key) for key in contract.keys]
    typed = cast_columns(raw, columns, missing_values=contract.missing_values).frame
    keys = typed.rename({key: f"{KEY_PREFIX}{key}" for key in contract.keys})
    return pl.concat([frame.select(REQUEST_ID, ROW, TIME), keys], how="horizontal").drop_nulls()


def _read(rows: RowStore, window: TimeWindow, columns: list[str]) -> pl.DataFrame:
    frames = list(rows.read(window, columns))
    return concat_rows(frames) if frames else pl.DataFrame(schema=FIXED_COLUMNS)
