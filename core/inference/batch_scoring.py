"""Batch scoring: a table of any size through a model, in memory that does not grow with it.

Four threads, each a block ahead of the next one: one reads, one validates the rows against the contract and encodes
the matrix, one scores it with the engine, one writes.
"""

import functools
import operator
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Contract
from headrace.core.features import model_matrix, row_features
from headrace.core.inference import prediction_table
from headrace.core.inference.engine import Floats
from headrace.core.inference.prediction_files import open_writer
from headrace.core.inference.scorer import Scorer
from headrace.core.readers.table_reader import TableReader
from headrace.core.runtime.background import BackgroundWriter, prefetch
from headrace.core.runtime.step_events import progress
from headrace.core.tables.source import FileSource, ReadOptions, Source, SourceFile
from headrace.core.validation.scoring import ScoringValidation, validate_for_scoring

# Larger blocks cost more in page faults than they save.
BLOCK_BYTES, BATCH_CELLS = 8 << 20, 1_000_000
# A table of many columns arrives in small blocks; a part for each of them would be too many files.
PART_ROWS = 200_000
# Not a rule of the contract: the model has no finite score for the row.
_ANSWER = "answer"


@dataclass(frozen=True)
class ValidatedRows:
    """Rows that the engine may score.

    Attributes:
        raw: The rows (n), as they were read.
        validation: Which rules of the contract each of them breaks.
        matrix: Model matrix (m, p) of the m rows that are not refused, in order; None if all are refused.
    """

    raw: pl.DataFrame
    validation: ScoringValidation
    matrix: Floats | None


@dataclass(frozen=True)
class ScoredBlock:
    """Predictions for some rows.

    Attributes:
        table: One line per row, in order; see ``score_table`` for its columns.
        refused: Number of rows without a prediction.
        warned: Number of rows with a prediction that break a rule which only warns.
    """

    table: pl.DataFrame
    refused: int
    warned: int


def _report(text: str) -> None:
    progress("score", text)


def score_table(
    source: Source,
    *,
    scorer: Scorer,
    output: Path,
    options: ReadOptions | None = None,
    block_bytes: int = BLOCK_BYTES,
    report: Callable[[str], None] = _report,
) -> dict[str, Any]:
    """Write a prediction for each row of a table, in its order.

    Args:
        source: The table; it needs the contract's inputs, and may hold other columns, which are ignored.
        scorer: The model.
        output: A folder of Parquet parts, or a file that ends in ``.parquet`` or ``.csv``. It appears when it is
            complete, in place of an older one. Its columns: ``row`` (from 1 on), the contract's keys and ids as they
            were read, ``label`` and ``probability_CLASS``, or ``value``; ``status`` (``scored`` or ``refused``),
            ``violations`` (rules and columns) and ``model_digest``.
        options: How the source is read; by default with the contract's missing values.
        block_bytes: Approximate size of the blocks of text, in bytes.
        report: Called with a few words on the progress; by default they become an event of the step.

    Returns:
        ``rows``, ``scored``, ``refused``, ``warned`` and ``digest`` of the model.

    Raises:
        InputError: If the source cannot be read, or ``output`` cannot be written, holds something other than
            predictions, or is a file of the source.
        DataError: If a column that the model needs is absent, or the table has no rows.
    """
    output = output.resolve()
    rows = refused = warned = 0
    unwritten: list[pl.DataFrame] = []
    reading = TableReader(
        _guard_output(source, output),
        _only_needed(options or ReadOptions(missing_values=scorer.contract.missing_values or ("",)), scorer.contract),
        block_bytes=block_bytes,
        digest=False,
    )
    # They close in reverse: each reader before what it reads from, the output last, so that an error leaves no table.
    with (
        open_writer(output) as writer,
        BackgroundWriter() as background,
        closing(prefetch(reading.frames())) as frames,
        closing(prefetch(validate_rows(frame, scorer.contract) for frame in frames)) as blocks,
    ):
        for block in blocks:
            scored = score_block(block, scorer, first_row=rows + 1)
            rows, refused, warned = rows + block.raw.height, refused + scored.refused, warned + scored.warned
            unwritten.append(scored.table)
            if sum(table.height for table in unwritten) >= PART_ROWS:
                background.do(writer.write, pl.concat(unwritten))
                unwritten = []
            report(f"{rows:,} rows")
        if unwritten:
            background.do(writer.write, pl.concat(unwritten))
    return {"rows": rows, "scored": rows - refused, "refused": refused, "warned": warned, "digest": scorer.digest}


def validate_rows(frame: pl.DataFrame, contract: Contract) -> ValidatedRows:
    """Validate raw rows against the contract, and encode the matrix of those that may be scored.

    Args:
        frame: Raw rows (n), of any dtypes.
        contract: The model's contract.

    Returns:
        The rows, with the model matrix (m, p) of the m rows that are not refused.

    Raises:
        DataError: If a column that the model needs is absent.
    """
    validation = validate_for_scoring(frame, contract)
    any_refused = validation.refused.any()
    if any_refused and validation.refused.all():
        return ValidatedRows(frame, validation, None)
    rows = validation.table.filter(~validation.refused) if any_refused else validation.table
    return ValidatedRows(frame, validation, model_matrix.encode(row_features.add(rows, contract), contract))


def score_block(block: ValidatedRows, scorer: Scorer, *, first_row: int = 1) -> ScoredBlock:
    """Score the rows of a block.

    Args:
        block: The rows (n).
        scorer: The model.
        first_row: Number of the first of them in the table, from 1 on.

    Returns:
        Predictions (n rows).
    """
    scores, validation = _scores(block, scorer)
    return ScoredBlock(
        table=prediction_table.build(block.raw, validation, scores, scorer=scorer, first_row=first_row),
        refused=int(validation.refused.sum()),
        warned=_count_warnings(validation),
    )


def _scores(block: ValidatedRows, scorer: Scorer) -> tuple[Floats | None, ScoringValidation]:
    """Compute the scores (m, k) or (m,) of the rows that are not refused; None if all are refused.

    Rows without a finite score are refused too.
    """
    validation = block.validation
    if block.matrix is None:
        return None, validation
    scores = scorer.scores(block.matrix)
    if np.isfinite(scores).all():
        return scores, validation
    finite = np.isfinite(scores.reshape(len(scores), -1)).all(axis=1)
    without_score = np.zeros(len(validation.refused), dtype=bool)
    without_score[(~validation.refused).to_numpy()] = ~finite
    mask = pl.Series(without_score)
    column = scorer.contract.label_column
    about = column.name if column and not scorer.answers_alerts else "score"
    broken = {**validation.broken, (_ANSWER, about): mask}
    return scores[finite] if finite.any() else None, replace(
        validation, broken=broken, refused=validation.refused | mask
    )


def _count_warnings(validation: ScoringValidation) -> int:
    if not validation.broken:
        return 0
    broken = functools.reduce(operator.or_, validation.broken.values())
    return int((broken & ~validation.refused).sum())


def _only_needed(options: ReadOptions, contract: Contract) -> ReadOptions:
    """Restrict the reading to the columns that the model and the predictions need.

    Numbers are parsed as numbers at once; ids stay as they are written.
    """
    identifying = prediction_table.id_columns(contract)
    plain = [column for column in contract.inputs if not column.format and column.name not in identifying]
    return replace(
        options,
        batch_cells=BATCH_CELLS,
        listed=contract.columns_listing_marks,
        only=tuple(dict.fromkeys((*identifying, *(column.name for column in contract.inputs)))),
        numbers=tuple(column.name for column in plain if column.dtype == "number"),
        integers=tuple(column.name for column in plain if column.dtype == "integer"),
    )


def _guard_output(source: Source, output: Path) -> Source:
    """Return the source, made to raise when it is read from where the predictions would replace it."""
    if not isinstance(source, FileSource):
        return source

    def open_once() -> Generator[SourceFile]:
        with closing(source.opened()) as files:
            for file in files:
                path = file.path.resolve()
                if output == path or output in path.parents:
                    raise InputError(f"the predictions would replace {file.name}, a file of the table; name another.")
                yield file

    return FileSource(source.name, open_once)
