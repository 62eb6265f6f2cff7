"""Validation of a whole table against its contract, in a stream: valid rows, quarantined rows, checks."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from headrace.core.base import notes as noting
from headrace.core.base.errors import DataError
from headrace.core.base.files import write_json, write_text
from headrace.core.base.notes import Note
from headrace.core.contracts.contract import Contract
from headrace.core.contracts.contract_yaml import load
from headrace.core.tables import parquet_table
from headrace.core.validation import table_notes
from headrace.core.validation.accumulator import TableAccumulator
from headrace.core.validation.block import ValidatedBlock, validate_block
from headrace.core.validation.report import CheckFinding, findings, raise_on_stop, report
from headrace.core.validation.report_html import checks_page
from headrace.core.validation.row_digest import with_digests

BLOCK_CELLS = 4_000_000
_FEWEST_BLOCK_ROWS = 1_000
_MOST_BYTES_OF_NOTES = 1 << 18


def blocks(folder: Path) -> Iterator[pl.DataFrame]:
    """Yield the rows of a table in pieces of at most about four million values."""
    for part in parquet_table.parts(folder):
        frame = pl.read_parquet(part, glob=False)
        size = max(_FEWEST_BLOCK_ROWS, BLOCK_CELLS // max(frame.width, 1))
        yield from frame.iter_slices(size) if frame.height else [frame]


def validate_table(
    table: Path | str,
    *,
    contract: Path | str,
    valid: Path | str,
    quarantine: Path | str,
    checks: Path | str,
    page: Path | str,
    notes: Sequence[Note] = (),
) -> dict[str, Any]:
    """Validate a table and separate its valid rows from the quarantined ones.

    Args:
        table: Folder of the raw table.
        contract: Contract file.
        valid: Folder of the typed table that is written.
        quarantine: Folder of the invalid rows that is written: as read, with their numbers and reasons.
        checks: JSON file that is written.
        page: HTML file that is written.
        notes: Notes from reading the table and inferring its contract.

    Returns:
        ``rows``, ``quarantined`` and ``valid`` counts, ``rules``, the number of rules that are broken, and ``notes``
        about the table, as metadata hold them.

    Raises:
        DataError: If a rule of severity ``stop`` is broken, too many rows are quarantined, or too few are left; all
            outputs are written first.
    """
    loaded = load(contract)
    accumulator = TableAccumulator(loaded)
    with (
        parquet_table.TableWriter(Path(valid)) as valid_writer,
        parquet_table.TableWriter(Path(quarantine)) as quarantine_writer,
    ):
        for block in check_blocks(blocks(Path(table)), loaded, accumulator):
            valid_writer.write(block.valid)
            quarantine_writer.write(block.quarantine)
    broken, all_notes = write_checks(accumulator, loaded, checks=checks, page=page, notes=notes)
    raise_on_stop(accumulator, loaded, broken)
    return {**accumulator.facts(), "rules": len(broken), "notes": noting.as_json(all_notes)}


def check_blocks(
    frames: Iterator[pl.DataFrame], contract: Contract, accumulator: TableAccumulator
) -> Iterator[ValidatedBlock]:
    """Validate the blocks of a table one by one and add each to ``accumulator``."""
    row = 1
    for frame in frames:
        block = validate_block(frame, contract, first_row=row)
        row += frame.height
        accumulator.add(block, with_digests(block.valid, contract))
        yield block


def write_checks(
    accumulator: TableAccumulator,
    contract: Contract,
    *,
    checks: Path | str,
    page: Path | str = "",
    notes: Sequence[Note] = (),
) -> tuple[list[CheckFinding], list[Note]]:
    """Write the checks of a table.

    Args:
        accumulator: The statistics of the table.
        contract: The table's contract.
        checks: JSON file that is written.
        page: HTML file that is written; empty for none.
        notes: Notes from reading the table and inferring its contract.

    Returns:
        The findings and all notes, both worst first.

    Raises:
        DataError: If the table has no rows.
    """
    if not accumulator.counts.rows:
        raise DataError("the table must have rows, but has none; give a table with data.")
    broken = findings(accumulator, contract)
    all_notes = table_notes.gather(contract, broken, accumulator.counts, notes)
    document = report(accumulator, contract, broken, noting.select_fitting(all_notes, most_bytes=_MOST_BYTES_OF_NOTES))
    write_json(Path(checks), document.as_json())
    if page:
        write_text(Path(page), checks_page(document, title=f"Data checks of {contract.name}"))
    return broken, all_notes
