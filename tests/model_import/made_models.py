"""Folders of models as MLflow writes them, made here: for what can be told without MLflow."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import sklearn
import skops.io
import yaml
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression

SIGNATURE = [{"type": "double", "name": name, "required": True} for name in ("a", "b")]


def write_model(
    folder: Path,
    flavors: dict[str, dict[str, Any]],
    files: dict[str, bytes] | None = None,
    *,
    inputs: Sequence[dict[str, Any]] | None = tuple(SIGNATURE),
    **more: Any,
) -> Path:
    """Write a folder with ``MLmodel`` and other files."""
    folder.mkdir(parents=True)
    described: dict[str, Any] = {"flavors": flavors, "mlflow_version": "3.17.2", "model_uuid": "u" * 32, **more}
    if inputs is not None:
        described["signature"] = {"inputs": json.dumps(list(inputs)), "outputs": None, "params": None}
    (folder / "MLmodel").write_text(yaml.safe_dump(described))
    for name, content in (files or {}).items():
        (folder / name).write_bytes(content)
    return folder


def fitted(model: Any = None, *, labels: Sequence[Any] = (0, 1)) -> Any:
    """A classifier of two columns."""
    frame = pd.DataFrame({"a": np.arange(10.0), "b": np.arange(10.0)[::-1]})
    return (LogisticRegression() if model is None else model).fit(
        frame, [labels[int(value > 4)] for value in frame["a"]]
    )


def sklearn_model(folder: Path, model: Any = None, *, version: str = sklearn.__version__, **more: Any) -> Path:
    """A model of scikit-learn in skops."""
    facts = {"pickled_model": "model.skops", "serialization_format": "skops", "sklearn_version": version}
    content = skops.io.dumps(fitted() if model is None else model)
    return write_model(folder, {"sklearn": facts}, {"model.skops": content}, **more)


def graph(*, opset: int = 17, columns: int = 2, kind: str = "Sigmoid", outputs: int = 1) -> onnx.ModelProto:
    """A graph of float32 with one matrix as input."""
    weights = numpy_helper.from_array(np.full((columns, outputs), 0.5, dtype=np.float32), "w")
    nodes = [helper.make_node("MatMul", ["m", "w"], ["raw"]), helper.make_node(kind, ["raw"], ["score"])]
    made = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("m", TensorProto.FLOAT, [None, columns])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, outputs])],
        [weights],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def onnx_model(folder: Path, model: onnx.ModelProto, **more: Any) -> Path:
    """A model of ONNX."""
    return write_model(folder, {"onnx": {"data": "model.onnx"}}, {"model.onnx": model.SerializeToString()}, **more)


def booster(*, version: Sequence[int] = (3, 2, 0), objective: str = "binary:logistic", **tree: Any) -> dict[str, Any]:
    """A booster of one split, as XGBoost stores it."""
    one = {
        "left_children": [1, -1, -1], "right_children": [2, -1, -1], "split_indices": [1, 0, 0],
        "split_conditions": [0.5, -1.0, 2.0], "default_left": [1, 0, 0], "split_type": [0, 0, 0], "categories": [],
        "tree_param": {"size_leaf_vector": "1", "num_nodes": "3"}, **tree,
    }  # fmt: skip
    return {
        "version": list(version),
        "learner": {
            "attributes": {},
            "feature_names": ["a", "b"],
            "gradient_booster": {
                "name": "gbtree",
                "model": {"tree_info": [0], "trees": [one], "iteration_indptr": [0, 1]},
            },
            "learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": "2", "num_target": "1"},
            "objective": {"name": objective},
        },
    }


def xgboost_model(folder: Path, content: Any, **more: Any) -> Path:
    """A model of XGBoost."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    facts = {"data": "model.json", "model_class": "xgboost.core.Booster", "model_format": "json"}
    return write_model(folder, {"xgboost": facts}, {"model.json": data}, **more)
