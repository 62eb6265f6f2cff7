"""The guard of a bundle, learned from its training rows."""

import math
from pathlib import Path

import numpy as np
import polars as pl

from headrace.core.drift.input_profile import profiled_columns
from headrace.core.features import matrix_layout
from headrace.core.models.fitted_model import Model
from headrace.core.robustness.fit_guard import MOST_ROWS, fit_guard
from headrace.core.robustness.input_guard import GuardDocument
from headrace.core.tables import parquet_table
from headrace.core.validation.table import blocks


def learn_guard(model: Model, train_table: Path, test: pl.DataFrame) -> GuardDocument | None:
    """Learn which rows are unlike the training rows, from at most ``MOST_ROWS`` of these, evenly spaced.

    Args:
        model: The model.
        train_table: Folder of the training rows.
        test: Typed test rows (n), on which false alarms are counted.

    Returns:
        The guard; None with too few rows, or without columns of numbers that vary.
    """
    columns = matrix_layout.columns(model.contract)
    # Those of a profile: a bundle holds no figures of personal columns.
    places = [
        place
        for place in profiled_columns(model.contract)
        if columns[place].categories is None and columns[place].dtype != "boolean"
    ]
    if not places or not test.height:
        return None
    total = parquet_table.scan(train_table).select(pl.len()).collect().item()
    step = max(1, math.ceil(total / MOST_ROWS))
    parts, start = [], 0
    for frame in blocks(train_table):
        chosen = frame[-start % step :: step]
        start += frame.height
        parts.append(model.encode(chosen)[:, places])
    names = tuple(columns[place].name for place in places)
    return fit_guard(np.concatenate(parts), model.encode(test)[:, places], names)
