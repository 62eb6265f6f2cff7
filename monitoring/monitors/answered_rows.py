"""The stored rows whose answers monitors can measure."""

from collections.abc import Iterable

import polars as pl

from headrace.core.base.quantities import describe_count
from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout
from headrace.core.monitors.data.column_types import concat_rows
from headrace.core.monitors.data.window_rows import FIXED_COLUMNS, LABEL, PROBABILITY_PREFIX, VALUE
from headrace.monitoring.labels.window_performance import with_answer


def answer_columns(contract: Contract) -> list[str]:
    """Return the stored columns that hold an answer."""
    if contract.answers_number:
        return [VALUE]
    return [LABEL, *(f"{PROBABILITY_PREFIX}{name}" for name in matrix_layout.classes(contract))]


def select_answered(frames: Iterable[pl.DataFrame], contract: Contract) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the stored rows with a whole answer of the contract's classes, and notes on those that are left out.

    Args:
        frames: Stored rows.
        contract: The contract of the model.
    """
    parts = list(frames)
    rows = with_answer(concat_rows(parts) if parts else pl.DataFrame(schema=FIXED_COLUMNS), contract)
    columns = answer_columns(contract)
    absent = [name for name in columns if name not in rows.columns]
    if absent:
        lacking = describe_count(rows.height, "answer", "lacks", "lack")
        note = f"{lacking} {', '.join(absent)}, so that nothing is known of their performance."
        empty = rows.clear().with_columns(pl.lit(None, pl.Float64()).alias(name) for name in absent)
        return empty, (note,) if rows.height else ()
    whole = rows.filter(pl.all_horizontal(pl.col(columns).is_not_null()))
    if not contract.answers_number:
        whole = whole.filter(pl.col(LABEL).is_in(list(matrix_layout.classes(contract))))
    omitted = rows.height - whole.height
    return whole, (
        f"{describe_count(omitted, 'answer', 'is', 'are')} not whole or not of the contract's classes.",
    ) if omitted else ()
