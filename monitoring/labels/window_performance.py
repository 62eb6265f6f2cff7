"""Stored rows of a window as the monitors of performance take them."""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.base.errors import InputError, quote
from headrace.core.contracts.casting import cast_columns
from headrace.core.contracts.contract import Contract
from headrace.core.drift.input_counts import InputCounts
from headrace.core.features import matrix_layout
from headrace.core.monitors.data.window_rows import LABEL, PROBABILITY_PREFIX, REQUEST_ID, TIME, VALUE
from headrace.core.monitors.performance.daily_losses import DailyLosses
from headrace.core.monitors.performance.measured_performance import LabelledWindow
from headrace.core.monitors.performance.predicted_rows import PredictedRows
from headrace.core.splits.clusters import RowClusters, find
from headrace.core.statistics.slices import slices
from headrace.core.statistics.weighted_metrics import EvaluatedRows
from headrace.monitoring.labels.label_table import ACTUAL
from headrace.monitoring.labels.labelled_rows import contract_rows

CountInputs = Callable[[pl.DataFrame], InputCounts]
"""Counts the inputs of stored rows in the bins of a profile."""


def predicted_rows(rows: pl.DataFrame, contract: Contract) -> PredictedRows:
    """Return the predictions of stored rows.

    Args:
        rows: Stored rows (n), each with an answer; see ``with_answer``.
        contract: The contract of the model.

    Raises:
        InputError: If a class of the rows is not one of the contract's, or the probability of one is absent.
    """
    if contract.task == "regression":
        return PredictedRows("regression", values=rows.get_column(VALUE).to_numpy())
    classes = matrix_layout.classes(contract)
    absent = [name for name in _probabilities(contract) if name not in rows.columns]
    other = rows.get_column(LABEL).filter(~rows.get_column(LABEL).is_in(list(classes))).unique().to_list()
    if absent or other:
        raise InputError(
            f"scored rows must have the classes {quote(list(classes))} of the contract {contract.name}; they lack the "
            f"columns {quote(absent)} and answer {quote(other)}: monitor each version with its own bundle."
        )
    probabilities = rows.select(_probabilities(contract)).to_numpy()
    return PredictedRows(
        contract.task,
        np.asarray(probabilities, dtype=np.float64),
        _indices(rows, LABEL, classes),
        positive=_positive(contract),
    )


def with_answer(rows: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Return the stored rows that have an answer: a request may be stored before its response, or be refused."""
    answer = VALUE if contract.answers_number else LABEL
    if answer in rows.columns:
        return rows.filter(pl.col(answer).is_not_null())
    numbers = [VALUE] if contract.answers_number else _probabilities(contract)
    return rows.clear().with_columns(
        pl.lit(None, pl.String()).alias(LABEL), *(pl.lit(None, pl.Float64()).alias(name) for name in numbers)
    )


def evaluated_rows(rows: pl.DataFrame, contract: Contract) -> EvaluatedRows:
    """Return the predictions and actual values of labelled rows (n), each with an answer."""
    scored = predicted_rows(rows, contract)
    actual: NDArray[np.int64] | NDArray[np.float64]
    if contract.task == "regression":
        actual = rows.get_column(ACTUAL).to_numpy()
    else:
        actual = _indices(rows, ACTUAL, matrix_layout.classes(contract))
    return EvaluatedRows(
        scored.task, actual, scored.probabilities, scored.labels, scored.values, positive=scored.positive
    )


def labelled_window(
    rows: pl.DataFrame,
    contract: Contract,
    *,
    slice_columns: Sequence[str] = (),
    count_inputs: CountInputs | None = None,
) -> LabelledWindow:
    """Return a window as ``performance_results`` takes it.

    Args:
        rows: Rows (n) of ``labelled_rows`` with ``unlabelled``.
        contract: The contract of the model.
        slice_columns: Columns of the contract to slice by; those that no request held are left out.
        count_inputs: Counts inputs, to compare labelled rows with the others by them; None to compare predictions.

    Raises:
        InputError: If the rows are of a model with other classes.
    """
    answered = with_answer(rows, contract)
    labelled = answered.filter(pl.col(ACTUAL).is_not_null())
    others = answered.filter(pl.col(ACTUAL).is_null())
    typed = _type_columns(labelled, contract)
    kept = [name for name in slice_columns if name in typed.columns]
    return LabelledWindow(
        evaluated_rows(labelled, contract),
        predicted_rows(others, contract),
        clusters=find_clusters(labelled, typed, contract),
        slices=tuple(slices(typed, kept)) if labelled.height else (),
        inputs=(count_inputs(labelled), count_inputs(others)) if count_inputs else None,
    )


def find_clusters(labelled: pl.DataFrame, typed: pl.DataFrame, contract: Contract) -> RowClusters:
    """Return the rows that were sampled together: those of one request, else by the contract's group, keys or time.

    Args:
        labelled: Stored rows (n).
        typed: The same rows (n) as typed columns of the contract.
        contract: The contract of the model.
    """
    requests = labelled.get_column(REQUEST_ID)
    count = requests.n_unique()
    if count == labelled.height:
        return find(typed, contract)
    return RowClusters("request", requests.rank("dense").cast(pl.Int64).to_numpy() - 1, count)


def sum_daily_losses(rows: pl.DataFrame, contract: Contract, *, digest: str) -> DailyLosses:
    """Return the losses of labelled rows (n) by the day of their request.

    Args:
        rows: Rows (n) of ``labelled_rows``.
        contract: The contract of the model.
        digest: Digest of the version that answered; rows of others are left out, for their losses are another model's.
    """
    own = with_answer(rows, contract).filter(pl.col("model_digest").is_in([digest, ""]))
    own = own.filter(pl.col(ACTUAL).is_not_null())
    return DailyLosses.of(evaluated_rows(own, contract), own.get_column(TIME).dt.date().to_list(), digest=digest)


def _type_columns(labelled: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    raw = contract_rows(labelled, contract)
    columns = [contract.column(name) for name in raw.columns]
    return cast_columns(raw, columns, missing_values=contract.missing_values).frame


def _indices(rows: pl.DataFrame, name: str, classes: Sequence[str]) -> NDArray[np.int64]:
    positions = pl.Series(range(len(classes)), dtype=pl.Int64)
    found = rows.get_column(name).replace_strict(pl.Series(classes), positions, return_dtype=pl.Int64)
    return np.asarray(found.to_numpy(), dtype=np.int64)


def _probabilities(contract: Contract) -> list[str]:
    return [f"{PROBABILITY_PREFIX}{name}" for name in matrix_layout.classes(contract)]


def _positive(contract: Contract) -> int:
    return matrix_layout.positive(contract) if contract.task == "binary" else 1
