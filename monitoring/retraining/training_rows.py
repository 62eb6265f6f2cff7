"""Old and new rows of a model, read and validated against its contract before anything learns from them."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from headrace.core.base.errors import DataError, MissingError
from headrace.core.base.files import write_text
from headrace.core.base.notes import Note
from headrace.core.base.quantities import describe_count
from headrace.core.bundles.bundle import Bundle
from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Contract
from headrace.core.packaging.data_digest import FOLDER
from headrace.core.packaging.provenance_document import Provenance
from headrace.core.readers.ingest import ingest_table
from headrace.core.tables import parquet_table
from headrace.core.tables.source import ReadOptions
from headrace.core.validation.data_checks import DataChecks
from headrace.core.validation.table import validate_table
from headrace.stores.sources.open_source import open_source

_TIME = "time"


@dataclass(frozen=True)
class ValidRows:
    """Rows that keep a contract.

    Attributes:
        frame: n typed rows.
        quarantined: Number of rows that were set aside.
    """

    frame: pl.DataFrame
    quarantined: int


def read_raw_rows(address: str) -> pl.DataFrame:
    """Read a table (n rows) as it stands at a path or an address.

    Raises:
        MissingError: If there is no such table.
        InputError: If it cannot be read as a table.
        DataError: If it has no rows.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        folder = Path(scratch) / "table"
        ingest_table(open_source(address), folder=folder, options=ReadOptions())
        return parquet_table.read(folder)


def read_old_rows(bundle: Bundle, address: str, contract: Contract) -> ValidRows:
    """Read the rows that a model was made from: those in its bundle, or those at an address.

    Args:
        bundle: The model's bundle.
        address: Path or address of its training table; empty for the copy in the bundle, or for the address in its
            provenance.
        contract: The contract to hold them to.

    Raises:
        MissingError: If they are in neither place.
        DataError: If they break the contract.
    """
    copied = () if address else Provenance.from_json(bundle.json("provenance.json")).data.copied
    if copied:
        frames = [pl.read_parquet(bundle.folder / FOLDER / part / "*.parquet") for part in copied]
        rows = pl.concat(frames, how="diagonal")
    else:
        rows = read_raw_rows(address or _recorded_address(bundle))
    return validate_rows(_fill(rows, contract), contract, what="old")


def _recorded_address(bundle: Bundle) -> str:
    source = Provenance.from_json(bundle.json("provenance.json")).table.source
    if "://" in source:
        return source
    raise MissingError(
        f"the bundle {bundle.name} {bundle.digest[:12]} has no copy of its rows (--include-data), and its provenance "
        f"names only {source}: give the training table with --old."
    )


def prepare_new_rows(rows: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Return raw new rows with every column of the contract, where that is possible without inventing an input.

    The time of a request, ``time``, stands for the contract's time column if that is absent.

    Args:
        rows: Raw labelled rows (n).
        contract: The contract, with a time column.

    Raises:
        DataError: If an input, the target or the time is absent, or the model is of anomalies.
    """
    if contract.task == "anomaly":
        raise DataError(
            f"new rows are those whose labels came, and no labels are taken of an anomaly model such as "
            f"{contract.name}: run headrace run on a table with the newest rows instead."
        )
    if contract.time_column not in rows.columns and _TIME in rows.columns:
        rows = rows.rename({_TIME: contract.time_column})
    needed = [contract.time_column, contract.target.name, *(column.name for column in contract.inputs)]
    absent = [name for name in needed if name not in rows.columns]
    if absent:
        raise DataError(
            f"new rows must have the time, the target and every input of the contract {contract.name}; "
            f"{', '.join(absent)} {'is' if len(absent) == 1 else 'are'} absent: add them, or edit the contract."
        )
    return _fill(rows, contract)


def _fill(rows: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Return the rows (n) with the contract's columns alone; one that is absent and no input is missing in each row."""
    inputs = {contract.target.name, *(column.name for column in contract.inputs)}
    names = [column.name for column in contract.typed_columns]
    return rows.select(
        pl.col(name) if name in rows.columns else pl.lit(None, pl.String).alias(name)
        for name in names
        if name in rows.columns or name not in inputs
    )


def validate_rows(rows: pl.DataFrame, contract: Contract, *, what: str) -> ValidRows:
    """Validate raw rows against a contract: rows that break it are set aside, too many of them stop everything.

    Args:
        rows: Raw rows (n).
        contract: The contract.
        what: What messages call the rows: ``old`` or ``new``.

    Raises:
        DataError: If a rule of severity ``stop`` is broken, or more rows are set aside than ``max_quarantined`` allows.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        home = Path(scratch)
        with parquet_table.TableWriter(home / "table") as writer:
            writer.write(rows)
        write_text(home / "contract.yaml", contract_yaml.dump(contract))
        try:
            validate_table(
                home / "table",
                contract=home / "contract.yaml",
                valid=home / "valid",
                quarantine=home / "quarantine",
                checks=home / "checks.json",
                page=home / "checks.html",
            )
        except DataError as error:
            raise DataError(f"the {what} rows are not fit for training, so that nothing is trained: {error}") from error
        counts = DataChecks.read(home / "checks.json").rows
        return ValidRows(parquet_table.read(home / "valid"), counts.quarantined)


def quarantine_notes(old: ValidRows, new: ValidRows) -> Sequence[Note]:
    """Return a note for each part of the rows of which some were set aside."""
    return [
        Note(
            "warning",
            "",
            "quarantined",
            part.quarantined,
            f"{describe_count(part.quarantined, f'{word} row', 'breaks', 'break')} the contract.",
        )
        for word, part in (("old", old), ("new", new))
        if part.quarantined
    ]
