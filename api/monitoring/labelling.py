"""Take what turned out to be true of the rows that a model has scored."""

import datetime as dt
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.api.model_reference import ModelReference, open_model
from headrace.api.tables import TableReference, table_address
from headrace.api.training_arguments import field_separator

if TYPE_CHECKING:
    from headrace.monitoring.labels.label_intake import LabelCounts


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
    column_names: Sequence[str] = (),
    header: bool = True,
    delimiter: str = "",
    encoding: str = "",
    skip_lines: int = -1,
    comment: str = "",
) -> "LabelCounts":
    """Store labels of rows that a model has scored, as ``headrace labels`` does.

    Args:
        model: A ``Run`` or a ``Bundle``, a folder of one, a store URI, or ``NAME@VERSION``; it gives the contract.
        table: Path, folder, glob, ``http(s)://``, ``s3://`` or SQL address; or a data frame (n rows, p columns).
        store: The monitoring store, a folder or ``s3://BUCKET/PREFIX``.
        actual_column: Column of what was true; empty for the contract's target.
        request_id_column: Column of the request's id; a table without it names rows by the contract's keys.
        row_column: Column of the position in the request; without it, the first row of each request is meant.
        observed_column: Column of the time at which it was true, or became known; the table may lack it.
        refused: Parquet file for the rows that are refused, with the reason of each; None to count them only.
        column_names: Column names of a CSV, in place of its header if it has one.
        header: Whether the first line of a CSV holds the names.
        delimiter: Field separator of a CSV; empty to detect it.
        encoding: Text encoding of a CSV; empty to detect it.
        skip_lines: Lines of a CSV before its header; negative to detect them.
        comment: What a comment line of a CSV begins with; empty to detect it.

    Returns:
        What became of the labels.

    Raises:
        MissingError: If the model or the table does not exist.
        InputError: If the table cannot be read, or lacks a column.
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

    with open_model(model) as bundle:
        name, contract = bundle.name, load_contract(bundle.folder / "contract.yaml")
    options = ReadOptions(
        column_names=tuple(column_names),
        header=header,
        delimiter=field_separator(delimiter),
        encoding=encoding,
        skip_lines=skip_lines,
        comment=comment,
    )
    with table_address(table) as source, tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        folder = Path(scratch) / "labels"
        ingest_table(open_source(source), folder=folder, options=options)
        frame = parquet_table.read(folder)
        place = open_objects(str(store), create=True)
        counts, refused_rows = take_labels(
            frame,
            contract,
            rows=WindowStore(place, name),
            labels=LabelStore(place, name),
            now=dt.datetime.now(dt.UTC),
            columns=LabelColumns(request_id_column, row_column, actual_column, observed_column),
        )
        if refused is not None:
            with whole(Path(refused)) as part:
                refused_rows.write_parquet(part)
    return counts
