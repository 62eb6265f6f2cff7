"""An endpoint goes with all that was made for it."""

import secrets
import time
from dataclasses import replace

import pytest

from headrace.cluster.api.kinds import CONFIG_MAPS, HTTP_ROUTES, INFERENCE_GRAPHS, INFERENCE_SERVICES
from headrace.cluster.api.lease import LeaseClaim
from headrace.cluster.api.lease_document import LeaseSubject
from headrace.core.base.errors import InputError
from headrace.rollouts.controller import start
from headrace.rollouts.kserve import KServeRollout, make_parts
from headrace.rollouts.record.config_map_store import name_of
from headrace.rollouts.remove_endpoint import remove
from tests.rollouts.published import rclone_settings, uris
from tests.serving.kserve_fixtures import Placed, kserve_place

__all__ = ["kserve_place", "rclone_settings", "uris"]

pytestmark = [pytest.mark.kubernetes, pytest.mark.usefixtures("default_signals")]


def test_nothing_of_a_held_rollout_stays(kserve_place: Placed, uris: list[str]) -> None:
    """Not while it is watched; then graph, route, candidate and record go, or are named to who may not delete them."""
    name = f"d{secrets.token_hex(3)}"
    kserve_place.deployer.deploy(uris[0], name=name)
    parts = make_parts(KServeRollout(name, uris[1], "graph"), kserve_place.roller)
    admin = replace(kserve_place.roller, cluster=kserve_place.cluster)
    refused: list[str] = []

    def interrupt(text: str) -> None:
        if "requests" in text and "%" in text:
            with pytest.raises(InputError, match="is under way: end it with headrace rollout") as caught:
                remove(admin, name)
            refused.append(str(caught.value))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start.begin(parts, start.make_plan(steps=(10, 100), poll_interval_seconds=0.2), say=interrupt)
    assert refused
    kinds = {
        INFERENCE_GRAPHS: f"{name}-split",
        INFERENCE_SERVICES: f"{name}-candidate",
        CONFIG_MAPS: name_of(name),
        HTTP_ROUTES: f"{name}-split",
    }
    assert all(kserve_place.cluster.get(kind, what) for kind, what in kinds.items())
    namespace = kserve_place.cluster.namespace
    assert remove(kserve_place.deployer, f"{name}-none").commands == (
        f"kubectl -n {namespace} delete inferencegraphs {name}-none-split",
        f"kubectl -n {namespace} delete configmaps {name_of(f'{name}-none')}",
    )
    claim = LeaseSubject(INFERENCE_SERVICES.kind, name, uris[1])
    LeaseClaim(kserve_place.cluster, claim, seconds=1).acquire()
    time.sleep(1.2)
    removed = remove(admin, name)
    assert removed.deleted == (
        f"InferenceService {name}",
        f"InferenceGraph {name}-split",
        f"InferenceService {name}-candidate",
        f"ConfigMap {name_of(name)}",
        f"Lease {claim.lease}",
    )
    assert not removed.commands
    while kserve_place.cluster.get(HTTP_ROUTES, f"{name}-split") is not None:
        pass
    assert not [kind for kind, what in kinds.items() if kserve_place.cluster.get(kind, what)]
