"""Fitted pipelines as ONNX models that give the same predictions."""
