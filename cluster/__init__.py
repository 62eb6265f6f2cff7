"""Kubernetes and the platforms on it, reached by their APIs: errors in one sentence, objects as plain values."""
