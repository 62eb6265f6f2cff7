"""Reads a ServingRuntime into KServe's typed models and writes what they kept of it.

A process of its own: `import kserve` parses the arguments, and does not go with other clients of the same protocol.
"""

import json
import sys
from types import ModuleType, SimpleNamespace

import kserve
import kubernetes.client.models
from kubernetes.client import ApiClient

_OWN = kubernetes.client.models


class _Both(ModuleType):
    """KServe's models and Kubernetes' own, as one module."""

    def __getattr__(self, name: str) -> object:
        """A model of either."""
        return getattr(kserve.models, name, None) or getattr(_OWN, name)


if __name__ == "__main__":
    kubernetes.client.models = _Both("both")  # where the client looks for the models that others refer to
    reader, kept = ApiClient(), []
    for runtime in json.load(sys.stdin):
        taken = reader.deserialize(SimpleNamespace(data=json.dumps(runtime)), "V1alpha1ServingRuntime")
        kept.append(reader.sanitize_for_serialization(taken))
    json.dump(kept, sys.stdout)
