"""Reads objects into KServe's typed models and writes what these kept of them.

A process of its own: `import kserve` parses the arguments, and does not go with other clients of the same protocol.
"""

import json
import sys
from types import SimpleNamespace

import kserve.models
from kubernetes.client import ApiClient, models

if __name__ == "__main__":
    for name in [name for name in dir(kserve.models) if name.startswith("V1")]:
        if not hasattr(models, name):  # where the client looks for the models that others refer to
            setattr(models, name, getattr(kserve.models, name))
    client = ApiClient()
    kept = {}
    for name, (kind, document) in json.load(sys.stdin).items():
        made = client.deserialize(SimpleNamespace(data=json.dumps(document)), kind)
        kept[name] = client.sanitize_for_serialization(made)
    json.dump(kept, sys.stdout)
