"""The reconstruction error of an autoencoder of H2O as ONNX nodes: its MOJO is a list of weights."""

from collections.abc import Sequence

import numpy as np

from headrace.core.models.h2o.h2o_estimator import MojoEstimator
from headrace.core.mojo.autoencoder import Autoencoder, read_autoencoder
from headrace.core.onnx_export.graph import Floats, InexactError, OnnxGraph
from headrace.core.onnx_export.plan import CategoryColumn, NumberColumn, PreprocessingPlan
from headrace.core.onnx_export.preprocessing import dense

_ACTIVATIONS = {"Rectifier": "Relu", "Tanh": "Tanh"}


def add_autoencoder(graph: OnnxGraph, estimator: MojoEstimator, listed: Sequence[int]) -> tuple[PreprocessingPlan, str]:
    """Add an autoencoder: the reconstruction error (n, 1), the mean square over the network's inputs.

    A missing number is the mean of the training rows; a missing category, and one without training rows, has an input
    of its own, as in H2O's scorer (``hex.genmodel.algos.deeplearning``).

    Args:
        graph: The graph to extend.
        estimator: The fitted model.
        listed: Number of categories in the contract for each column of the matrix; 0 for numbers.

    Returns:
        The preprocessing, and the name of the result.

    Raises:
        InexactError: If its activation is another one.
    """
    network = read_autoencoder(estimator.mojo_, estimator.description_)
    if network is None:
        raise InexactError("an autoencoder of H2O with this activation is scored by Java, not converted to ONNX.")
    plan = _read_columns(network, listed)
    prepared, order = dense(graph, plan)
    given = graph.add("MatMul", prepared, graph.constant(_merge_levels(network, plan)[order]))
    value = given
    for weights, bias in zip(network.weights, network.biases, strict=True):
        value = graph.add("Gemm", value, graph.constant(np.ascontiguousarray(weights)), graph.constant(bias))
        value = graph.add(_ACTIVATIONS[network.activation], value)
    missed = graph.add("Sub", given, value)
    units = sum(network.sizes)
    return plan, graph.add("MatMul", graph.add("Mul", missed, missed), graph.constant(np.full((units, 1), 1 / units)))


def _read_columns(network: Autoencoder, listed: Sequence[int]) -> PreprocessingPlan:
    """Return the preprocessing: numbers on the network's scale, and each category of the contract in a column."""
    parts: list[CategoryColumn | NumberColumn] = []
    numbers = zip(network.means.tolist(), network.factors.tolist(), strict=True)
    for one in network.inputs:
        if one.levels is None:
            mean, factor = next(numbers)
            parts.append(NumberColumn(one.column, fill=mean, mean=mean, scale=1.0 / factor))
        else:
            parts.append(CategoryColumn(one.column, listed[one.column], _list_codes(listed[one.column])))
    return PreprocessingPlan(len(listed), tuple(parts))


def _list_codes(listed: int) -> Floats:
    return np.array([-1.0, *range(listed), np.nan])


def _merge_levels(network: Autoencoder, plan: PreprocessingPlan) -> Floats:
    """Return the 0/1 matrix (q, units) that gives each prepared column to its input of the network."""
    width = sum(1 if isinstance(part, NumberColumn) else len(part.seen) for part in plan.parts)
    merged, row, start = np.zeros((width, sum(network.sizes))), 0, 0
    for one, size in zip(network.inputs, network.sizes, strict=True):
        if one.levels is None:
            merged[row, start] = 1.0
            row += 1
        else:
            missing = size - 1
            for level in (missing, *(missing if level is None else level for level in one.levels), missing):
                merged[row, start + level] = 1.0
                row += 1
        start += size
    return merged
