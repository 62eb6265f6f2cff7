#!/usr/bin/env bash
# onnxruntime 1.32.0, onnx 1.23.2, CPU. Guess: OneHotEncoder with cats_int64s gives zeros for a float that is none of its categories, and
# LabelEncoder with NaN among its keys finds it whatever the version of ai.onnx.ml. Seen: OneHotEncoder cuts the fraction first (1.9 is
# category 1, -0.5 category 0; NaN is none); LabelEncoder finds NaN if the model imports ai.onnx.ml 4, and gives the default with version 2,
# though the node's attributes are the same.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper

def run(operator, values, output, version, **attributes):
    node = helper.make_node(operator, ["x"], ["y"], domain="ai.onnx.ml", **attributes)
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(values.shape))], [helper.make_tensor_value_info("y", output, None)])
    versions = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", version)]
    made = helper.make_model(graph, opset_imports=versions, ir_version=10)
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": values})[0]

values = np.array([1.9, -0.5, 2.0, np.nan, 3.0], np.float32)
hot = run("OneHotEncoder", values, TensorProto.FLOAT, 1, cats_int64s=[0, 1, 2], zeros=1).tolist()
keys = {"keys_floats": [float("nan"), 1.0], "values_int64s": [7, 8], "default_int64": -1}
given = np.array([np.nan, 1.0, 2.0], np.float32)
labels = {version: run("LabelEncoder", given, TensorProto.INT64, version, **keys).tolist() for version in (2, 4)}
print("OneHotEncoder of 1.9, -0.5, 2.0, NaN, 3.0:", hot)
print("LabelEncoder of NaN, 1, 2 by version:", labels)
same = hot == [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]] and labels == {2: [-1, 8, -1], 4: [7, 8, -1]}
raise SystemExit(0 if same else "changed")
PYTHON
