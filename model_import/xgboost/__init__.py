"""Models of XGBoost, read from its JSON and UBJSON, become graphs of ONNX."""
