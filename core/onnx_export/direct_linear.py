"""A linear regression by step as ONNX nodes: all steps by one product, and the row's own is chosen."""

from typing import Any

import numpy as np

from headrace.core.onnx_export.graph import DOUBLE, INPUT, OnnxGraph
from headrace.core.onnx_export.plan import PreprocessingPlan
from headrace.core.onnx_export.preprocessing import affine


def direct_linear(graph: OnnxGraph, plan: PreprocessingPlan, estimator: Any) -> str:
    """Add a linear regression with coefficients by step: values (n, 1)."""
    steps = estimator.steps
    if not steps:
        return affine(graph, plan, estimator.coef_, estimator.intercept_)
    # The step itself has no coefficient: a row of zeros for each of its codes.
    weights = np.vstack([estimator.coef_, np.zeros((steps, steps + 1))])
    every = affine(graph, plan, weights, estimator.intercept_)
    place = graph.constant(np.array([plan.parts[-1].column], dtype=np.int64))
    code = graph.add("Gather", INPUT, place, axis=1)
    code = graph.add("Where", graph.add("IsNaN", code), graph.constant(-1.0), code)
    codes = np.array([*range(steps), -1], dtype=np.float64)
    chosen = graph.add("Cast", graph.add("Equal", code, graph.constant(codes)), to=DOUBLE)
    axis = graph.constant(np.array([1], dtype=np.int64))
    return graph.add("ReduceSum", graph.add("Mul", every, chosen), axis, keepdims=1)
