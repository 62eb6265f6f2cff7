"""The flavour ``xgboost`` of MLflow: trees as a graph of ONNX, without XGBoost."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from headrace.core.base.errors import InputError, quote
from headrace.core.base.notes import Note
from headrace.core.inference.onnx_estimator import OnnxClassifier, OnnxRegressor
from headrace.core.onnx_export.estimators import sigmoids
from headrace.core.onnx_export.graph import INPUT, OnnxGraph
from headrace.core.onnx_export.tree_ensemble import ensemble
from headrace.model_import.imported_model import ImportedModel, ReadingOptions
from headrace.model_import.model_folder import ModelFolder
from headrace.model_import.signature import Signature
from headrace.model_import.xgboost.booster import Booster, read_booster
from headrace.model_import.xgboost.ubjson import read_ubjson

_FORMS = {"ubj", "json"}


def import_xgboost(
    model: ModelFolder, facts: Mapping[str, Any], signature: Signature, _: ReadingOptions
) -> ImportedModel:
    """Read a model of XGBoost.

    Args:
        model: The model's folder.
        facts: What ``MLmodel`` says of the flavour.
        signature: The model's signature.

    Raises:
        InputError: If its file is of another form or version, or does not fit the signature.
    """
    name = str(facts.get("data") or "")
    content = model.read(name)
    source = str(model.path / name)
    kind = str(facts.get("model_class") or "")
    booster = read_booster(_document(content, source), source, best_only=".sklearn." in kind)
    _check_columns(booster, signature, source)
    classes = {"sigmoid": 2, "softmax": len(booster.margins)}.get(booster.link, 0)
    graph = make_graph(booster)
    of = (OnnxClassifier if classes else OnnxRegressor).of
    estimator = of(graph, columns=booster.width, classes=classes)
    sentence = (
        "XGBoost adds the leaves of its trees in float32, this bundle in float64: answers differ by about a millionth, "
        "and every row takes the same branches."
    )
    return ImportedModel(
        estimator=Pipeline([("prepare", "passthrough"), ("estimator", estimator)]),
        columns=signature.columns,
        classes=tuple(range(classes)),
        family="xgboost",
        flavor="xgboost",
        library=f"xgboost {booster.version}",
        graph=graph,
        notes=(Note("info", "", "precision", 0, sentence),),
    )


def _document(content: bytes, source: str) -> Any:
    # Both forms begin with a brace; UBJSON goes on with a length or a key's, JSON with a quote or a space.
    if content[:1] != b"{":
        raise InputError(
            f"{source} must be a model of XGBoost in JSON or UBJSON; it is in another form (XGBoost before 3 wrote a "
            'binary one): save it again with model_format="json".'
        )
    if content[1:2] not in b'"\t\n\r }':
        return read_ubjson(content, source)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source} must be a model of XGBoost in JSON; {error}.") from error


def _check_columns(booster: Booster, signature: Signature, source: str) -> None:
    names = [column.name for column in signature.columns]
    texts = [column.name for column in signature.columns if column.dtype == "string"]
    if texts:
        raise InputError(f"the inputs of {source} must be numbers; {quote(texts[0])} is a text.")
    if len(names) != booster.width:
        raise InputError(f"the signature must list the {booster.width} features of {source}; it lists {len(names)}.")
    if booster.names and signature.named and list(booster.names) != names:
        raise InputError(
            f"the signature must list the features of {source} in their order {quote(list(booster.names), 300)}; it "
            f"lists {quote(names, 300)}."
        )


def make_graph(booster: Booster) -> bytes:
    """Make the graph of ONNX of a booster: the matrix (n, p) to probabilities (n, k) or values (n,)."""
    graph = OnnxGraph()
    raw = ensemble(graph, INPUT, booster.trees, places=list(range(booster.width)))
    shape: list[int | None] = [None]
    if booster.link == "sigmoid":
        shape, scores = [None, 2], sigmoids(graph, raw, booster.margins[0])
    else:
        summed = graph.add("Add", raw, graph.constant(np.array(booster.margins)))
        if booster.link == "softmax":
            shape, scores = [None, len(booster.margins)], graph.add("Softmax", summed, axis=1)
        else:
            value = graph.add("Exp", summed) if booster.link == "exp" else summed
            scores = graph.add("Squeeze", value, graph.constant(np.array([1], dtype=np.int64)))
    return bytes(graph.model(scores, columns=booster.width, shape=shape).SerializeToString(deterministic=True))
