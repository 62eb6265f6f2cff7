"""The Kubernetes API: objects as plain values, errors in one sentence."""
