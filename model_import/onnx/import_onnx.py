"""The flavour ``onnx`` of MLflow."""

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from onnx import ModelProto, TensorProto
from sklearn.pipeline import Pipeline

from headrace.core.base.errors import BundleError, InputError
from headrace.core.base.notes import Note
from headrace.core.graphs import onnx_safety
from headrace.core.inference import engine
from headrace.core.inference.onnx_estimator import OnnxClassifier, OnnxRegressor
from headrace.model_import.imported_model import ImportedModel, ReadingOptions
from headrace.model_import.model_folder import ModelFolder
from headrace.model_import.onnx.check_answers import check_answers
from headrace.model_import.onnx.check_graph import check_graph
from headrace.model_import.onnx.embed import embed
from headrace.model_import.onnx.find_output import find_output
from headrace.model_import.onnx.matrix_inputs import MatrixInputs
from headrace.model_import.signature import Signature


def import_onnx(
    model: ModelFolder, facts: Mapping[str, Any], signature: Signature, options: ReadingOptions
) -> ImportedModel:
    """Read a model of ONNX.

    Args:
        model: The model's folder.
        facts: What ``MLmodel`` says of the flavour.
        signature: The model's signature.
        options: What a person says of it: names of classes, for a graph whose outputs have none.

    Raises:
        InputError: If it holds operators that are not reviewed, is of a newer version, its inputs or outputs have no
            place in a contract, or a bundle would not answer as it does.
    """
    name = str(facts.get("data") or "")
    source = str(model.path / name)
    graph = _parse(model.read(name), source)
    check_graph(graph, source)
    output = find_output(graph, options.classes, source)
    inputs = [one for one in graph.graph.input if one.name not in {array.name for array in graph.graph.initializer}]
    matrix = MatrixInputs(graph, source)
    matrix.take_apart(inputs, signature.columns)
    content = embed(graph, matrix, output, width=len(signature.columns))
    width, count = len(signature.columns), len(output.classes)
    try:
        onnx_safety.check(content, source)
        engine.load_graph(content, columns=width, classes=count)
    except BundleError as error:
        reason = " ".join(str(error.__cause__ or error).split())[:300]
        raise InputError(f"{source} must be a graph that ONNX Runtime loads and runs; it does not: {reason}") from error
    check_answers(graph, matrix, output, signature.columns, source)
    estimator = (OnnxClassifier if count else OnnxRegressor).of(content, columns=width, classes=count)
    return ImportedModel(
        estimator=Pipeline([("prepare", "passthrough"), ("estimator", estimator)]),
        columns=signature.columns,
        classes=output.classes,
        family="onnx",
        flavor="onnx",
        library=" ".join(filter(None, (graph.producer_name, graph.producer_version))),
        coded=matrix.coded,
        graph=content,
        notes=_notes(inputs),
    )


def _notes(inputs: Sequence[Any]) -> tuple[Note, ...]:
    if not any(one.type.tensor_type.elem_type == TensorProto.FLOAT for one in inputs):
        return ()
    sentence = "The graph computes in float32 and keeps that precision: numbers are rounded to seven digits before it."
    return (Note("info", "", "precision", 0, sentence),)


def _parse(content: bytes, source: str) -> ModelProto:
    try:
        return onnx.load_model_from_string(content)
    except Exception as error:  # the parser of protocol buffers has an exception of its own
        raise InputError(f"{source} must be a model of ONNX; it cannot be read.") from error
