"""Manifests of Seldon Core 1: a SeldonDeployment for the model, and one for each detector.

Source: the custom resource definition and webhook of the operator, API ``machinelearning.seldon.io/v1``.
"""

import json
from dataclasses import replace
from typing import Any

from headrace.core.base.errors import InputError
from headrace.serving.seldon.core2 import OWN_MEBIBYTES, SECURITY, WORKERS
from headrace.serving.seldon.target import (
    Detector,
    Document,
    PublishedModel,
    SeldonModels,
    SeldonTarget,
    checked_name,
    describe,
)

API = "machinelearning.seldon.io/v1"


def build(models: SeldonModels, target: SeldonTarget) -> list[Document]:
    """Return the objects of a model.

    Args:
        models: The versions of the model.
        target: How it is served.

    Raises:
        InputError: If there is no image, or Kubernetes does not accept a name.
    """
    if not target.image:
        raise InputError("Seldon Core 1 starts a container for each model: name its image with --image.")
    # The orchestrator asks for the model by the name of its container, and MLServer has it by that of the bundle.
    checked_name(models.main.name)
    name = checked_name(target.name or models.main.name)
    main = _predictor("default", models.main, target)
    if target.explainer:
        main["explainer"] = _explainer(models.main, target)
    predictors = [main]
    if models.candidate:
        main["traffic"] = 100 - target.candidate_percent
        share: Document = {"traffic": target.candidate_percent}
        predictors.append({**_predictor("candidate", models.candidate, target), **share})
    if models.mirror:
        shadow: Document = {"shadow": True, "traffic": target.mirror_percent}
        predictors.append({**_predictor("mirror", models.mirror, target), **shadow})
    return [
        _deployment(name, predictors, target),
        *(_deployment(f"{name}-{one}", [_detector(one, models.main, target)], target) for one in target.detectors),
    ]


def _deployment(name: str, predictors: list[Document], target: SeldonTarget) -> Document:
    return {
        **describe("SeldonDeployment", API, name, target),
        "spec": {"protocol": "v2", "predictors": predictors},
    }


def _detector(detector: Detector, version: PublishedModel, target: SeldonTarget) -> Document:
    parameters: dict[str, Any] = {"detector": detector}
    if detector == "drift":
        parameters["window_rows"] = target.window_rows
        target = replace(target, replicas=1)  # each replica would count a window of its own
    return _predictor("default", version, target, {"name": "MLSERVER_MODEL_EXTRA", "value": json.dumps(parameters)})


def _predictor(name: str, version: PublishedModel, target: SeldonTarget, *variables: Document) -> Document:
    memory = f"{OWN_MEBIBYTES + target.mebibytes}Mi"
    container = {
        "name": version.name,
        "image": target.image,
        "env": [WORKERS, *variables],
        "resources": {"requests": {"memory": memory}, "limits": {"memory": memory}},
        "securityContext": SECURITY,
    }
    return {
        "name": name,
        "replicas": target.replicas,
        "graph": {"name": version.name, "type": "MODEL", **_source(version, target)},
        "componentSpecs": [{"spec": {"containers": [container]}}],
    }


def _explainer(version: PublishedModel, target: SeldonTarget) -> Document:
    # Seldon writes the container's environment itself, by the type, which must be one of Alibi's.
    container = {"name": version.name, "image": target.image, "securityContext": SECURITY}
    return {"type": "TreeShap", **_source(version, target), "containerSpec": container}


def _source(version: PublishedModel, target: SeldonTarget) -> Document:
    return {"modelUri": version.uri, **({"envSecretRefName": target.secret} if target.secret else {})}
