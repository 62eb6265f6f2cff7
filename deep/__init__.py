"""Training of deep networks with Keras on JAX; what is kept of one is a graph of ONNX."""
