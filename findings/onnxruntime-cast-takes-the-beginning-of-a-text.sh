#!/usr/bin/env bash
# onnxruntime 1.32.0, onnx 1.23.2, CPU. Guess: Cast from text to a number takes a whole text or fails, and Cast from a double to text writes
# enough digits to read it back, as numpy does. Seen: it takes as much of the beginning as is a number and drops the rest in silence ("1,5" and
# "1_000" are 1, "12 kg" is 12, "0x10" is 16; to int64 "1e3" and "1.9" are 1), and fails only where nothing is (also for ""). Of a double, text
# has eight digits: 123456789.0 becomes "1.2345679e+08", so that two keys that differ in the ninth digit are one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON' 2>"$folder/log"
import numpy as np
import onnxruntime
from onnx import TensorProto, helper

onnxruntime.set_default_logger_severity(4)

def cast(values, source, target):
    node = helper.make_node("Cast", ["x"], ["y"], to=target)
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", source, [len(values)])], [helper.make_tensor_value_info("y", target, [len(values)])])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    try:
        return session.run(None, {"x": values})[0].tolist()
    except Exception:
        return "an error"

def text(*values):
    return np.array(values, object)

seen = {
    "to double": cast(text("1,5", "1_000", "12 kg", "0x10", " 7"), TensorProto.STRING, TensorProto.DOUBLE),
    "to int64": cast(text("1e3", "1.9", "12 kg"), TensorProto.STRING, TensorProto.INT64),
    "empty": cast(text(""), TensorProto.STRING, TensorProto.DOUBLE),
    "a word": cast(text("kg"), TensorProto.STRING, TensorProto.DOUBLE),
    "doubles to text": cast(np.array([123456789.0, 123456788.0, 20261129.0, 0.1]), TensorProto.DOUBLE, TensorProto.STRING),
    "int64 to text": cast(np.array([123456789]), TensorProto.INT64, TensorProto.STRING),
}
for name, values in seen.items():
    print(f"{name:16} {values}")
expected = {
    "to double": [1.0, 1.0, 12.0, 16.0, 7.0],
    "to int64": [1, 1, 12],
    "empty": "an error",
    "a word": "an error",
    "doubles to text": ["1.2345679e+08", "1.2345679e+08", "20261129", "0.1"],
    "int64 to text": ["123456789"],
}
changed = [name for name in expected if seen[name] != expected[name]]
raise SystemExit(f"changed: {changed}" if changed else 0)
PYTHON
