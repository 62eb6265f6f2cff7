"""Batch scoring: a table of any size through a model, in memory that does not grow with it."""

import functools
import operator
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import polars as pl

from headrace.core import casts, features, matrix, rules
from headrace.core.check import marked
from headrace.core.contract import Column, Contract
from headrace.core.errors import DataError, InputError, shown
from headrace.core.files import whole
from headrace.core.overlap import ahead
from headrace.core.reading import Reading
from headrace.core.rules import Rule
from headrace.core.scorer import Scorer
from headrace.core.source import ReadOptions, Source
from headrace.core.steps import progress
from headrace.core.suspects import marks, summary, suspected
from headrace.core.tables import Writer, parts

BLOCK_BYTES = 32 << 20
ROW, STATUS, VIOLATIONS, DIGEST = "row", "status", "violations", "model_digest"
_REFUSING = frozenset({"quarantine", "stop"})


@dataclass(frozen=True)
class Judged:
    """Rows of a block against the contract.

    Attributes:
        table: Typed rows, all of them, with the contract's inputs.
        broken: Where each rule is broken; rules that no row breaks are absent.
        refused: Which rows get no prediction (n,).
    """

    table: pl.DataFrame
    broken: Mapping[Rule, pl.Series]
    refused: pl.Series


def score_table(
    source: Source,
    *,
    scorer: Scorer,
    output: Path,
    options: ReadOptions | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> dict[str, Any]:
    """Write a prediction for each row of a table, in its order.

    Args:
        source: The table; it needs the contract's inputs, and may hold other columns.
        scorer: The model.
        output: A folder of Parquet parts, or a file that ends in ``.parquet`` or ``.csv``. It appears when it is whole,
            in place of an older one. Its columns: ``row`` (from 1 on), the contract's keys and ids, ``label`` and
            ``probability_CLASS``, or ``value``; ``status`` (``scored`` or ``refused``), ``violations`` (rules and
            columns) and ``model_digest``.
        options: How the source is read.
        block_bytes: Size of the blocks of text, about.

    Returns:
        ``rows``, ``scored``, ``refused``, ``warned`` and ``digest`` of the model.

    Raises:
        InputError: If the source cannot be read, or ``output`` cannot be written.
        DataError: If a column that the model needs is absent, or the table has no rows.
    """
    counts = {"rows": 0, "scored": 0, "refused": 0, "warned": 0}
    numbers = tuple(column.name for column in scorer.contract.inputs if column.dtype == "number")
    reading = Reading(source, replace(options or ReadOptions(), numbers=numbers), block_bytes=block_bytes)
    with _written(output) as writer, closing(ahead(reading.frames(), depth=2)) as frames:
        for frame in frames:
            found = scored(frame, scorer, first_row=counts["rows"] + 1)
            _count(counts, found)
            writer.write(found)
            progress("score", f"{counts['rows']:,} rows")
    return {**counts, "digest": scorer.digest}


def scored(frame: pl.DataFrame, scorer: Scorer, *, first_row: int = 1) -> pl.DataFrame:
    """The predictions for some raw rows.

    Args:
        frame: Raw rows (n), of any dtypes.
        scorer: The model.
        first_row: Number of the first of them in the table.

    Returns:
        Predictions (n rows); see ``score_table``.

    Raises:
        DataError: If a column that the model needs is absent.
    """
    judged = judge(frame, scorer.contract)
    taken = ~judged.refused
    rows = features.add(judged.table.filter(taken) if judged.refused.any() else judged.table, scorer.contract)
    scores = scorer.scores(matrix.encode(rows, scorer.contract)) if rows.height else None
    status = pl.select(pl.when(taken).then(pl.lit("scored")).otherwise(pl.lit("refused")).alias(STATUS)).to_series()
    return pl.DataFrame(
        [
            pl.int_range(first_row, first_row + frame.height, dtype=pl.Int64, eager=True).alias(ROW),
            *(frame.get_column(name) for name in _identifying(scorer.contract) if name in frame.columns),
            *_answers(scorer, scores, taken),
            status,
            _violations(judged.broken, frame.height),
            pl.repeat(scorer.digest, frame.height, dtype=pl.String, eager=True).alias(DIGEST),
        ]
    )


def judge(frame: pl.DataFrame, contract: Contract) -> Judged:
    """Hold raw rows against the contract, as the door of a server does, for all of them at once.

    Raises:
        DataError: If an input column is absent, unless the contract only warns of that.
    """
    absent = [column.name for column in contract.inputs if column.name not in frame.columns]
    if absent and contract.severity("columns") in _REFUSING:
        raise DataError(
            f"the table must hold each column that the model needs; {shown(absent)} are absent; it holds "
            f"{shown(frame.columns, 300)}."
        )
    frame = frame.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    inputs = contract.inputs
    typed = casts.typed(frame, inputs, missing_values=contract.missing_values)
    table, broken = _marked(marked(typed), inputs, contract, typed.failed)
    strange = [name for (rule, name) in broken if rule == "category" and table.schema[name] == pl.String]
    if strange:
        unmasked = casts.unmasked(table, strange, missing_values=contract.missing_values)
        table, broken = _marked(unmasked, inputs, contract, typed.failed)
    broken |= _missing(table, contract)
    aside = [mask for (rule, _), mask in broken.items() if contract.severity(rule) in _REFUSING]
    refused = functools.reduce(operator.or_, aside) if aside else pl.repeat(False, frame.height, eager=True)
    return Judged(table.select(column.name for column in inputs), broken, refused)


def _marked(
    table: pl.DataFrame, inputs: tuple[Column, ...], contract: Contract, failed: Mapping[str, pl.Series]
) -> tuple[pl.DataFrame, dict[Rule, pl.Series]]:
    flags = suspected(contract, inputs, facts=summary(table, inputs), failed=failed)
    return table, marks(table, flags)


def _missing(table: pl.DataFrame, contract: Contract) -> dict[Rule, pl.Series]:
    """Where a value is missing that must not be; one that could not be cast breaks the rule ``type`` already."""
    found = {}
    for column in contract.inputs:
        if column.missing == 0 and column.role != "ignore" and contract.severity("missing") != "off":
            mask = table.get_column(column.name).is_null()
            failed = rules.failed_name(column.name)
            mask = mask & ~table.get_column(failed) if failed in table.columns else mask
            if mask.any():
                found["missing", column.name] = mask
    return found


def _identifying(contract: Contract) -> list[str]:
    """Columns that name a row, as they were read; personal ones only where the contract keeps them."""
    named = {column.name for column in contract.columns if column.role == "id"} | set(contract.keys)
    return [
        column.name
        for column in contract.columns
        if column.name in named and column.personal in {"", "keep"} and column.role != "target"
    ]


def _answers(scorer: Scorer, scores: Any, taken: pl.Series) -> Iterator[pl.Series]:
    there = taken.to_numpy()
    if not scorer.classes:
        yield _spread("value", scores, there)
        return
    places = np.full(len(there), -1, dtype=np.int64)
    if scores is not None:
        places[there] = scorer.chosen(scores)
    names = pl.Series("label", [*scorer.classes, None], dtype=pl.String)
    yield names.gather(np.where(places < 0, len(scorer.classes), places))
    for place, name in enumerate(scorer.classes):
        yield _spread(f"probability_{name}", None if scores is None else scores[:, place], there)


def _spread(name: str, values: Any, there: Any) -> pl.Series:
    """Values of the rows that were scored in the places of all rows; missing in the others."""
    if values is not None and len(values) == len(there):
        return pl.Series(name, np.ascontiguousarray(values))
    full = np.full(len(there), np.nan)
    if values is not None:
        full[there] = values
    return pl.Series(name, full).fill_nan(None)


def _violations(broken: Mapping[Rule, pl.Series], rows: int) -> pl.Series:
    if not broken:
        return pl.repeat(None, rows, dtype=pl.String, eager=True).alias(VIOLATIONS)
    texts = [pl.when(mask).then(pl.lit(f"{rule}:{column}")) for (rule, column), mask in broken.items()]
    told = pl.select(pl.concat_str(texts, separator="; ", ignore_nulls=True).alias(VIOLATIONS)).to_series()
    return told.replace({"": None})


def _count(counts: dict[str, int], found: pl.DataFrame) -> None:
    refused = int((found.get_column(STATUS) == "refused").sum())
    counts["rows"] += found.height
    counts["refused"] += refused
    counts["scored"] += found.height - refused
    counts["warned"] += found.height - found.get_column(VIOLATIONS).null_count() - refused


def _written(output: Path) -> "Writer | _File":
    ending = output.suffix.lower()
    if ending in {".parquet", ".csv"}:
        return _File(output)
    if output.is_file():
        raise InputError(f"{output} must be a folder, or a file that ends in .parquet or .csv; it is another file.")
    return Writer(output)


class _File:
    """Writes parts as a table does, and joins them to one file at the end."""

    def __init__(self, path: Path) -> None:
        if path.is_dir():
            raise InputError(f"{path} must be a file; it is a folder.")
        self._path = path
        self._folder = path.with_name(f".{path.name[:80]}.parts")
        self._writer = Writer(self._folder)

    def __enter__(self) -> Writer:
        return self._writer.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)
        if kind is not None:
            return
        try:
            with whole(self._path) as part:
                table = pl.scan_parquet(parts(self._folder), glob=False)
                if self._path.suffix.lower() == ".csv":
                    table.sink_csv(part)
                else:
                    table.sink_parquet(part)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
