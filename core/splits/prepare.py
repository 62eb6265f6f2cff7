"""Preparation of a big table in one pass: read, validated, given row features and split, in constant memory.

It uses the functions of the separate steps, so that both give the same rows and counts.
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
from headrace.core.runtime.background import BackgroundWriter, prefetch
from headrace.core.runtime.step_events import progress
from headrace.core.splits.split_plan import SplitPlan, plan
from headrace.core.splits.split_table import SplitWriter, split_table
from headrace.core.tables.parquet_table import TableWriter
from headrace.core.tables.row_blocks import BLOCK_BYTES
from headrace.core.tables.source import ReadOptions, Source
from headrace.core.validation.accumulator import TableAccumulator
from headrace.core.validation.block import validate_block
from headrace.core.validation.report import raise_on_stop
from headrace.core.validation.row_digest import DIGEST, KEY_DIGEST, with_digests
from headrace.core.validation.table import write_checks


@dataclass(frozen=True)
class PreparedPaths:
    """Outputs of the preparation.

    Attributes:
        train_table: Folder of the train part.
        test_table: Folder of the test part, without the target.
        test_actuals: Folder of the test part's target alone, in the same order.
        quarantine: Folder of the quarantined rows, as they were read, with their numbers and reasons.
        checks: JSON file of the checks.
    """

    train_table: Path
    test_table: Path
    test_actuals: Path
    quarantine: Path
    checks: Path


@dataclass(frozen=True)
class _Job:
    """One table to prepare: source, contract, outputs, and earlier notes."""

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
    """Read, check, engineer and split a table in one pass; a split by time without a cut takes two.

    Args:
        source: The table.
        contract: Contract file; its missing values count, and its personal columns are hashed as it says.
        outputs: The files and folders to write.
        options: How the source is read, apart from missing values and hashed columns; a CSV without a header has the
            contract's columns unless the options name others.
        method: ``random``, ``stratified``, ``time`` or ``group``; empty for what the contract suggests.
        test_size: Share of rows for the test part.
        seed: Seed of the split.
        cut: The cut of an earlier split, to repeat it; see ``SplitPlan``.
        block_bytes: Approximate size of the blocks of text, in bytes.
        notes: Notes from the inference of the contract.

    Returns:
        Metadata by name: ``source`` as ``ingest_table`` returns it, ``checks`` with the counts of rows,
        ``quarantine`` with its rows, and ``train_table``, ``test_table`` and ``test_actuals`` as ``split_table``
        returns them.

    Raises:
        InputError: If the source cannot be read or a parameter is out of range.
        DataError: If a rule of severity ``stop`` is broken, too few rows remain, or a part has too few rows or classes;
            checks and quarantine are written before.
    """
    loaded = load(contract)
    chosen = plan(loaded, method=method, test_size=test_size, seed=seed, cut=cut)
    reading = TableReader(source, _options(options or ReadOptions(), loaded), block_bytes=block_bytes)
    job = _Job(reading, loaded, outputs, notes)
    if chosen.method == "time" and not chosen.cut:
        return _split_later(job, chosen, contract)
    accumulator = TableAccumulator(loaded)
    duplicates = accumulator.keys if loaded.keys else accumulator.rows
    with SplitWriter(
        loaded, chosen, outputs.train_table, outputs.test_table, outputs.test_actuals, duplicates=duplicates
    ) as parts:
        metadata = _pass(job, accumulator, parts.add)
        return {**metadata, **parts.finish()}


def _options(options: ReadOptions, contract: Contract) -> ReadOptions:
    hashed = [column.name for column in contract.columns if column.personal == "hash"]
    names = () if options.header else tuple(column.name for column in contract.columns)
    return replace(
        options,
        column_names=options.column_names or names,
        missing_values=contract.missing_values,
        listed=contract.columns_listing_marks,
        hash_columns=tuple(dict.fromkeys((*options.hash_columns, *hashed))),
    )


def _split_later(job: _Job, chosen: SplitPlan, contract: Path | str) -> dict[str, dict[str, Any]]:
    """Store the rows until all their times are known, then split them."""
    with tempfile.TemporaryDirectory(prefix="headrace-") as folder:
        valid = Path(folder) / "valid"
        with TableWriter(valid) as writer:
            metadata = _pass(
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
    return {**metadata, **split}


def _pass(job: _Job, accumulator: TableAccumulator, write: Callable[[pl.DataFrame], None]) -> dict[str, dict[str, Any]]:
    """Read and validate all rows; ``write`` gets the valid ones of each block with their features and digests."""
    reading, contract, row = job.reading, job.contract, 1
    with (
        TableWriter(job.outputs.quarantine) as bad,
        BackgroundWriter() as background,
        closing(prefetch(reading.frames())) as frames,
    ):
        for frame in frames:
            block = validate_block(frame, contract, first_row=row)
            row += frame.height
            progress("prepare", f"{row - 1:,} rows")
            digested = with_digests(block.valid, contract)
            accumulator.add(block, digested)
            background.do(bad.write, block.quarantine)
            background.do(lambda rows: write(row_features.add(rows, contract)), digested)
    facts = reading.facts()
    earlier_notes = [*job.notes, *from_json(facts.get("notes", []))]
    violations, all_notes = write_checks(accumulator, contract, checks=job.outputs.checks, notes=earlier_notes)
    raise_on_stop(accumulator, contract, violations)
    return {
        "source": facts,
        "checks": {**accumulator.facts(), "rules": len(violations), "notes": as_json(all_notes)},
        "quarantine": {"rows": accumulator.counts.quarantined},
    }
