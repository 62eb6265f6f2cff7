"""Answers of metrics servers within their bounds."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from headrace.core.base.errors import StoreError
from headrace.stores.metrics import exposition, prometheus_api
from headrace.stores.metrics.exposition import make_pool, parse_samples, read_samples
from headrace.stores.metrics.prometheus_api import PrometheusApi


@dataclass
class Played:
    """A server that answers with some bytes.

    Attributes:
        status: HTTP status.
        body: The answer.
        url: Its address.
        asked: The last body that it got.
    """

    status: int = 200
    body: bytes = b""
    url: str = ""
    asked: str = ""


@pytest.fixture
def played() -> Iterator[Played]:
    """A server on this machine."""
    server = Played()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(server.status)
            self.send_header("Content-Length", str(len(server.body)))
            self.end_headers()
            self.wfile.write(server.body)

        def do_POST(self) -> None:
            server.asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server.url = f"http://127.0.0.1:{listening.server_port}"
        threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        listening.shutdown()


def test_an_answer_that_is_too_large_is_not_read(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of Prometheus nor of a server."""
    monkeypatch.setattr(prometheus_api, "MAX_BYTES", 1_000)
    monkeypatch.setattr(exposition, "MAX_BYTES", 1_000)
    played.body = b"x" * 1_001
    with pytest.raises(StoreError, match="at most 1000 bytes; that to 'up' has more: narrow the selector"):
        PrometheusApi(played.url).query("up")
    with pytest.raises(StoreError, match="must have at most 1000 bytes"):
        read_samples(played.url, make_pool())
    played.body = b"x 1\n" * 250
    assert len(read_samples(played.url, make_pool())) == 250


def test_a_server_without_metrics_is_one_sentence(played: Played) -> None:
    """With the address and the status."""
    played.status = 404
    with pytest.raises(StoreError, match=rf"at {played.url}/metrics must be readable; the status is 404"):
        read_samples(played.url, make_pool())


def test_a_range_of_values(played: Played) -> None:
    """Times and values of each series; moments and steps go out with milliseconds."""
    series = [{"metric": {"a": "b"}, "values": [[1.5, "2"], [3.5, "NaN"]]}]
    played.body = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": series}}).encode()
    (found,) = PrometheusApi(played.url).query_range("up", start=1.5, end=3.5, step=2.0)
    assert (found.labels, found.points[0]) == ({"a": "b"}, (1.5, 2.0))
    assert parse_qs(played.asked) == {"query": ["up"], "start": ["1.500"], "end": ["3.500"], "step": ["2.000"]}


def test_another_format_has_no_samples() -> None:
    """A page of HTML is no list of metrics."""
    assert parse_samples("<html>{") == []
