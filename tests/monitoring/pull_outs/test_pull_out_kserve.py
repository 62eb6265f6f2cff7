"""A pull-out on an endpoint of KServe: a model that went wrong is really replaced, and nothing is for broken data."""

import secrets
from dataclasses import replace
from pathlib import Path

import pytest

import headrace.api as hr
from headrace.cluster.api.kinds import INFERENCE_SERVICES
from headrace.core.base.errors import ClusterError, InputError
from headrace.core.bundles.bundle import open_bundle
from headrace.registry.mlflow.registry import open_registry
from headrace.registry.models.submission import ModelSubmission
from headrace.serving.deployment import kserve_status
from headrace.serving.deployment.client import EndpointClient
from headrace.stores.bundles.bundle_store import fetch
from tests.cluster.api_server import ApiServer
from tests.monitoring.pull_outs.made_versions import Life, rules
from tests.rollouts.published import rclone_settings, uris
from tests.serving.conftest import GOOD
from tests.serving.kserve_fixtures import Placed, kserve_place

__all__ = ["kserve_place", "rclone_settings", "uris"]

pytestmark = [pytest.mark.kubernetes, pytest.mark.usefixtures("default_signals")]


@pytest.fixture
def life(
    tmp_path: Path, kserve_place: Placed, kubernetes: ApiServer, uris: list[str], monkeypatch: pytest.MonkeyPatch
) -> Life:
    """Two versions, of which the second is in production and on an endpoint."""
    monkeypatch.chdir(tmp_path)
    store = kserve_place.deployer.store
    assert store is not None
    settings = {
        **store.environment(),
        "KUBECONFIG": str(kubernetes.kubeconfig),
        "HEADRACE_GATEWAY": kserve_place.platform.ingress.address,
        "HEADRACE_REGISTRY": str(tmp_path / "registry.db"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    registry, versions, folders = open_registry(), [], []
    for number, uri in enumerate(uris):
        folders.append(fetch(uri, tmp_path / f"bundle-{number}"))
        submission = ModelSubmission.of(open_bundle(folders[-1]), uri=uri)
        versions.append(registry.register(submission, by="ann"))
        registry.promote("customers", versions[-1].digest, stage="production", by="ann")
    return Life(tmp_path, "customers", tuple(versions), tuple(folders))


@pytest.fixture
def endpoint(kserve_place: Placed, uris: list[str]) -> str:
    """An endpoint that serves the second version, with resources of its own."""
    name = f"o{secrets.token_hex(3)}"
    target = replace(kserve_place.deployer.target, cpu="300m", mode="Standard")
    replace(kserve_place.deployer, target=target).deploy(uris[1], name=name)
    return name


def _place(place: Placed, endpoint: str) -> hr.RolloutPlace:
    return hr.RolloutPlace("kserve", endpoint, place.cluster.namespace)


def _answer(place: Placed, endpoint: str) -> tuple[str, object]:
    """Digest of the bundle that answers on the route, and its answer."""
    url = f"http://{place.platform.outer(endpoint)}/v1/models/{endpoint}:predict"
    with EndpointClient.at(url, gateway=place.platform.ingress.address) as remote:
        return remote.digest(), remote.predict([GOOD]).document["predictions"][0]


def test_a_model_that_went_wrong_is_replaced_on_its_endpoint(kserve_place: Placed, life: Life, endpoint: str) -> None:
    """The former version answers, the endpoint keeps its settings, and repeating it changes nothing."""
    life.decide(2, {"error_rate": "violated", "missing": "ok"}, rules())
    before = kserve_place.cluster.get(INFERENCE_SERVICES, endpoint) or {}
    done = hr.pull_out("customers@production", life.store, place=_place(kserve_place, endpoint))
    assert (done.status, done.record.endpoint if done.record else "") == ("pulled_out", endpoint)
    assert _answer(kserve_place, endpoint)[0] == life.versions[0].digest
    after = kserve_place.cluster.get(INFERENCE_SERVICES, endpoint) or {}
    assert kserve_status.source(after) == life.versions[0].uri
    for service in (before, after):
        service["spec"]["predictor"]["model"].pop("storageUri")
    assert after["spec"] == before["spec"]
    assert life.in_production() == life.versions[0].version
    again = hr.pull_out(life.folders[1], life.store, place=_place(kserve_place, endpoint))
    assert again.status == "known"
    assert (kserve_place.cluster.get(INFERENCE_SERVICES, endpoint) or {})["metadata"]["generation"] == (
        after["metadata"]["generation"]
    )
    kserve_place.cluster.delete(INFERENCE_SERVICES, endpoint)


def test_nothing_is_replaced_where_the_data_are_broken(kserve_place: Placed, life: Life, endpoint: str) -> None:
    """Whatever else is violated: another model would read the same broken rows."""
    life.decide(2, {"error_rate": "violated", "missing": "data_fault"}, rules())
    before = kserve_place.cluster.get(INFERENCE_SERVICES, endpoint) or {}
    with pytest.raises(InputError, match="the latest decision about it is stop"):
        hr.pull_out("customers@production", life.store, place=_place(kserve_place, endpoint))
    after = kserve_place.cluster.get(INFERENCE_SERVICES, endpoint) or {}
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert _answer(kserve_place, endpoint)[0] == life.versions[1].digest
    assert life.in_production() == life.versions[1].version
    kserve_place.cluster.delete(INFERENCE_SERVICES, endpoint)


def test_the_baseline_answers_on_the_endpoint(kserve_place: Placed, life: Life, endpoint: str) -> None:
    """It is published and deployed like any version; first another endpoint and a failing one change nothing."""
    life.decide(2, {"error_rate": "violated", "missing": "ok"}, rules("baseline"))
    with pytest.raises(InputError, match="there is no InferenceService nowhere"):
        hr.pull_out("customers@production", life.store, place=_place(kserve_place, "nowhere"))
    assert life.in_production() == life.versions[1].version
    done = hr.pull_out("customers@production", life.store, place=_place(kserve_place, endpoint))
    assert done.record is not None
    digest, answer = _answer(kserve_place, endpoint)
    assert digest == done.record.successor
    shares = open_bundle(life.folders[1]).json("metrics.json")["baseline"]["shares"]
    assert isinstance(answer, dict)
    assert answer["probabilities"] == pytest.approx(shares, abs=1e-12)
    assert life.in_production() == done.record.successor_version
    kserve_place.cluster.delete(INFERENCE_SERVICES, endpoint)


def test_a_version_that_does_not_come_up_leaves_everything_as_it_was(
    kserve_place: Placed, life: Life, endpoint: str
) -> None:
    """The endpoint goes back by itself, and the registry says what is true: the version is still in production."""
    life.decide(2, {"error_rate": "violated", "missing": "ok"}, rules())
    kserve_place.platform.faults = {life.versions[0].digest: "image"}
    try:
        with pytest.raises(ClusterError, match="cannot be pulled"):
            hr.pull_out("customers@production", life.store, place=_place(kserve_place, endpoint))
    finally:
        kserve_place.platform.faults = {}
    assert _answer(kserve_place, endpoint)[0] == life.versions[1].digest
    assert life.in_production() == life.versions[1].version
    kserve_place.cluster.delete(INFERENCE_SERVICES, endpoint)
