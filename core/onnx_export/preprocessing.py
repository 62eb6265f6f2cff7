"""``headrace.core.models.preprocessing`` as ONNX nodes: as few as the estimator allows, since each one takes time.

Categories are looked up in tables by their code, so that a thousand of them cost no more than two.
"""

import numpy as np

from headrace.core.onnx_export.graph import DOUBLE, INPUT, INT64, Floats, OnnxGraph
from headrace.core.onnx_export.plan import MISSING, CategoryColumn, NumberColumn, PreprocessingPlan


def affine(graph: OnnxGraph, plan: PreprocessingPlan, weights: Floats, bias: Floats) -> str:
    """Add ``prepared @ weights + bias``, with scales and one-hot columns folded into the weights.

    Args:
        graph: The graph to extend.
        plan: The preprocessing; categories one-hot.
        weights: Weights (q, k) of the prepared columns.
        bias: Bias (k,).

    Returns:
        Name of the result (n, k).
    """
    matrix_weights, tables, row = np.zeros((plan.width, weights.shape[1])), [], 0
    for part in plan.parts:
        if isinstance(part, NumberColumn):
            # Dividing the weights once replaces a division of every value; the difference is of the last digit.
            matrix_weights[part.column] = weights[row] / part.scale
            row += 1
        else:
            tables.append(part.table(weights[row : row + len(part.seen)]))
            row += len(part.seen)
    # A one-hot column times its weight is a row of a table: a lookup replaces the product.
    shifted = graph.add("Sub", _fill_missing(graph, plan), graph.constant(_shift(plan)))
    if not tables:
        return graph.add("Gemm", shifted, graph.constant(matrix_weights), graph.constant(bias))
    # The bias rides on the first table, since every row takes exactly one row of it.
    tables[0] += bias
    looked_up = graph.add(
        "Gather", graph.constant(np.concatenate(tables)), _rows_of_tables(graph, plan, shifted), axis=0
    )
    summed = graph.add("ReduceSum", looked_up, graph.constant(np.array([1], dtype=np.int64)), keepdims=0)
    return graph.add("Gemm", shifted, graph.constant(matrix_weights), summed) if plan.numbers else summed


def ordinal(graph: OnnxGraph, plan: PreprocessingPlan) -> tuple[str, list[int]]:
    """Add the matrix that trees split.

    Args:
        graph: The graph to extend.
        plan: The preprocessing; categories ordinal, numbers unscaled.

    Returns:
        Name of the result (n, m), and the index in it of each of the estimator's features.
    """
    # The common case saves the tables: codes in the matrix are scikit-learn's codes already.
    if all(part.in_place for part in plan.categories):
        return _in_place(graph, plan), [part.column for part in plan.parts]
    filled = _fill_missing(graph, plan)
    rows = _rows_of_tables(graph, plan, graph.add("Sub", filled, graph.constant(_shift(plan))))
    table = np.concatenate([part.table(_codes(part.codes), part.unknown) for part in plan.categories])
    both = graph.add("Concat", filled, graph.add("Gather", graph.constant(table), rows, axis=0), axis=1)
    place = {part.column: plan.width + index for index, part in enumerate(plan.categories)}
    return both, [place.get(part.column, part.column) for part in plan.parts]


def dense(graph: OnnxGraph, plan: PreprocessingPlan) -> tuple[str, list[int]]:
    """Add the preprocessed matrix itself, numbers first.

    Args:
        graph: The graph to extend.
        plan: The preprocessing; categories one-hot.

    Returns:
        Name of the result (n, q), and for each of its columns the index of the estimator's feature.
    """
    filled, places, row = _fill_missing(graph, plan), {}, 0
    for part in plan.parts:
        width = 1 if isinstance(part, NumberColumn) else len(part.seen)
        places[part.column] = list(range(row, row + width))
        row += width
    columns = [part.column for part in plan.numbers] + [part.column for part in plan.categories]
    order = [place for column in columns for place in places[column]]
    parts = []
    if plan.numbers:
        value = graph.add("Gather", filled, _places([part.column for part in plan.numbers], graph), axis=1)
        centred = graph.add("Sub", value, graph.constant([part.mean for part in plan.numbers]))
        parts.append(graph.add("Div", centred, graph.constant([part.scale for part in plan.numbers])))
    if plan.categories:
        columns = [part.column for part in plan.categories for _ in part.seen]
        # NaN equals nothing, itself included, so a missing category is compared by its code.
        codes = np.nan_to_num(np.concatenate([part.seen for part in plan.categories]), nan=MISSING)
        value = graph.add("Gather", filled, _places(columns, graph), axis=1)
        parts.append(graph.add("Cast", graph.add("Equal", value, graph.constant(codes)), to=DOUBLE))
    return parts[0] if len(parts) == 1 else graph.add("Concat", *parts, axis=1), order


def _in_place(graph: OnnxGraph, plan: PreprocessingPlan) -> str:
    """Add the matrix where categories keep their codes, so that only missing and unlisted ones change."""
    fill, least = np.full(plan.width, np.nan), np.full(plan.width, -np.inf)
    for part in plan.parts:
        fill[part.column] = (
            part.fill if isinstance(part, NumberColumn) else part.table(_codes(part.codes), part.unknown)[0]
        )
        # An unlisted category is -1 in the matrix already.
        if isinstance(part, CategoryColumn) and np.isnan(part.unknown):
            least[part.column] = 0.0
    value = INPUT if np.isnan(fill).all() else _where_missing(graph, fill)
    if np.isinf(least).all():
        return value
    return graph.add("Where", graph.add("Less", value, graph.constant(least)), graph.constant(np.nan), value)


def _codes(codes: Floats | None) -> Floats:
    return np.empty(0) if codes is None else codes


def _fill_missing(graph: OnnxGraph, plan: PreprocessingPlan) -> str:
    fill = np.zeros(plan.width)
    for part in plan.parts:
        is_filled = isinstance(part, NumberColumn) or not np.isnan(part.fill)
        fill[part.column] = part.fill if is_filled else MISSING
    return _where_missing(graph, fill)


def _where_missing(graph: OnnxGraph, fill: Floats) -> str:
    return graph.add("Where", graph.add("IsNaN", INPUT), graph.constant(fill), INPUT)


def _shift(plan: PreprocessingPlan) -> Floats:
    """Return what to subtract (p,): means of numbers, and offsets that turn codes into rows of the joined table."""
    shift, row = np.zeros(plan.width), 0
    for part in plan.parts:
        if isinstance(part, NumberColumn):
            shift[part.column] = part.mean
        else:
            shift[part.column] = MISSING - row
            row += part.rows
    return shift


def _rows_of_tables(graph: OnnxGraph, plan: PreprocessingPlan, shifted: str) -> str:
    columns = [part.column for part in plan.categories]
    value = (
        shifted if columns == list(range(plan.width)) else graph.add("Gather", shifted, _places(columns, graph), axis=1)
    )
    return graph.add("Cast", value, to=INT64)


def _places(columns: list[int], graph: OnnxGraph) -> str:
    return graph.constant(np.array(columns, dtype=np.int64))
