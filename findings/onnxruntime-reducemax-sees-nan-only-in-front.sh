#!/usr/bin/env bash
# onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6, CPU. Guess: ReduceMax and ReduceMin give NaN for a row that holds one, as the elementwise Max
# and Min, Relu and Clip do, and as numpy and ONNX's own reference evaluator do. Seen: NaN if it stands first along the axis; anywhere else
# it is passed over in silence, so that the maximum of a row depends on the order of its columns. GlobalMaxPool passes over all of them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

nan = float("nan")
rows = np.array([[nan, 1, 2], [1, nan, 3], [1, 2, nan], [1, 2, 3]], np.float32)

def model(operator, inputs, outputs, constants=(), **attributes):
    node = helper.make_node(operator, [*inputs, *(c.name for c in constants)], ["y"], **attributes)
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()]
    graph = helper.make_graph([node], "g", values, [helper.make_tensor_value_info("y", TensorProto.FLOAT, outputs)], list(constants))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)

def run(made, **inputs):
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)[0].ravel().tolist()

axis = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
reduced = {name: model(name, {"x": [4, 3]}, [4], [axis], keepdims=0) for name in ("ReduceMax", "ReduceMin")}
seen = {name: run(made, x=rows) for name, made in reduced.items()}
seen["GlobalMaxPool"] = run(model("GlobalMaxPool", {"x": [4, 1, 3]}, [4, 1, 1]), x=rows[:, None, :])
seen["Max"] = run(model("Max", {"a": [4], "b": [4]}, [4]), a=rows[:, 0], b=rows[:, 1])
seen["reference ReduceMax"] = ReferenceEvaluator(reduced["ReduceMax"]).run(None, {"x": rows})[0].tolist()
seen["numpy max"] = rows.max(axis=1).tolist()
for name, values in seen.items():
    print(f"{name:20} {values}")
expected = {
    "ReduceMax": [nan, 3, 2, 3],
    "ReduceMin": [nan, 1, 1, 1],
    "GlobalMaxPool": [2, 3, 2, 3],
    "Max": [nan, nan, 2, 2],
    "reference ReduceMax": [nan, nan, nan, 3],
    "numpy max": [nan, nan, nan, 3],
}
changed = [name for name in expected if not np.array_equal(seen[name], expected[name], equal_nan=True)]
raise SystemExit(f"changed: {changed}" if changed else 0)
PYTHON
