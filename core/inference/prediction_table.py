"""The table of predictions and its columns."""

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
SCORE, ALERT = "score", "alert"
SCORED, REFUSED = "scored", "refused"
_STATUSES = (REFUSED, SCORED)


def build(
    raw: pl.DataFrame, validation: ScoringValidation, scores: Floats | None, *, scorer: Scorer, first_row: int = 1
) -> pl.DataFrame:
    """Build the table of predictions for n rows.

    Args:
        raw: The rows (n) as they were read.
        validation: Which rules of the contract each of them breaks.
        scores: Probabilities (m, k) or values (m,) of the m rows that are not refused, in order; None if all are
            refused.
        scorer: The model.
        first_row: Number of the first row in the table.

    Returns:
        n rows. Texts that repeat are Enums or Categorical, which readers of Parquet see as texts.
    """
    is_scored = (~validation.refused).to_numpy()
    own = [
        *_answers(scorer, scores, is_scored),
        _same(STATUS, _STATUSES, 1, raw.height) if is_scored.all() else _repeating(STATUS, _STATUSES, is_scored),
        _violations(validation.broken, raw.height),
        _same(DIGEST, (scorer.digest,), 0, raw.height),
    ]
    taken = {ROW, *(column.name for column in own)}
    rows = pl.int_range(first_row, first_row + raw.height, dtype=pl.Int64, eager=True).alias(ROW)
    ids = [raw.get_column(name) for name in id_columns(scorer.contract) if name in raw.columns]
    return pl.DataFrame([rows, *_rename_taken(ids, taken), *own])


def id_columns(contract: Contract) -> tuple[str, ...]:
    """Return the columns that identify a row: keys and ids; personal ones only where the contract keeps them."""
    return tuple(
        column.name
        for column in contract.columns
        if (column.role == "id" or column.name in contract.keys)
        and column.personal in {"", "keep"}
        and column.role != "target"
    )


def _rename_taken(ids: list[pl.Series], taken: set[str]) -> Iterator[pl.Series]:
    """Rename ids that share their name with a column of the predictions: they get the prefix ``input_``."""
    for values in ids:
        name = values.name
        while name in taken:
            name = f"input_{name}"
        taken.add(name)
        yield values.alias(name)


def _answers(scorer: Scorer, scores: Floats | None, is_scored: NDArray[np.bool_]) -> Iterator[pl.Series]:
    if scorer.answers_alerts:
        yield _spread(SCORE, scores, is_scored)
        alerts = pl.repeat(None, len(is_scored), dtype=pl.Boolean, eager=True)
        if scores is not None:
            alerts = alerts.scatter(np.flatnonzero(is_scored), pl.Series(scores >= scorer.threshold))
        yield alerts.alias(ALERT)
        return
    if not scorer.classes:
        yield _spread(VALUE, scores, is_scored)
        return
    yield _repeating(LABEL, scorer.classes, _places(scorer, scores, is_scored))
    for place, name in enumerate(scorer.classes):
        yield _spread(f"probability_{name}", None if scores is None else scores[:, place], is_scored)


def _places(scorer: Scorer, scores: Floats | None, is_scored: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the places (n,) of the labels; the one behind the last where a row was not scored."""
    if scores is not None and len(scores) == len(is_scored):
        return scorer.choose_classes(scores)
    places = np.full(len(is_scored), len(scorer.classes), dtype=np.int64)
    if scores is not None:
        places[is_scored] = scorer.choose_classes(scores)
    return places


def _spread(name: str, values: Floats | None, is_scored: NDArray[np.bool_]) -> pl.Series:
    """Place the values of the scored rows among all rows (n,); missing in the others."""
    if values is not None and len(values) == len(is_scored):
        return pl.Series(name, np.ascontiguousarray(values))
    full = np.full(len(is_scored), np.nan)
    if values is not None:
        full[is_scored] = values
    # NaN is a number to readers of Parquet; rows without a score have none.
    return pl.Series(name, full).fill_nan(None)


def _repeating(name: str, texts: Sequence[str], places: NDArray[Any]) -> pl.Series:
    """Build a column of few texts from their places (n,); missing at the place behind the last."""
    return pl.Series(name, [*texts, None], dtype=pl.Enum(texts)).gather(pl.Series(places.astype(np.int64, copy=False)))


def _same(name: str, texts: Sequence[str], place: int, rows: int) -> pl.Series:
    """Build the same column where all places are equal, which is faster."""
    return pl.Series(name, [*texts, None], dtype=pl.Enum(texts)).new_from_index(place, rows)


def _violations(broken: Mapping[Rule, pl.Series], rows: int) -> pl.Series:
    """Return the rules that each row breaks, as in a quarantine table; missing where it breaks none."""
    if not broken:
        return pl.Series(VIOLATIONS, [None], dtype=pl.Categorical).new_from_index(0, rows)
    texts = [pl.when(mask).then(pl.lit(f"{rule}:{column}")) for (rule, column), mask in broken.items()]
    violations = pl.concat_str(texts, separator="; ", ignore_nulls=True)
    return pl.select(pl.when(violations != "").then(violations).cast(pl.Categorical).alias(VIOLATIONS)).to_series()
