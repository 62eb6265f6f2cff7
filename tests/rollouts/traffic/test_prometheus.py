"""The source that asks Prometheus: its HTTP API is played, in the form of its documentation, for it cannot run here."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from headrace.core.base.errors import InputError, StoreError, UserError
from headrace.rollouts.traffic.prometheus import OutcomeQueries, PrometheusCounters
from headrace.stores.metrics.prometheus_api import PrometheusApi

ONE, TWO = "a" * 64, "b" * 64


def sample(value: float, **labels: str) -> dict[str, Any]:
    """One entry of an instant vector: a time, and the value as a text."""
    return {"metric": labels, "value": [1764028800.781, str(value)]}


def server(pod: str, digest: str, requests: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What Prometheus has collected of a pod."""
    own = {"job": "models", "namespace": "models", "pod": pod, "instance": f"{pod}:8080"}
    info = sample(1, __name__="headrace_model_info", digest=digest, name="heart", **own)
    return info, [
        sample(requests, __name__="headrace_requests_total", code="200", protocol="v1", **own),
        sample(requests, __name__="headrace_rows_total", **own),
        sample(requests, __name__="headrace_request_duration_seconds_bucket", le="0.01", protocol="v1", **own),
        sample(requests, __name__="headrace_request_duration_seconds_bucket", le="+Inf", protocol="v1", **own),
        sample(requests, __name__="headrace_predictions_total", **{"class": "yes"}, **own),
    ]


@dataclass
class PlayedPrometheus:
    """A server of ``/api/v1/query``.

    Attributes:
        answer: Gives the status and the document of an answer, by the query.
        queries: What was asked.
        url: Its address.
    """

    answer: Callable[[str], tuple[int, Any]] = lambda _: (200, {})
    queries: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def prometheus() -> Iterator[PlayedPrometheus]:
    """Prometheus, played."""
    played = PlayedPrometheus()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            (query,) = parse_qs(body)["query"]
            assert self.path == "/api/v1/query"
            played.queries.append(query)
            status, document = played.answer(query)
            data = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        played.url = f"http://127.0.0.1:{listening.server_port}"
        threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
        yield played
        listening.shutdown()


def vector(result: list[dict[str, Any]]) -> tuple[int, Any]:
    """A successful answer."""
    return 200, {"status": "success", "data": {"resultType": "vector", "result": result}}


def test_servers_are_known_by_what_they_serve(prometheus: PlayedPrometheus) -> None:
    """Each pod's counts with its digest; outcomes by two queries of one's own."""
    pods = [server("p1", ONE, 10), server("p2", ONE, 20), server("p3", TWO, 5)]

    def answer(query: str) -> tuple[int, Any]:
        if query.startswith("headrace_model_info"):
            return vector([info for info, _ in pods])
        if query == "known":
            return vector([sample(40, digest=ONE), sample(9, digest=TWO), sample(1, digest="other")])
        if query == "wrong":
            return vector([sample(4, digest=ONE)])
        return vector([one for _, series in pods for one in series])

    prometheus.answer = answer
    source = PrometheusCounters(
        PrometheusApi(prometheus.url), ("heart", "heart-b"), (ONE, TWO), 'team="x"', OutcomeQueries("known", "wrong")
    )
    found = source.read()
    counted = [(one.digest, one.counts.requests) for one in found.values() if one.counts.requests]
    assert sorted(counted) == [(ONE, 10), (ONE, 20), (TWO, 5)]
    outcomes = {one.digest: dict(one.counts.outcomes) for one in found.values() if one.counts.outcomes}
    assert outcomes == {
        ONE: {"count": 40, "total": 4, "squares": 4},
        TWO: {"count": 9, "total": 0, "squares": 0},
    }
    assert f'headrace_model_info{{name=~"heart|heart-b", digest=~"{ONE}|{TWO}", team="x"}}' in prometheus.queries
    assert " and on (job, instance, namespace, pod) headrace_model_info{" in prometheus.queries[1]


def test_servers_that_are_not_collected_are_told(prometheus: PlayedPrometheus) -> None:
    """Nothing found is not the same as nothing counted."""
    prometheus.answer = lambda _: vector([])
    with pytest.raises(InputError, match=r"must collect the servers' metrics.*look at its targets"):
        PrometheusCounters(PrometheusApi(prometheus.url), ("heart",), (ONE,)).read()


@pytest.mark.parametrize(
    ("status", "document", "said"),
    [
        (400, {"status": "error", "errorType": "bad_data", "error": "parse error"}, "refuses.*400: parse error"),
        (503, b"upstream", "does not answer"),
        (200, [], "refuses the query"),
    ],
)
def test_what_prometheus_refuses_is_one_sentence(
    prometheus: PlayedPrometheus, status: int, document: Any, said: str
) -> None:
    """With its own words where it has any."""
    prometheus.answer = lambda _: (status, document)
    with pytest.raises(UserError, match=said):
        PrometheusCounters(PrometheusApi(prometheus.url), ("heart",), (ONE,)).read()


def test_an_address_that_is_none_is_refused() -> None:
    """Before anything is asked; and one where nothing listens when it is."""
    with pytest.raises(InputError, match="such as http://prometheus:9090"):
        PrometheusApi("prometheus:9090")
    with pytest.raises(InputError, match="must hold no password") as caught:
        PrometheusApi("http://me:hidden@prometheus:9090")
    assert "hidden" not in str(caught.value)
    with pytest.raises(StoreError, match="does not answer: start it"):
        PrometheusCounters(PrometheusApi("http://127.0.0.1:9"), ("heart",), (ONE,)).read()
