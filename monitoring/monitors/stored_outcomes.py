"""The predictions of stored rows, and what was true, as the statistics take them."""

import numpy as np
import polars as pl

from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout
from headrace.core.monitors.scored_rows import ScoredRows
from headrace.core.statistics.weighted_metrics import EvaluatedRows
from headrace.monitoring.labels.label_table import ACTUAL
from headrace.monitoring.windows.window_rows import LABEL, PROBABILITY_PREFIX, VALUE


def answer_columns(contract: Contract) -> list[str]:
    """Return the stored columns that hold an answer."""
    if contract.task == "regression":
        return [VALUE]
    return [LABEL, *(f"{PROBABILITY_PREFIX}{name}" for name in matrix_layout.classes(contract))]


def select_answered(rows: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Return the stored rows that have a whole answer of this contract's classes."""
    columns = answer_columns(contract)
    if set(columns) - set(rows.columns):
        return rows.clear()
    answered = rows.filter(pl.all_horizontal(pl.col(columns).is_not_null()))
    if contract.task == "regression":
        return answered
    return answered.filter(pl.col(LABEL).is_in(list(matrix_layout.classes(contract))))


def scored_rows(answered: pl.DataFrame, contract: Contract) -> ScoredRows:
    """Return the predictions of answered rows (n)."""
    if contract.task == "regression":
        values = answered.get_column(VALUE).cast(pl.Float64).to_numpy() if answered.height else np.empty(0)
        return ScoredRows(contract.task, values=values)
    classes = matrix_layout.classes(contract)
    if not answered.height:
        empty = np.empty((0, len(classes)))
        return ScoredRows(contract.task, empty, np.empty(0, np.int64), None, matrix_layout.positive(contract))
    probabilities = answered.select(pl.col(f"{PROBABILITY_PREFIX}{name}").cast(pl.Float64) for name in classes)
    return ScoredRows(
        contract.task,
        probabilities=probabilities.to_numpy(),
        labels=_codes(answered.get_column(LABEL), classes),
        positive=matrix_layout.positive(contract),
    )


def evaluated_rows(labelled: pl.DataFrame, contract: Contract) -> EvaluatedRows:
    """Return the predictions of answered rows (n) with a label, and the actual values."""
    rows = scored_rows(labelled, contract)
    if contract.task == "regression":
        actual = labelled.get_column(ACTUAL).cast(pl.Float64).to_numpy() if labelled.height else np.empty(0)
        return EvaluatedRows(contract.task, actual, values=rows.values)
    classes = matrix_layout.classes(contract)
    codes = _codes(labelled.get_column(ACTUAL), classes) if labelled.height else np.empty(0, np.int64)
    return EvaluatedRows(contract.task, codes, rows.probabilities, rows.labels, None, rows.positive)


def _codes(labels: pl.Series, classes: tuple[str, ...]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    codes = labels.cast(pl.String).replace_strict(list(classes), list(range(len(classes))), return_dtype=pl.Int64)
    return codes.to_numpy()
