"""What is sent again, and what is not."""

import contextlib
import json
import os
import signal
import socketserver
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from headrace.cluster.api import transport
from headrace.cluster.api.kinds import PODS
from headrace.cluster.api.transport import ApiRequest
from headrace.core.base.errors import ClusterError
from headrace.core.runtime.processes import free_port
from headrace.core.runtime.signals import ended_by_sigterm
from tests.cluster.http import answering, at, status

BUSY = status(429, "TooManyRequests", "the server has received too many requests")
DOWN = (503, b"no healthy upstream")
FAILED = status(500, "InternalError", "failed calling webhook")
GOOD = (200, json.dumps({"kind": "Pod", "metadata": {"name": "a"}}).encode())
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_PAUSE_SECONDS", 0.01)


@pytest.mark.parametrize("trouble", [BUSY, DOWN, (0, b"")], ids=["busy", "down", "cut"])
def test_reading_goes_on_after_trouble(trouble: tuple[int, bytes]) -> None:
    """A server that is busy, restarting or cutting the connection is asked again."""
    with answering(trouble, trouble, GOOD) as (cluster, told):
        found = cluster.get(PODS, "a")
    assert found == {"kind": "Pod", "metadata": {"name": "a"}}
    assert len(told.asked) == 3


def test_applying_and_deleting_go_on_after_trouble() -> None:
    """Doing them twice is doing them once."""
    with answering(DOWN, GOOD) as (cluster, told):
        cluster.apply(POD)
    assert [method for method, _ in told.asked] == ["PATCH", "PATCH"]
    with answering(DOWN, GOOD) as (cluster, told):
        assert cluster.delete(PODS, "a")
    assert [method for method, _ in told.asked] == ["DELETE", "DELETE"]


def test_creating_is_not_done_twice() -> None:
    """After a cut nobody knows whether the object was made, but a server that is too busy has not begun."""
    for trouble in (DOWN, (0, b"")):
        with answering(trouble, GOOD) as (cluster, told), pytest.raises(ClusterError):
            cluster.create(POD)
        assert len(told.asked) == 1
    with answering(BUSY, GOOD) as (cluster, told):
        cluster.create(POD)
    assert len(told.asked) == 2


def test_a_failure_of_the_servers_own_is_not_repeated() -> None:
    """What a webhook does wrong, it does again."""
    with answering(FAILED, GOOD) as (cluster, told), pytest.raises(ClusterError, match="failed calling webhook"):
        cluster.get(PODS, "a")
    assert len(told.asked) == 1


def test_trouble_that_lasts_is_told() -> None:
    """After a few times the last trouble is raised."""
    with answering(BUSY) as (cluster, told), pytest.raises(ClusterError, match="too many requests") as caught:
        cluster.get(PODS, "a")
    assert len(told.asked) == transport.ATTEMPTS
    assert caught.value.reason == "busy"


def test_nobody_there() -> None:
    """A port where nothing listens is said to be unreachable, at once."""
    began = time.monotonic()
    with pytest.raises(ClusterError, match="is not reachable") as caught:
        at(f"http://127.0.0.1:{free_port()}").get(PODS, "a")
    assert caught.value.reason == "unreachable"
    assert time.monotonic() - began < 60


def test_a_silent_server_is_not_waited_for() -> None:
    """Every request has a time-out; one that hangs is not sent again when it took long."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        cluster = at(f"http://127.0.0.1:{server.getsockname()[1]}")
        request = ApiRequest("GET", "/api", "get nothing", read_seconds=0.2, repeat=False)
        with pytest.raises(ClusterError, match="does not answer in time") as caught:
            cluster.transport.json(request)
    assert caught.value.reason == "timeout"


@contextlib.contextmanager
def _hangs_up(said: bytes = b"") -> Iterator[tuple[str, list[bytes]]]:
    """An address where each connection is closed after its first bytes, and what these were."""
    heard: list[bytes] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            heard.append(self.request.recv(1 << 16))
            self.request.sendall(said)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"https://127.0.0.1:{server.server_address[1]}", heard
        finally:
            server.shutdown()


def test_a_handshake_that_is_broken_off_is_begun_again() -> None:
    """A server that dies, or only begins, shows no certificate at all: nothing is wrong with the kubeconfig."""
    with _hangs_up() as (address, heard), pytest.raises(ClusterError, match="broke off its answer") as caught:
        at(address).get(PODS, "a")
    assert caught.value.reason == "unreachable"
    assert len(heard) == transport.ATTEMPTS


def test_a_server_without_tls_is_not_said_to_show_a_certificate() -> None:
    """The address is wrong, not the authority."""
    with _hangs_up(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (address, heard), pytest.raises(ClusterError) as caught:
        at(address).get(PODS, "a")
    assert "correct the server's address in the kubeconfig" in str(caught.value)
    assert caught.value.reason == "config"
    assert len(heard) == 1


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize("streamed", [False, True], ids=["answer", "stream"])
def test_a_signal_breaks_off_no_request(*, streamed: bool) -> None:
    """It ends the process when the answer is there, and the connection serves whatever is put right after that."""
    asked_from: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked_from.append(self.client_address[1])
            if len(asked_from) == 1:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(0.1)
            self.send_response(200)
            self.send_header("Content-Length", str(len(GOOD[1])))
            self.end_headers()
            self.wfile.write(GOOD[1])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        cluster = at(f"http://127.0.0.1:{server.server_port}")
        ask = cluster.transport.lines if streamed else cluster.transport.data
        with ended_by_sigterm():
            with pytest.raises(SystemExit):
                list(ask(ApiRequest("GET", "/x", "ask")))
            assert cluster.get(PODS, "a")
        server.shutdown()
        cluster.transport.api.rest_client.pool_manager.clear()
    assert len(asked_from) == 2
    assert streamed or len(set(asked_from)) == 1


def test_lines_of_a_stream_come_one_by_one() -> None:
    """Documents that arrive in pieces are put together; a half one at the end is left out."""
    body = b'{"a": 1}\n\n{"b":' + b" 2}\n" + b'{"half'
    with answering((200, body)) as (cluster, _):
        assert list(cluster.transport.lines(ApiRequest("GET", "/x", "watch"))) == [{"a": 1}, {"b": 2}]


def test_a_list_of_many_pages_is_one_list() -> None:
    """Pages are asked for until there is none left, and objects say what they are."""
    first = {"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "a"}}]}
    last = {"metadata": {}, "items": [{"metadata": {"name": "b"}}]}
    with answering((200, json.dumps(first).encode()), (200, json.dumps(last).encode())) as (cluster, told):
        found = cluster.list(PODS, labels="app in (x,y)")
    assert [(item["kind"], item["metadata"]["name"]) for item in found] == [("Pod", "a"), ("Pod", "b")]
    assert "continue=more" in told.asked[1][1]
    assert "labelSelector=app+in+%28x%2Cy%29" in told.asked[0][1]
