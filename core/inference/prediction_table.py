"""The table of predictions: what stands in its columns."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.contracts.contract import Contract
from headrace.core.inference.engine import Floats
from headrace.core.inference.scorer import Scorer
from headrace.core.validation.row_rules import Rule
from headrace.core.validation.scoring import ScoringValidation

ROW, LABEL, VALUE, STATUS, VIOLATIONS, DIGEST = "row", "label", "value", "status", "violations", "model_digest"
SCORED, REFUSED = "scored", "refused"
_STATUSES = (REFUSED, SCORED)


def table(
    raw: pl.DataFrame, judged: ScoringValidation, scores: Floats | None, *, scorer: Scorer, first_row: int = 1
) -> pl.DataFrame:
    """The predictions for some rows.

    Args:
        raw: The rows (n) as they were read.
        judged: What the contract says of them.
        scores: Scores of those that are not refused, in order; None if all are.
        scorer: The model.
        first_row: Number of the first row in the table.

    Returns:
        A row for each row. Texts that repeat are Enums or Categorical, which readers of Parquet see as texts.
    """
    there = (~judged.refused).to_numpy()
    own = [
        *_answers(scorer, scores, there),
        _same(STATUS, _STATUSES, 1, raw.height) if there.all() else _repeating(STATUS, _STATUSES, there),
        _violations(judged.broken, raw.height),
        _same(DIGEST, (scorer.digest,), 0, raw.height),
    ]
    taken = {ROW, *(column.name for column in own)}
    rows = pl.int_range(first_row, first_row + raw.height, dtype=pl.Int64, eager=True).alias(ROW)
    ids = [raw.get_column(name) for name in identifying(scorer.contract) if name in raw.columns]
    return pl.DataFrame([rows, *_rename_taken(ids, taken), *own])


def identifying(contract: Contract) -> tuple[str, ...]:
    """Columns that name a row: keys and ids; personal ones only where the contract keeps them."""
    return tuple(
        column.name
        for column in contract.columns
        if (column.role == "id" or column.name in contract.keys)
        and column.personal in {"", "keep"}
        and column.role != "target"
    )


def _rename_taken(ids: list[pl.Series], taken: set[str]) -> Iterator[pl.Series]:
    """The ids under names of their own: one that a prediction's column has gets ``input_`` before it."""
    for values in ids:
        name = values.name
        while name in taken:
            name = f"input_{name}"
        taken.add(name)
        yield values.alias(name)


def _answers(scorer: Scorer, scores: Floats | None, there: NDArray[np.bool_]) -> Iterator[pl.Series]:
    if not scorer.classes:
        yield _spread(VALUE, scores, there)
        return
    yield _repeating(LABEL, scorer.classes, _places(scorer, scores, there))
    for place, name in enumerate(scorer.classes):
        yield _spread(f"probability_{name}", None if scores is None else scores[:, place], there)


def _places(scorer: Scorer, scores: Floats | None, there: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Places (n,) of the labels; the one behind the last where a row was not scored."""
    if scores is not None and len(scores) == len(there):
        return scorer.choose_classes(scores)
    places = np.full(len(there), len(scorer.classes), dtype=np.int64)
    if scores is not None:
        places[there] = scorer.choose_classes(scores)
    return places


def _spread(name: str, values: Floats | None, there: NDArray[np.bool_]) -> pl.Series:
    """Values of the rows that were scored in the places of all rows; missing in the others."""
    if values is not None and len(values) == len(there):
        return pl.Series(name, np.ascontiguousarray(values))
    full = np.full(len(there), np.nan)
    if values is not None:
        full[there] = values
    return pl.Series(name, full).fill_nan(None)


def _repeating(name: str, texts: Sequence[str], places: NDArray[Any]) -> pl.Series:
    """A column of few texts, by their places; missing at the place behind the last."""
    return pl.Series(name, [*texts, None], dtype=pl.Enum(texts)).gather(pl.Series(places.astype(np.int64, copy=False)))


def _same(name: str, texts: Sequence[str], place: int, rows: int) -> pl.Series:
    """The same column where all places are one; faster to make."""
    return pl.Series(name, [*texts, None], dtype=pl.Enum(texts)).new_from_index(place, rows)


def _violations(broken: Mapping[Rule, pl.Series], rows: int) -> pl.Series:
    """The rules that each row breaks, as in a quarantine table; missing where it breaks none."""
    if not broken:
        return pl.Series(VIOLATIONS, [None], dtype=pl.Categorical).new_from_index(0, rows)
    texts = [pl.when(mask).then(pl.lit(f"{rule}:{column}")) for (rule, column), mask in broken.items()]
    told = pl.concat_str(texts, separator="; ", ignore_nulls=True)
    return pl.select(pl.when(told != "").then(told).cast(pl.Categorical).alias(VIOLATIONS)).to_series()
