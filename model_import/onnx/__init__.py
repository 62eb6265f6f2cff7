"""Graphs of ONNX become parts of graphs that take the model matrix."""
