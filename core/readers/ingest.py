"""Ingestion: a source becomes the raw table, with metadata on its origin."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from headrace.core.readers.table_reader import TableReader
from headrace.core.runtime.background import prefetch
from headrace.core.runtime.step_events import progress
from headrace.core.tables.parquet_table import TableWriter
from headrace.core.tables.row_blocks import BLOCK_BYTES
from headrace.core.tables.source import ReadOptions, Source


def _report_progress(text: str) -> None:
    progress("ingest", text)


def ingest_table(
    source: Source,
    *,
    folder: Path,
    options: ReadOptions | None = None,
    block_bytes: int = BLOCK_BYTES,
    report: Callable[[str], None] = _report_progress,
) -> dict[str, Any]:
    """Write a source as the raw table, in bounded memory.

    Columns of a CSV stay texts, because the contract decides on types; other sources keep their types.

    Args:
        source: Where the rows come from.
        folder: The table to write; it appears only when it is complete.
        options: Options of the reader.
        block_bytes: Approximate size of the blocks of text.
        report: Called with the number of rows so far, as text; as the step's progress unless another is given.

    Returns:
        The table's metadata: ``rows``, ``columns``, ``bytes``, ``source``, ``digest`` (SHA-256 of the source's bytes;
        of its rows for a query), ``time`` (UTC) and, where the user chose options, ``read`` (JSON).

    Raises:
        MissingError: If the source does not exist.
        InputError: If it cannot be read as a table.
        DataError: If it has no rows.
    """
    reader = TableReader(source, options or ReadOptions(), block_bytes=block_bytes)
    with TableWriter(folder) as writer, closing(prefetch(reader.frames())) as frames:
        for frame in frames:
            writer.hints = reader.hints()
            writer.write(frame)
            report(f"{writer.rows:,} rows")
    return reader.facts()
