"""What networks over tables share: numbers are scaled, categories become vectors, in the network itself."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import layers

from headrace.core.models.networks.network_request import NetworkRequest
from headrace.core.models.series.sequence_columns import find_sequences
from headrace.core.series.windows import STEP, lag_name
from headrace.deep.network import Singles
from headrace.deep.table_layers import Columns, EmbedCodes, MissingFlags, ScaleNumbers

_WIDEST = 32
_HIDDEN = 0.02
"""Share of the codes of a batch that are hidden, so that missing and unlisted ones get vectors that mean something."""


def sequences(request: NetworkRequest) -> tuple[tuple[int, ...], ...]:
    """Return the places of the columns of each channel by time; see ``find_sequences``."""
    return find_sequences([block.name if block.kind == "number" else "" for block in request.inputs])


def is_windows(request: NetworkRequest) -> bool:
    """Return whether the rows are windows of series, which stand in the order of time."""
    names = {block.name for block in request.inputs}
    return {STEP, lag_name(2)} <= names


def scale_numbers(matrix: Any, rows: Singles, places: Sequence[int], *, together: bool = False) -> Any:
    """Return scaled columns (n, q).

    Args:
        matrix: The network's input.
        rows: Rows (m, p) that it is fitted on.
        places: Places (q) of the columns.
        together: Whether they have one mean and one scale, as the steps of a sequence do.
    """
    numbers = rows[:, list(places)].astype(np.float64)
    axis = None if together else 0
    known = ~np.isnan(numbers)
    counts = np.maximum(known.sum(axis=axis), 1)
    means = np.where(known, numbers, 0.0).sum(axis=axis) / counts
    squares = np.where(known, np.square(numbers - means), 0.0).sum(axis=axis) / counts
    scales = np.where(squares > 0, np.sqrt(squares), 1.0)
    count = len(places)
    return ScaleNumbers(np.broadcast_to(means, count).tolist(), np.broadcast_to(scales, count).tolist())(
        Columns(places)(matrix)
    )


def table_vector(request: NetworkRequest, matrix: Any, rows: Singles, *, without: Sequence[int] = ()) -> list[Any]:
    """Return parts (n, q) of the columns of a table: scaled numbers, flags of missing ones, vectors of categories.

    Args:
        request: The fit.
        matrix: The network's input.
        rows: Rows (m, p) that it is fitted on.
        without: Places of columns that are left out.
    """
    numbers = [block.start for block in request.inputs if block.kind == "number" and block.start not in set(without)]
    parts = [scale_numbers(matrix, rows, numbers)] if numbers else []
    gaps = [place for place in numbers if np.isnan(rows[:, place]).any()]
    if gaps:
        parts.append(MissingFlags()(Columns(gaps)(matrix)))
    for block in request.inputs:
        if block.kind == "category":
            width = min(_WIDEST, 1 + math.ceil(math.sqrt(block.categories)))
            parts.append(
                EmbedCodes(block.categories, width, request.seed + block.start)(Columns([block.start])(matrix))
            )
    return parts


def join(parts: Sequence[Any]) -> Any:
    """Return one vector of several parts."""
    return layers.Concatenate()(list(parts)) if len(parts) > 1 else parts[0]


def hide_codes(request: NetworkRequest, rows: Singles, random: np.random.Generator) -> Singles:
    """Hide a few codes of a batch (b, p): half of them become missing, half unlisted."""
    places = [block.start for block in request.inputs if block.kind == "category"]
    if not places:
        return rows
    draws, changed = random.random((len(rows), len(places))), rows.copy()
    codes = changed[:, places]
    codes[draws < _HIDDEN] = -1.0
    codes[draws < _HIDDEN / 2] = np.nan
    changed[:, places] = codes
    return changed
