"""Families of deep networks: fitted by a process that knows their library, kept and scored as graphs of ONNX."""
