"""Manifests of Seldon Core 2: Server, Models, Pipeline, Experiment.

Source: the custom resource definitions of the operator, API ``mlops.seldon.io/v1alpha1``.
"""

from collections.abc import Mapping
from typing import Any

from headrace.serving.seldon.target import (
    Detector,
    Document,
    PublishedModel,
    SeldonModels,
    SeldonTarget,
    checked_name,
    describe,
    to_mebibytes,
)

API = "mlops.seldon.io/v1alpha1"
CAPABILITY = "headrace"
"""What the Server offers and each Model requires, so that Seldon places them there and no other models."""
OWN_MEBIBYTES = 256
"""Memory of MLServer and the suite before there is a model, in MiB."""
_EXPLAINER_MEBIBYTES = 512  # scikit-learn, numba and shap, in a process of their own
SECURITY: Document = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
WORKERS: Document = {"name": "MLSERVER_PARALLEL_WORKERS", "value": "0"}
"""No further processes: each would have windows of its own, and put the class of an error before its sentence."""


def build(models: SeldonModels, target: SeldonTarget) -> list[Document]:
    """Return the objects of a model, in the order in which they are applied.

    Args:
        models: The versions of the model.
        target: How it is served.

    Raises:
        InputError: If Kubernetes does not accept its name.
    """
    name = checked_name(target.name or models.main.name)
    placed = [_model(name, models.main, target)]
    versions = (("candidate", models.candidate), ("mirror", models.mirror))
    placed += [_model(f"{name}-{word}", version, target) for word, version in versions if version is not None]
    placed += [_model(f"{name}-{one}", models.main, target, _detect(one, target)) for one in target.detectors]
    if target.explainer:
        # Any type makes the bundle's runtime explain; the address of the model is not used.
        explainer = {
            "memory": f"{max(target.mebibytes, _EXPLAINER_MEBIBYTES)}Mi",
            "explainer": {"type": "shap", "modelRef": name},
        }
        placed.append(_model(f"{name}-explainer", models.main, target, explainer))
    servers = [_server(placed, target)] if target.image else []
    pipelines = [_pipeline(name, target)] if target.detectors else []
    experiments = [_experiment(name, models, target)] if models.candidate or models.mirror else []
    return [*servers, *placed, *pipelines, *experiments]


def _server(models: list[Document], target: SeldonTarget) -> Document:
    specs: list[Any] = [one["spec"] for one in models]
    memory = f"{OWN_MEBIBYTES + sum(to_mebibytes(spec['memory']) for spec in specs)}Mi"
    container = {
        "name": "mlserver",
        "image": target.image,
        "env": [WORKERS],
        # Seldon places models by the memory that is requested here.
        "resources": {"requests": {"memory": memory}},
        "securityContext": SECURITY,
    }
    spec = {
        "serverConfig": "mlserver",
        "capabilities": [CAPABILITY],
        "replicas": target.replicas,
        "podSpec": {"containers": [container]},
    }
    return {**describe("Server", API, target.server, target), "spec": spec}


def _model(name: str, version: PublishedModel, target: SeldonTarget, more: Mapping[str, Any] | None = None) -> Document:
    spec = {
        "storageUri": version.uri,
        **({"secretName": target.secret} if target.secret else {}),
        "requirements": [CAPABILITY],
        "memory": target.memory,
        "replicas": target.replicas,
        **(more or {}),
    }
    return {**describe("Model", API, name, target), "spec": spec}


def _detect(detector: Detector, target: SeldonTarget) -> dict[str, Any]:
    parameters = {"detector": detector}
    if detector == "outlier":
        return {"parameters": _parameters(parameters)}
    # Each replica would count a window of its own.
    return {"replicas": 1, "parameters": _parameters({**parameters, "window_rows": str(target.window_rows)})}


def _parameters(parameters: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in parameters.items()]


def _pipeline(name: str, target: SeldonTarget) -> Document:
    """Return the pipeline: model and detectors get each request; who asks gets the answer, and what is an outlier."""
    outlier = [f"{name}-outlier.outputs.is_outlier"] if "outlier" in target.detectors else []
    spec = {
        "steps": [{"name": name}, *({"name": f"{name}-{one}"} for one in target.detectors)],
        "output": {"steps": [name, *outlier]},
    }
    return {**describe("Pipeline", API, f"{name}-pipeline", target), "spec": spec}


def _experiment(name: str, models: SeldonModels, target: SeldonTarget) -> Document:
    share = target.candidate_percent if models.candidate else 0
    candidates = [{"name": name, "weight": 100 - share}]
    if models.candidate:
        candidates.append({"name": f"{name}-candidate", "weight": share})
    mirror = {"mirror": {"name": f"{name}-mirror", "percent": target.mirror_percent}} if models.mirror else {}
    # Requests for the model by its name take part.
    spec = {"default": name, "candidates": candidates, **mirror}
    return {**describe("Experiment", API, f"{name}-experiment", target), "spec": spec}
