"""The manifests for Seldon on a real API server, with its kinds."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from headrace.cluster.api.client import Cluster
from headrace.core.base.errors import ClusterError
from tests.cluster.platform import OWN, folder
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.kubernetes
GOLDEN = REPOSITORY / "tests" / "golden" / "seldon"
FILES = sorted(path.stem for path in GOLDEN.glob("*.yaml"))


def _objects(name: str) -> list[dict[str, Any]]:
    found = list(yaml.safe_load_all((GOLDEN / f"{name}.yaml").read_text()))
    for one in found:
        one["metadata"].pop("namespace", None)
    return found


@pytest.mark.parametrize("name", FILES)
def test_the_api_server_takes_each_object_whole(cluster: Cluster, name: str) -> None:
    """No field is unknown to the kind's schema, none is of another type, and none gets lost."""
    for one in _objects(name):
        applied = cluster.apply(one)
        assert _holds(applied["spec"], one["spec"]), one["metadata"]["name"]


@pytest.mark.parametrize(
    ("name", "place", "says"),
    [
        ("core2-model", ("spec", "storageURI"), "storageURI"),
        ("core2-model", ("spec", "requirements"), "requirements"),
        ("v1-deployment", ("spec", "predictors", 0, "componentSpecs", 0, "spec", "containers", 0, "images"), "images"),
    ],
)
def test_the_schemas_refuse_other_fields_and_types(
    cluster: Cluster, name: str, place: tuple[Any, ...], says: str
) -> None:
    """A misspelt field, and a text where a list belongs: the test above can fail."""
    changed = copy.deepcopy(_objects(name)[0])
    inner: Any = changed
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = "x"
    with pytest.raises(ClusterError, match=says):
        cluster.apply(changed)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda spec: spec["predictors"][0].update(traffic=50), "Traffic must sum to 100"),
        (lambda spec: spec["predictors"][1].update(shadow=True), "Multiple shadows"),
        (lambda spec: spec["predictors"][0]["graph"].update(name="other"), "find container"),
    ],
)
def test_what_the_webhook_of_version_1_refuses(cluster: Cluster, change: Callable[[Any], None], says: str) -> None:
    """Its rules for shares, shadows and the graph's container, as operator 1.18 has (seldondeployment_webhook.go)."""
    if folder() != OWN:
        pytest.skip("the real definitions hold no rules; the webhook has them")
    changed = _objects("v1-detectors-and-traffic")[0]
    change(changed["spec"])
    with pytest.raises(ClusterError, match=says):
        cluster.apply(changed)


def _holds(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return all(key in found and _holds(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_holds, found, wanted))
    return bool(found == wanted)


def test_there_are_manifests() -> None:
    """The golden files are found; without them nothing would be applied."""
    assert {"core2-pipeline-and-experiment", "v1-detectors-and-traffic"} <= set(FILES)
