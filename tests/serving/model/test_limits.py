"""Bounds on what a client may send, and the equality of the short way and the long one."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.core.base.errors import InputError
from headrace.core.bundles.bundle import Bundle
from headrace.serving.http.connection import ignore_upgrade
from headrace.serving.model.limits import RequestLimits
from tests.serving.conftest import GOOD, Running, running

PATH = "/v1/models/customers:predict"


@pytest.fixture(scope="module")
def strict(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with low limits."""
    told = {"seconds": "1", "idle-seconds": "2", "header-bytes": "2000", "body-bytes": "5000", "rows": "20"}
    arguments = [text for name, value in told.items() for text in (f"--max-{name}", value)]
    with running(bundle.folder, tmp_path_factory.mktemp("strict"), *arguments) as found:
        yield found


def raw(server: Running, *parts: bytes, pause: float = 0.0) -> bytes:
    """What comes back until the server closes the connection, or nothing comes for a while."""
    host, port = server.host.split(":")
    with socket.create_connection((host, int(port)), timeout=60) as wire:
        for part in parts:
            wire.sendall(part)
            time.sleep(pause)
        found = b""
        try:
            while got := wire.recv(65536):
                found += got
        except TimeoutError:
            return found + b"<open>"
        return found


def request(body: bytes, *headers: str, path: str = PATH) -> bytes:
    """A request as bytes."""
    lines = [f"POST {path} HTTP/1.1", "host: x", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


BODY = json.dumps({"instances": [GOOD]}).encode()


@pytest.mark.parametrize("close", [True, False])
def test_a_client_that_offers_another_protocol_is_answered(server: Running, *, close: bool) -> None:
    """Java's HttpClient and ``curl --http2`` offer h2c with each request; a server may ignore that (RFC 9110, 7.8).

    httptools 0.9 takes the offer for the end of the request and drops the body: the answer was a 400 for an empty
    document.
    """
    offer = [
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
    ]
    plain = request(BODY, "connection: close") if close else request(BODY) + request(b"{}", "connection: close")
    offered = request(BODY, *offer) + request(b"{}", "connection: close")
    expected, found = raw(server, plain), raw(server, offered)
    assert b"200 OK" in found.split(b"\r\n")[0]
    assert (
        found.split(b"\r\n\r\n")[1].partition(b"HTTP/1.1")[0]
        == expected.split(b"\r\n\r\n")[1].partition(b"HTTP/1.1")[0]
    )


@pytest.mark.parametrize(
    ("received", "passed"),
    [
        (b"POST / HTTP/1.1\r\nUpgrade: h2c\r\n\r\nUpgrade: x", b"POST / HTTP/1.1\r\nIgnored: h2c\r\n\r\nUpgrade: x"),
        (b"GET /\r\nupgrade : h2c\r\nx: y", b"GET /\r\nIgnored : h2c\r\nx: y"),
        (b"GET /upgrade: HTTP/1.1\r\nx-upgrade: 1\r\n\r\n", b"GET /upgrade: HTTP/1.1\r\nx-upgrade: 1\r\n\r\n"),
    ],
)
def test_only_the_header_of_that_name_is_ignored(received: bytes, passed: bytes) -> None:
    """Neither the body nor another header changes, and the length stays."""
    assert ignore_upgrade(received) == passed
    assert len(passed) == len(received)


@pytest.mark.parametrize("headers", [["connection: close"], ["connection: close", "expect: 100-continue"]])
def test_the_short_way_and_the_long_one_answer_alike(server: Running, headers: list[str]) -> None:
    """A request that closes its connection takes uvicorn's way, one that keeps it the short one."""
    long = raw(server, request(BODY, *headers))
    short = raw(server, request(BODY) + request(b"{}", "connection: close"))
    assert long.count(b"200 OK") == short.count(b"200 OK") == 1
    assert long.rpartition(b"\r\n\r\n")[2] == short.split(b"\r\n\r\n")[1].partition(b"HTTP/1.1")[0]


def test_requests_in_one_packet_are_answered_in_order(server: Running) -> None:
    """Short, long, refused, short: pipelined requests keep their order."""
    rows = [GOOD, {**GOOD, "age": "31"}, {**GOOD, "plan": "gold"}, {**GOOD, "age": 40}]
    bodies = [json.dumps({"instances": [row]}).encode() for row in rows]
    sent = b"".join(request(body) for body in bodies) + request(b"{}", "connection: close")
    answers = [part.partition(b"HTTP/1.1")[0] for part in raw(server, sent).split(b"\r\n\r\n")[1:]]
    found = [json.loads(answer) for answer in answers]
    assert [next(iter(answer)) for answer in found] == ["predictions", "predictions", "error", "predictions", "error"]
    assert found[0] == found[1]
    assert found[0] != found[3]


@pytest.mark.parametrize("size", [10, 100, 1000])
def test_a_body_may_arrive_in_pieces(server: Running, size: int) -> None:
    """However it is cut, it is one request."""
    sent = request(BODY, "connection: close")
    parts = [sent[start : start + size] for start in range(0, len(sent), size)]
    assert raw(server, *parts, pause=0.002).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "sent",
    [
        request(BODY, "x: " + "y" * 3000),
        request(BODY, *(f"x{place}: y" for place in range(400))),
        request(BODY, path="/" + "y" * 3000),
        b"GET / HTTP/1.1\r\nx: " + b"y" * 50_000,
    ],
    ids=["one header", "many headers", "target", "endless header"],
)
def test_a_long_head_is_refused(strict: Running, sent: bytes) -> None:
    """Announced or endless, it is a 431 and the end of the connection."""
    found = raw(strict, sent)
    assert found.startswith(b"HTTP/1.1 431"), found[:200]
    assert b"at most 2000 bytes" in found


@pytest.mark.parametrize(
    "sent", [b"nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 9 + b"x y"]
)
def test_what_is_no_http_is_refused(strict: Running, sent: bytes) -> None:
    """One sentence, and the connection is closed."""
    found = raw(strict, sent)
    assert found == b"" or found.startswith(b"HTTP/1.1 400"), found
    assert not found.endswith(b"<open>")


@pytest.mark.parametrize("sent", [b"", b"POST / HTTP/1.1\r\nhost", request(BODY)[:-5]], ids=["nothing", "head", "body"])
def test_a_request_that_never_ends_is_given_up(strict: Running, sent: bytes) -> None:
    """Silence does not hold a connection for ever."""
    found = raw(strict, sent)
    assert not found.endswith(b"<open>")
    assert found == b"" or found.startswith(b"HTTP/1.1 408")


def test_an_idle_connection_is_closed(strict: Running) -> None:
    """After its answer a client may ask again for a while, and no longer."""
    found = raw(strict, request(BODY))
    assert found.startswith(b"HTTP/1.1 200")
    assert not found.endswith(b"<open>")


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (BODY + b" " * 6000, 413, "at most 5000 bytes"),
        (json.dumps({"instances": [[31, None, "basic", None]] * 21}).encode(), 413, "at most 20 rows; got 21"),
        (b'{"instances": ' + b"[" * 40 + b"]" * 40 + b"}", 400, "nested at most 16 deep"),
    ],
)
def test_sizes_are_bounded(strict: Running, body: bytes, status: int, says: str) -> None:
    """Bytes, rows and nesting."""
    found = strict.ask("POST", PATH, body)
    assert found[0] == status
    assert says in found[1]["error"]


def test_slow_work_does_not_hold_up_others(server: Running) -> None:
    """While a request of 50,000 rows is worked on, health and small predictions are answered."""
    import threading

    rows = json.dumps({"instances": [GOOD] * 50_000}).encode()
    replies: list[Any] = []
    slow = threading.Thread(target=lambda: replies.append(server.ask("POST", PATH, rows)[0]))
    slow.start()
    answered = 0
    while slow.is_alive():
        assert server.ask("GET", "/v2/health/live")[0] == 200
        assert server.remote.predict([GOOD]).status == 200
        answered += 1
    assert replies == [200]
    assert answered >= 3


def test_too_many_long_requests_are_told_to_come_again(bundle: Bundle, tmp_path: Path) -> None:
    """429 with Retry-After, instead of a queue without end."""
    from concurrent.futures import ThreadPoolExecutor

    rows = json.dumps({"instances": [GOOD] * 20_000}).encode()
    with running(bundle.folder, tmp_path, "--max-waiting", "1") as server, ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: server.ask("POST", PATH, rows)[0], range(16)))
    assert set(replies) == {200, 429}


@pytest.mark.parametrize("name", ["body_bytes", "rows", "seconds", "waiting"])
def test_a_limit_must_be_positive(name: str) -> None:
    """Nothing could keep another."""
    with pytest.raises(InputError, match=f"the limit {name} must be positive"):
        RequestLimits(**{name: 0})
