"""What is sent to KServe, as files of this repository."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from headrace.serving import kserve_spec
from headrace.serving.kserve_spec import Server

GOLDEN = Path(__file__).parent / "kserve"
URI = f"s3://headrace/models/heart/{'0' * 64}/"
DOCUMENTS: dict[str, Any] = {
    "inference-service": kserve_spec.build("heart", URI, server=Server(most_replicas=3), mode="Standard"),
    "inference-service-of-a-promoted-canary": kserve_spec.build("heart", URI, server=Server(), predictor="v2"),
}


def typed(built: dict[str, Any], kind: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The object after it went through KServe's typed client, whose classes the Kubernetes client is shown."""
    monkeypatch.setattr(sys, "argv", ["pytest"])  # which importing kserve parses
    import kserve.models
    from kubernetes.client import ApiClient, models

    for name in dir(kserve.models):
        if name.startswith("V1"):
            monkeypatch.setattr(models, name, getattr(kserve.models, name), raising=False)
    client = ApiClient()
    made = client.deserialize(SimpleNamespace(data=json.dumps(built)), kind)
    return client.sanitize_for_serialization(made)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_object_is_current(name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent now is what lies here, and KServe's typed client loses nothing of it."""
    built = DOCUMENTS[name]
    text = yaml.safe_dump(built, sort_keys=False)
    path = GOLDEN / f"{name}.yaml"
    if request.config.getoption("--rewrite"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.exists(), "run `make compiled`"
    assert path.read_text() == text, "run `make compiled` and read the diff"
    assert _without_empty_name(typed(built, f"V1beta1{built['kind']}", monkeypatch)) == built


def _without_empty_name(document: Any) -> Any:
    """Without the empty name that KServe's client gives a model which has none."""
    model = document["spec"]["predictor"]["model"]
    if model.get("name") == "":
        del model["name"]
    return document
