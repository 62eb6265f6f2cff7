"""Batch scoring: a table of any size through a model, in memory that does not grow with it.

Four threads, each a block ahead of the next one: one reads, one holds the rows against the contract and makes the
matrix, one has the engine score it, one writes.
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
from headrace.core.runtime.background import BackgroundWriter, ahead
from headrace.core.runtime.step_events import progress
from headrace.core.tables.source import FileSource, ReadOptions, Source, SourceFile
from headrace.core.validation.scoring import ScoringValidation, judge

# Larger ones cost more in page faults than they save.
BLOCK_BYTES, BATCH_CELLS = 8 << 20, 1_000_000
# A table of many columns comes in small blocks, which would make too many parts.
PART_ROWS = 200_000
# A rule of no contract: the model has no finite answer to the row.
_ANSWER = "answer"


@dataclass(frozen=True)
class ValidatedRows:
    """Rows that the engine may score.

    Attributes:
        raw: The rows (n), as they were read.
        judged: What the contract says of them.
        matrix: Model matrix (m, p) of those that are not refused, in order; None if all are.
    """

    raw: pl.DataFrame
    judged: ScoringValidation
    matrix: Floats | None


@dataclass(frozen=True)
class ScoredBlock:
    """Predictions for some rows.

    Attributes:
        table: A row for each row, in order; see ``score_table``.
        refused: How many have no prediction.
        warned: How many have one, and break a rule that only warns.
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
        source: The table; it needs the contract's inputs, and may hold other columns, which are not looked at.
        scorer: The model.
        output: A folder of Parquet parts, or a file that ends in ``.parquet`` or ``.csv``. It appears when it is whole,
            in place of an older one. Its columns: ``row`` (from 1 on), the contract's keys and ids as they were read,
            ``label`` and ``probability_CLASS``, or ``value``; ``status`` (``scored`` or ``refused``), ``violations``
            (rules and columns) and ``model_digest``.
        options: How the source is read; if not given, with the contract's missing values.
        block_bytes: Size of the blocks of text, about.
        report: Called with a few words on how far it is; if not given, they are an event of the step.

    Returns:
        ``rows``, ``scored``, ``refused``, ``warned`` and ``digest`` of the model.

    Raises:
        InputError: If the source cannot be read, or ``output`` cannot be written, holds something else than
            predictions, or is a file of the source.
        DataError: If a column that the model needs is absent, or the table has no rows.
    """
    output = output.resolve()
    rows = refused = warned = 0
    held: list[pl.DataFrame] = []
    reading = TableReader(
        _apart(source, output),
        _only_needed(options or ReadOptions(missing_values=scorer.contract.missing_values), scorer.contract),
        block_bytes=block_bytes,
        digest=False,
    )
    with (
        open_writer(output) as writer,
        BackgroundWriter() as behind,
        closing(ahead(reading.frames())) as frames,
        closing(ahead(ready(frame, scorer.contract) for frame in frames)) as blocks,
    ):
        for block in blocks:
            found = score_block(block, scorer, first_row=rows + 1)
            rows, refused, warned = rows + block.raw.height, refused + found.refused, warned + found.warned
            held.append(found.table)
            if sum(table.height for table in held) >= PART_ROWS:
                behind.do(writer.write, pl.concat(held))
                held = []
            report(f"{rows:,} rows")
        if held:
            behind.do(writer.write, pl.concat(held))
    return {"rows": rows, "scored": rows - refused, "refused": refused, "warned": warned, "digest": scorer.digest}


def ready(frame: pl.DataFrame, contract: Contract) -> ValidatedRows:
    """Hold raw rows against the contract, and make the matrix of those that may be scored.

    Args:
        frame: Raw rows (n), of any dtypes.
        contract: The model's contract.

    Raises:
        DataError: If a column that the model needs is absent.
    """
    judged = judge(frame, contract)
    some = judged.refused.any()
    if some and judged.refused.all():
        return ValidatedRows(frame, judged, None)
    rows = judged.table.filter(~judged.refused) if some else judged.table
    return ValidatedRows(frame, judged, model_matrix.encode(row_features.add(rows, contract), contract))


def score_block(block: ValidatedRows, scorer: Scorer, *, first_row: int = 1) -> ScoredBlock:
    """The predictions for some rows.

    Args:
        block: The rows (n).
        scorer: The model.
        first_row: Number of the first of them in the table.

    Returns:
        Predictions (n rows).
    """
    scores, judged = _scores(block, scorer)
    return ScoredBlock(
        table=prediction_table.table(block.raw, judged, scores, scorer=scorer, first_row=first_row),
        refused=int(judged.refused.sum()),
        warned=_count_warnings(judged),
    )


def _scores(block: ValidatedRows, scorer: Scorer) -> tuple[Floats | None, ScoringValidation]:
    """Scores of the rows that are not refused; None if all are. Rows without a finite score are refused then."""
    judged = block.judged
    if block.matrix is None:
        return None, judged
    scores = scorer.scores(block.matrix)
    if np.isfinite(scores).all():
        return scores, judged
    sound = np.isfinite(scores.reshape(len(scores), -1)).all(axis=1)
    lost = np.zeros(len(judged.refused), dtype=bool)
    lost[(~judged.refused).to_numpy()] = ~sound
    mask = pl.Series(lost)
    broken = {**judged.broken, (_ANSWER, scorer.contract.target.name): mask}
    return scores[sound] if sound.any() else None, replace(judged, broken=broken, refused=judged.refused | mask)


def _count_warnings(judged: ScoringValidation) -> int:
    if not judged.broken:
        return 0
    broken = functools.reduce(operator.or_, judged.broken.values())
    return int((broken & ~judged.refused).sum())


def _only_needed(options: ReadOptions, contract: Contract) -> ReadOptions:
    """Read what the model and the predictions need, and numbers as numbers at once; ids stay as they are written."""
    named = prediction_table.identifying(contract)
    plain = [column for column in contract.inputs if not column.format and column.name not in named]
    return replace(
        options,
        batch_cells=BATCH_CELLS,
        listed=contract.marked,
        only=tuple(dict.fromkeys((*named, *(column.name for column in contract.inputs)))),
        numbers=tuple(column.name for column in plain if column.dtype == "number"),
        integers=tuple(column.name for column in plain if column.dtype == "integer"),
    )


def _apart(source: Source, output: Path) -> Source:
    """The source, which refuses to be read where the predictions would take its place."""
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
