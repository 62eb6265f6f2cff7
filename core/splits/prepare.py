"""A big table in one pass: read, checked, given row features and split, in memory that does not grow with it.

The functions are those of the separate steps, so that both ways give the same rows and counts.
"""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from headrace.core.base.notes import Note, as_json, from_json
from headrace.core.contracts.contract import Contract
from headrace.core.contracts.contract_yaml import load
from headrace.core.features import row_features
from headrace.core.readers.table_reader import TableReader
from headrace.core.runtime.background import BackgroundWriter, ahead
from headrace.core.runtime.step_events import progress
from headrace.core.splits.split_plan import SplitPlan, plan
from headrace.core.splits.split_table import SplitWriter, split_table
from headrace.core.tables.parquet_table import TableWriter
from headrace.core.tables.row_blocks import BLOCK_BYTES
from headrace.core.tables.source import ReadOptions, Source
from headrace.core.validation.accumulator import TableAccumulator
from headrace.core.validation.block import check_block
from headrace.core.validation.report import require
from headrace.core.validation.row_digest import DIGEST, KEY_DIGEST, with_digests
from headrace.core.validation.table import conclude


@dataclass(frozen=True)
class PreparedPaths:
    """Where a prepared table goes.

    Attributes:
        train_table: Folder of the train part.
        test_table: Folder of the test part, without the target.
        test_actuals: Folder of the test part's target alone, in the same order.
        quarantine: Folder of the bad rows, as they were read, with their numbers and reasons.
        checks: JSON file of what was found.
    """

    train_table: Path
    test_table: Path
    test_actuals: Path
    quarantine: Path
    checks: Path


@dataclass(frozen=True)
class _Job:
    """One table to prepare: where it comes from, what it must be, where it goes, and what was noted of it before."""

    reading: TableReader
    contract: Contract
    outputs: PreparedPaths
    notes: Sequence[Note]


def prepare_table(  # noqa: PLR0913 - the component's parameters
    source: Source,
    *,
    contract: Path | str,
    outputs: PreparedPaths,
    options: ReadOptions | None = None,
    method: str = "",
    test_size: float = 0.2,
    seed: int = 0,
    cut: str = "",
    block_bytes: int = BLOCK_BYTES,
    notes: Sequence[Note] = (),
) -> dict[str, dict[str, Any]]:
    """Read, check, engineer and split a table in one pass; a split by time without a cut takes a second pass.

    Args:
        source: Where the rows come from.
        contract: Contract file; its missing values count, and its personal columns are hashed as it says.
        outputs: What is written.
        options: How the source is read, apart from missing values and hashed columns; a CSV without a header has the
            contract's columns unless it names others.
        method: ``random``, ``stratified``, ``time`` or ``group``; empty for what the contract suggests.
        test_size: Share of rows for the test part.
        seed: Seed of the split.
        cut: The cut of an earlier split, to repeat it; see ``split.Plan``.
        block_bytes: Size of the blocks of text, about.
        notes: What was noted when the contract was inferred.

    Returns:
        Metadata by name: ``source`` as ``ingest_table`` tells it, ``checks`` with the counts of rows,
        ``quarantine`` with its rows, and ``train_table``, ``test_table`` and ``test_actuals`` as ``split_table`` tells
        them.

    Raises:
        InputError: If the source cannot be read or a parameter is out of range.
        DataError: If a rule of severity ``stop`` is broken, or too few rows are left, or a part has too few rows or
            classes; checks and quarantine are written before.
    """
    agreed = load(contract)
    chosen = plan(agreed, method=method, test_size=test_size, seed=seed, cut=cut)
    reading = TableReader(source, _options(options or ReadOptions(), agreed), block_bytes=block_bytes)
    job = _Job(reading, agreed, outputs, notes)
    if chosen.method == "time" and not chosen.cut:
        return _split_later(job, chosen, contract)
    tally = TableAccumulator(agreed)
    counted = tally.keys if agreed.keys else tally.rows
    with SplitWriter(
        agreed, chosen, outputs.train_table, outputs.test_table, outputs.test_actuals, counted=counted
    ) as parts:
        told = _pass(job, tally, parts.add)
        return {**told, **parts.finish()}


def _options(options: ReadOptions, contract: Contract) -> ReadOptions:
    hashed = [column.name for column in contract.columns if column.personal == "hash"]
    names = () if options.header else tuple(column.name for column in contract.columns)
    return replace(
        options,
        names=options.names or names,
        missing_values=contract.missing_values,
        listed=contract.marked,
        hash=tuple(dict.fromkeys((*options.hash, *hashed))),
    )


def _split_later(job: _Job, chosen: SplitPlan, contract: Path | str) -> dict[str, dict[str, Any]]:
    """Put the rows aside until all their times are known."""
    with tempfile.TemporaryDirectory(prefix="headrace-") as folder:
        valid = Path(folder) / "valid"
        with TableWriter(valid) as writer:
            told = _pass(
                job,
                TableAccumulator(job.contract),
                lambda frame: writer.write(frame.drop(DIGEST, KEY_DIGEST, strict=False)),
            )
        split = split_table(
            valid,
            contract=contract,
            train_table=job.outputs.train_table,
            test_table=job.outputs.test_table,
            test_actuals=job.outputs.test_actuals,
            method=chosen.method,
            test_size=chosen.test_size,
            seed=chosen.seed,
        )
    return {**told, **split}


def _pass(job: _Job, tally: TableAccumulator, write: Callable[[pl.DataFrame], None]) -> dict[str, dict[str, Any]]:
    """Read and check all rows; ``write`` gets the valid ones of each block with their features and digests."""
    reading, contract, row = job.reading, job.contract, 1
    with (
        TableWriter(job.outputs.quarantine) as bad,
        BackgroundWriter() as behind,
        closing(ahead(reading.frames())) as frames,
    ):
        for frame in frames:
            block = check_block(frame, contract, first_row=row)
            row += frame.height
            progress("prepare", f"{row - 1:,} rows")
            digested = with_digests(block.valid, contract)
            tally.add(block, digested)
            behind.do(bad.write, block.quarantine)
            behind.do(lambda rows: write(row_features.add(rows, contract)), digested)
    facts = reading.facts()
    before = [*job.notes, *from_json(facts.get("notes", []))]
    found, noted = conclude(tally, contract, checks=job.outputs.checks, notes=before)
    require(tally, contract, found)
    return {
        "source": facts,
        "checks": {**tally.facts(), "rules": len(found), "notes": as_json(noted)},
        "quarantine": {"rows": tally.counts.quarantined},
    }
