"""Take what turned out to be true of the rows that a model has scored."""

import datetime as dt
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.api.model_reference import ModelReference, open_model
from headrace.api.tables import TableReference, table_address
from headrace.api.training_arguments import field_separator
from headrace.core.base.errors import InputError, quote
from headrace.core.runtime.signals import noted_signals

if TYPE_CHECKING:
    from headrace.core.contracts.contract import Contract
    from headrace.monitoring.labels.label_intake import LabelCounts
    from headrace.monitoring.labels.label_table import LabelColumns
    from headrace.stores.objects.open_objects import StorePlace
    from headrace.streams.topic_address import TopicAddress


def add_labels(
    model: ModelReference,
    table: TableReference,
    store: str | Path,
    *,
    actual_column: str = "",
    request_id_column: str = "request_id",
    row_column: str = "row",
    observed_column: str = "observed",
    refused: str | Path | None = None,
    follow: bool = False,
    group: str = "",
    store_seconds: float = 60.0,
    column_names: Sequence[str] = (),
    header: bool = True,
    delimiter: str = "",
    encoding: str = "",
    skip_lines: int = -1,
    comment: str = "",
    now: dt.datetime | None = None,
) -> "LabelCounts":
    """Store labels of rows that a model has scored, as ``headrace labels`` does.

    Args:
        model: A ``Run`` or a ``Bundle``, a folder of one, a store URI, or ``NAME@VERSION``; it gives the contract.
        table: Path, folder, glob, ``http(s)://``, ``s3://`` or SQL address; a data frame (n rows, p columns); or a
            topic of labels in JSON (``kafka://HOST:PORT/TOPIC``, or a folder), which is read from where its group was.
        store: The monitoring store, a folder or ``s3://BUCKET/PREFIX``.
        actual_column: Column of what was true; empty for the contract's target.
        request_id_column: Column of the request's id; a table without it names rows by the contract's keys.
        row_column: Column of the position in the request; without it, the first row of each request is meant.
        observed_column: Column of the time at which it was true, or became known; the table may lack it.
        refused: Parquet file for the rows that are refused, with the reason of each; None to count them only.
        follow: Whether to take the labels of a topic as they come, until SIGTERM or Ctrl-C.
        group: Name of the group whose positions in a topic are kept; empty for one of this model and store.
        store_seconds: Longest time from a label of a topic that is followed to the store, in seconds.
        column_names: Column names of a CSV, in place of its header if it has one.
        header: Whether the first line of a CSV holds the names.
        delimiter: Field separator of a CSV; empty to detect it.
        encoding: Text encoding of a CSV; empty to detect it.
        skip_lines: Lines of a CSV before its header; negative to detect them.
        comment: What a comment line of a CSV begins with; empty to detect it.
        now: The time of receipt, with a time zone; None for the clock's. A report counts the labels that were received
            in its window: who replays history gives the time of then, oldest first.

    Returns:
        What became of the labels.

    Raises:
        MissingError: If the model or the table does not exist.
        InputError: If the table cannot be read or lacks a column, or ``now`` has no time zone or is to come.
        StoreError: If the store cannot be reached.
    """
    from headrace.core.base.files import whole  # noqa: PLC0415 - polars is slow to import
    from headrace.core.contracts.contract_yaml import load as load_contract  # noqa: PLC0415 - as above
    from headrace.core.readers.ingest import ingest_table  # noqa: PLC0415 - as above
    from headrace.core.tables import parquet_table  # noqa: PLC0415 - as above
    from headrace.core.tables.source import ReadOptions  # noqa: PLC0415 - as above
    from headrace.monitoring.labels.label_intake import take_labels  # noqa: PLC0415 - as above
    from headrace.monitoring.labels.label_store import LabelStore  # noqa: PLC0415 - as above
    from headrace.monitoring.labels.label_table import LabelColumns  # noqa: PLC0415 - as above
    from headrace.monitoring.windows.window_store import WindowStore  # noqa: PLC0415 - as above
    from headrace.stores.objects.open_objects import open_objects  # noqa: PLC0415 - as above
    from headrace.stores.sources.open_source import open_source  # noqa: PLC0415 - as above
    from headrace.streams.topic_address import find_topic, require_name  # noqa: PLC0415 - as above

    clock = dt.datetime.now(dt.UTC)
    if now is not None and (now.tzinfo is None or now > clock):
        raise InputError(f"now must be a time with a time zone, and not to come; got {now.isoformat()} instead.")
    with open_model(model) as bundle:
        name, contract = bundle.name, load_contract(bundle.folder / "contract.yaml")
    columns = LabelColumns(request_id_column, row_column, actual_column, observed_column)
    topic = find_topic(table) if isinstance(table, str) else None
    options = ReadOptions(
        column_names=tuple(column_names),
        header=header,
        delimiter=field_separator(delimiter),
        encoding=encoding,
        skip_lines=skip_lines,
        comment=comment,
    )
    if topic is not None:
        if now is not None:
            raise InputError(f"now is for a table; labels of the topic {quote(str(table)[:200])} are received as read.")
        if options.for_csv_only:
            raise InputError(
                f"the option {options.for_csv_only[0]} is for CSV only; omit it, for the labels of the topic "
                f"{quote(str(table)[:200])} are JSON."
            )
        given = _TopicOptions(topic, follow, require_name("--group", group) if group else "", store_seconds)
        return _add_topic(given, open_objects(str(store), create=True), name, contract, columns, refused)
    if follow or group:
        raise InputError(f"--follow and --group are for a topic of labels; {quote(str(table)[:200])} is a table.")
    with table_address(table) as source, tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        folder = Path(scratch) / "labels"
        ingest_table(open_source(source), folder=folder, options=options, report=lambda _: None)
        frame = parquet_table.read(folder)
        place = open_objects(str(store), create=True)
        counts, refused_rows = take_labels(
            frame,
            contract,
            rows=WindowStore(place, name),
            labels=LabelStore(place, name),
            now=now or clock,
            columns=columns,
        )
        if refused is not None:
            with whole(Path(refused)) as part:
                refused_rows.write_parquet(part)
    return counts


@dataclass(frozen=True)
class _TopicOptions:
    """How a topic is read; see ``add_labels``."""

    topic: "TopicAddress"
    follow: bool
    group: str
    store_seconds: float


def _add_topic(
    source: _TopicOptions,
    place: "StorePlace",
    name: str,
    contract: "Contract",
    columns: "LabelColumns",
    refused: str | Path | None,
) -> "LabelCounts":
    """Store the labels of a topic."""
    from headrace.core.base.files import whole  # noqa: PLC0415 - polars is slow to import
    from headrace.monitoring.labels.label_store import LabelStore  # noqa: PLC0415 - as above
    from headrace.monitoring.labels.label_topic import LabelTopic  # noqa: PLC0415 - as above
    from headrace.monitoring.windows.reader_group import name_group  # noqa: PLC0415 - as above
    from headrace.monitoring.windows.window_store import WindowStore  # noqa: PLC0415 - as above
    from headrace.streams.open_reader import open_reader  # noqa: PLC0415 - as above

    if source.follow and refused is not None:
        raise InputError(
            "refused labels of a topic that is followed are counted by their reasons; --refused writes those of a run "
            "that ends: leave out --follow, or --refused."
        )
    group = source.group or name_group("labels", place, name)
    rows, labels = WindowStore(place, name), LabelStore(place, name)
    with open_reader(source.topic, group=group, start="group") as reader:
        taking = LabelTopic(reader, contract, rows, labels, columns, keeps_refused=refused is not None)
        if source.follow:
            with noted_signals() as ended:
                taking.follow(ended.is_set, seconds=source.store_seconds)
        else:
            taking.take_all()
    if refused is not None:
        with whole(Path(refused)) as part:
            taking.collect_refused().write_parquet(part)
    return taking.counts
