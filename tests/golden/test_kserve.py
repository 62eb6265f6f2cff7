"""What is sent to KServe, as files of this repository."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.rollouts.traffic import canary, inference_graph, knative
from headrace.serving.deployment import kserve_spec
from headrace.serving.deployment.target import DeploymentTarget

GOLDEN = Path(__file__).parent / "kserve"
URI = f"s3://headrace/models/heart/{'0' * 64}/"
NEW = f"s3://headrace/models/heart/{'1' * 64}/"
STANDARD = kserve_spec.build("heart", URI, target=DeploymentTarget(max_replicas=3), mode="Standard")
DOCUMENTS: dict[str, Any] = {
    "inference-service": STANDARD,
    "inference-service-of-a-promoted-canary": kserve_spec.build(
        "heart", URI, target=DeploymentTarget(), predictor="v2"
    ),
    "rollout-by-a-canary": canary.divide(STANDARD, NEW, canary.name_of("1" * 64, endpoint="heart"), 25),
    "rollout-by-knative": knative.divide(kserve_spec.build("heart", URI, target=DeploymentTarget()), NEW, 25),
    "rollout-by-a-graph": inference_graph.build("heart-split", {"heart": 75, "heart-candidate": 25}, mode="Standard"),
}
TYPES = {"InferenceService": "V1beta1InferenceService", "InferenceGraph": "V1alpha1InferenceGraph"}


@pytest.fixture(scope="module")
def typed() -> dict[str, Any]:
    """The objects after they went through KServe's typed client."""
    given = {name: (TYPES[built["kind"]], built) for name, built in DOCUMENTS.items()}
    script = Path(__file__).with_name("kserve_models.py")
    run = subprocess.run(
        [sys.executable, "-P", str(script)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return dict(json.loads(run.stdout))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_object_is_current(name: str, request: pytest.FixtureRequest, typed: dict[str, Any]) -> None:
    """What is sent now is what lies here, and KServe's typed client loses nothing of it."""
    built = DOCUMENTS[name]
    text = yaml.safe_dump(built, sort_keys=False)
    path = GOLDEN / f"{name}.yaml"
    if request.config.getoption("--rewrite"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.exists(), "run `make compiled`"
    assert path.read_text() == text, "run `make compiled` and read the diff"
    assert _without_empty_name(typed[name]) == built


def _without_empty_name(document: Any) -> Any:
    """Without the empty name that KServe's client gives a model or a resource which has none."""
    spec = document["spec"]
    for predictor in [spec.get("predictor"), *(one["predictor"] for one in spec.get("canary", []))]:
        model = (predictor or {}).get("model", {})
        if model.get("name") == "":
            del model["name"]
    return document
