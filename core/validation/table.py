"""A whole table against its contract, in a stream: valid rows, quarantined rows, checks."""

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
from headrace.core.validation.block import ValidatedBlock, check_block
from headrace.core.validation.report import CheckFinding, findings, report, require
from headrace.core.validation.report_html import checks_page
from headrace.core.validation.row_digest import with_digests

BLOCK_CELLS = 4_000_000
_FEWEST_BLOCK_ROWS = 1_000
_MOST_BYTES_OF_NOTES = 1 << 18


def blocks(folder: Path) -> Iterator[pl.DataFrame]:
    """A table in pieces of at most about four million values."""
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
    """Check a table and part its rows into valid and quarantined ones.

    Args:
        table: Folder of the raw table.
        contract: Contract file.
        valid: Folder of the typed table that is written.
        quarantine: Folder of the bad rows that is written: as they were read, with their numbers and reasons.
        checks: JSON file that is written.
        page: HTML file that is written.
        notes: What was noted while the table was read and its contract inferred.

    Returns:
        ``rows``, ``quarantined`` and ``valid`` counts, ``rules``, the number of rules that are broken, and ``notes``
        about the table, as metadata hold them.

    Raises:
        DataError: If a rule of severity ``stop`` is broken, too many rows were set aside, or too few are left; all
            outputs are written before.
    """
    agreed = load(contract)
    tally = TableAccumulator(agreed)
    with parquet_table.TableWriter(Path(valid)) as good, parquet_table.TableWriter(Path(quarantine)) as bad:
        for block in check_blocks(blocks(Path(table)), agreed, tally):
            good.write(block.valid)
            bad.write(block.quarantine)
    found, noted = conclude(tally, agreed, checks=checks, page=page, notes=notes)
    require(tally, agreed, found)
    return {**tally.facts(), "rules": len(found), "notes": noting.as_json(noted)}


def check_blocks(
    frames: Iterator[pl.DataFrame], contract: Contract, tally: TableAccumulator
) -> Iterator[ValidatedBlock]:
    """Check the blocks of a table one after the other and gather what was found in ``tally``."""
    row = 1
    for frame in frames:
        block = check_block(frame, contract, first_row=row)
        row += frame.height
        tally.add(block, with_digests(block.valid, contract))
        yield block


def conclude(
    tally: TableAccumulator,
    contract: Contract,
    *,
    checks: Path | str,
    page: Path | str = "",
    notes: Sequence[Note] = (),
) -> tuple[list[CheckFinding], list[Note]]:
    """Write what was found in a table.

    Args:
        tally: What was counted.
        contract: The table's contract.
        checks: JSON file that is written.
        page: HTML file that is written; empty for none.
        notes: What was noted while the table was read and its contract inferred.

    Returns:
        The findings and all notes, both worst first.

    Raises:
        DataError: If the table had no rows at all.
    """
    if not tally.counts.rows:
        raise DataError("the table must have rows, but has none; give a table with data.")
    found = findings(tally, contract)
    noted = table_notes.gather(contract, found, tally.counts, notes)
    plain = report(tally, contract, found)
    plain["notes"] = noting.as_json(noted, most_bytes=_MOST_BYTES_OF_NOTES)
    write_json(Path(checks), plain)
    if page:
        write_text(Path(page), checks_page(plain, title=f"Data checks of {contract.name}"))
    return found, noted
