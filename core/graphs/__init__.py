"""Graphs of ONNX: what they may hold, and how they are loaded."""
