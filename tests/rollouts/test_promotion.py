"""No request is lost when a canary takes over or goes back, in whichever order the platform changes things."""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from headrace.cluster.api.field_ownership import owned_fields_of
from headrace.cluster.api.kinds import INFERENCE_SERVICES
from headrace.core.base.errors import ClusterError
from headrace.rollouts.controller import start
from headrace.rollouts.kserve import KServeRollout, make_parts
from headrace.rollouts.traffic import canary
from headrace.serving.deployment import kserve_status
from tests.rollouts.published import rclone_settings, uris
from tests.serving.kserve_fixtures import Placed, digest, kserve_place

__all__ = ["kserve_place", "rclone_settings", "uris"]

pytestmark = [pytest.mark.kubernetes, pytest.mark.usefixtures("default_signals")]

REQUESTS = 10_000
DELAYS = {"services first": (False, 1.0), "route first": (True, 2.0)}
BODY = b'{"instances": [{"age": 41, "plan": "basic", "spend": 10.5, "joined": "2024-05-06"}]}'
PLAN = start.make_plan(
    steps=(50, 100),
    step_requests=20,
    step_duration_seconds=0.5,
    step_timeout_seconds=120,
    poll_interval_seconds=0.5,
    floor_ms=200,
    tolerances={"errors": 0.5, "slow": 0.9, "shift": 0.99},
)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"p{secrets.token_hex(3)}"


@contextmanager
def asked(place: Placed, *urls: str) -> Iterator[dict[str, Counter[int]]]:
    """Clients that ask all the time, one of each address; gives the statuses that they got."""
    statuses: dict[str, Counter[int]] = {url: Counter() for url in urls}
    ended = threading.Event()

    def ask(url: str) -> None:
        parts = urlsplit(url)
        pool = urllib3.PoolManager(retries=False)
        address = f"http://{place.platform.ingress.address}{parts.path}"
        headers = {"Host": parts.netloc, "Content-Type": "application/json"}
        while not ended.is_set():
            statuses[url][pool.request("POST", address, body=BODY, headers=headers).status] += 1

    threads = [threading.Thread(target=ask, args=(url,)) for url in urls]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)


@contextmanager
def ordered(place: Placed, order: str) -> Iterator[None]:
    """The platform changes things in an order, and its gateway hears of it late."""
    place.platform.route_first, place.platform.ingress.delay = DELAYS[order]
    try:
        yield
    finally:
        place.platform.route_first, place.platform.ingress.delay = False, 0.0


def deployed(place: Placed, uri: str, name: str) -> None:
    """An endpoint that says itself that it runs in the mode Standard, as canaries want it."""
    replace(place.deployer, target=replace(place.deployer.target, mode="Standard")).deploy(uri, name=name)


def applied(place: Placed, endpoint: str, /, **changed: Any) -> None:
    """An InferenceService with another predictor, as the suite would have applied it."""
    own = owned_fields_of(place.cluster.get(INFERENCE_SERVICES, endpoint) or {})
    assert own is not None
    own["spec"] = {"predictor": {**own["spec"]["predictor"], **changed}}
    place.cluster.apply(own)


def addresses(place: Placed, name: str) -> tuple[str, str]:
    """Addresses of an endpoint outside and inside of the cluster."""
    hosts = (place.platform.outer(name), place.platform.host(f"{name}-predictor"))
    outside, inside = (f"http://{host}/v1/models/{name}:predict" for host in hosts)
    return outside, inside


@pytest.mark.parametrize("order", DELAYS)
def test_a_promotion_and_its_way_back_lose_no_request(
    order: str, kserve_place: Placed, uris: list[str], name: str
) -> None:
    """B takes over by a canary, A again by one, and B is sent back; clients outside and inside see nothing of it."""
    deployed(kserve_place, uris[0], name)
    urls = addresses(kserve_place, name)
    with ordered(kserve_place, order), asked(kserve_place, *urls) as statuses:
        for uri in (uris[1], uris[0]):
            rolled = make_parts(KServeRollout(name, uri, "canary"), kserve_place.roller)
            record = start.begin(rolled, PLAN, say=lambda _: None)
            assert record.status == "promoted", record.reasons
            assert record.candidate.digest == digest(uri)
        back = make_parts(KServeRollout(name, uris[1], "canary"), kserve_place.roller).traffic
        back.prepare()
        back.split(50)
        back.restore()
        while min(map(Counter.total, statuses.values())) < REQUESTS:
            time.sleep(0.1)
    assert {status for found in statuses.values() for status in found} == {200}
    kserve_place.cluster.delete(INFERENCE_SERVICES, name)


def test_the_play_loses_requests_where_kserve_does(kserve_place: Placed, uris: list[str], name: str) -> None:
    """A canary that becomes the predictor takes the Service away that the gateway still sends half of them to."""
    deployed(kserve_place, uris[0], name)
    rolled = make_parts(KServeRollout(name, uris[1], "canary"), kserve_place.roller)
    rolled.traffic.prepare()
    rolled.traffic.split(50)
    beside = (kserve_place.cluster.get(INFERENCE_SERVICES, name) or {})["spec"]["canary"][0]["predictor"]
    outside, inside = addresses(kserve_place, name)
    host = kserve_place.platform.outer(name)
    alone = {kserve_place.platform.host(kserve_status.workload(name, beside["name"])): 100}
    with ordered(kserve_place, "services first"), asked(kserve_place, outside, inside) as statuses:
        applied(kserve_place, name, **beside)
        deadline = time.monotonic() + 30
        while not (statuses[inside][404] and kserve_place.platform.ingress.routes[host] == alone):
            assert time.monotonic() < deadline, statuses
            time.sleep(0.1)
        time.sleep(0.1)  # what was in flight
        lost = statuses[outside][503]
        time.sleep(0.5)
    assert statuses[outside][503] == lost > 0, "it is so until the gateway has heard of it"
    kserve_place.cluster.delete(INFERENCE_SERVICES, name)


def test_a_canary_is_named_as_nothing_is(kserve_place: Placed, uris: list[str], name: str) -> None:
    """KServe refuses a canary named as the predictor, which an earlier rollout may have named: it gets another."""
    deployed(kserve_place, uris[0], name)
    taken = canary.name_of(digest(uris[1]), endpoint=name)
    applied(kserve_place, name, name=taken)
    rolled = make_parts(KServeRollout(name, uris[1], "canary"), kserve_place.roller)
    own = rolled.traffic.endpoint.own()  # type: ignore[attr-defined]
    with pytest.raises(ClusterError, match="conflicts with stable predictor name"):
        kserve_place.roller.cluster.apply(canary.divide(own, uris[1], taken, 0), dry_run=True)
    rolled.traffic.prepare()
    spec = (kserve_place.cluster.get(INFERENCE_SERVICES, name) or {})["spec"]
    assert (spec["predictor"]["name"], spec["canary"][0]["predictor"]["name"]) == (taken, f"{taken}-2")
    rolled.traffic.prepare()
    assert (kserve_place.cluster.get(INFERENCE_SERVICES, name) or {})["spec"] == spec, "it keeps its name"
    rolled.traffic.restore()
    kserve_place.cluster.delete(INFERENCE_SERVICES, name)
