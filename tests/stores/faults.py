"""A proxy before a real store that breaks one request, or all from one on, as stores and lines do."""

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_XML = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>made by the proxy</Message></Error>'
_ANSWERS = {
    "answers 500": (500, "InternalError"),
    "answers 503": (503, "SlowDown"),
    "is full": (507, "XMinioStorageFull"),
    "refuses the keys": (403, "SignatureDoesNotMatch"),
}
# What strikes one request, and what the store does from one request on.
ONCE = ("cuts before", "cuts the request", "cuts the answer", "loses the answer", "answers 500")
FOREVER = ("dies", "answers 503", "is full", "refuses the keys", "is silent")


@dataclass
class Fault:
    """What happens to which request.

    Attributes:
        kind: One of ``ONCE`` or ``FOREVER``.
        at: Number of the request that it strikes, from 0 on; -1 for none.
        forever: Whether it strikes all requests from there on.
    """

    kind: str = ""
    at: int = -1
    forever: bool = False

    def strikes(self, number: int) -> bool:
        """Whether it strikes a request."""
        return self.at >= 0 and (number >= self.at if self.forever else number == self.at)


@dataclass
class Proxy:
    """A proxy that is listening.

    Attributes:
        upstream: Host and port of the store.
        port: Its own port on the loopback address.
        fault: What happens to which request.
        requests: Method and path of each request that came.
        watch: Is told method and path of each request before it is passed on.
        silence: How long a store that is silent is so, in seconds.
    """

    upstream: str
    port: int = 0
    fault: Fault = field(default_factory=Fault)
    requests: list[str] = field(default_factory=list)
    watch: Callable[[str], None] = lambda _: None
    silence: float = 1.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, fault: Fault) -> None:
        """Count requests from here on."""
        with self._lock:
            self.fault, self.requests = fault, []

    def serve(self, client: socket.socket) -> None:
        """Pass on the requests of a connection."""
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError), client:
            while self._one(client):
                pass

    def _one(self, client: socket.socket) -> bool:
        head, body = _request(client)
        if not head:
            return False
        method, path = head.split(b" ", 2)[:2]
        told = f"{method.decode()} {path.decode()}"
        with self._lock:
            number = len(self.requests)
            self.requests.append(told)
            kind = self.fault.kind if self.fault.strikes(number) else ""
        if kind in _ANSWERS:
            client.sendall(_answer(*_ANSWERS[kind], head=method == b"HEAD"))
            return True
        if kind in {"cuts before", "dies", "is silent"}:
            time.sleep(self.silence if kind == "is silent" else 0)
            return False
        self.watch(told)
        return self._pass_on(client, head + body, len(head) + len(body) // 2, kind, method.decode())

    def _pass_on(self, client: socket.socket, request: bytes, half: int, kind: str, method: str) -> bool:
        with socket.create_connection(_address(self.upstream)) as server:
            if kind == "cuts the request":
                server.sendall(request[:half])
                return False
            server.sendall(request)
            answer = _response(server, method)
        if kind == "cuts the answer":
            client.sendall(answer[: len(answer) // 2])
        elif kind != "loses the answer":
            client.sendall(answer)
        return not kind


@contextlib.contextmanager
def proxy(endpoint: str) -> Iterator[Proxy]:
    """A proxy before the store at ``endpoint``, for the length of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Proxy(urlsplit(endpoint).netloc, listener.getsockname()[1])

        def accept() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=made.serve, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield made


def _address(netloc: str) -> tuple[str, int]:
    host, _, port = netloc.rpartition(":")
    return host, int(port)


def _request(client: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of the next request; nothing if the connection ended."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(1 << 16)
        if not more:
            return b"", b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    parts = [body]
    left = length - len(body)
    while left > 0:
        more = client.recv(min(left, 1 << 20))
        if not more:
            return b"", b""
        parts.append(more)
        left -= len(more)
    return head + b"\r\n\r\n", b"".join(parts)


def _response(server: socket.socket, method: str) -> bytes:
    """A whole answer, its length told."""
    response = http.client.HTTPResponse(server, method=method)
    response.begin()
    body = response.read()
    kept = [(name, value) for name, value in response.getheaders() if name.lower() != "transfer-encoding"]
    if method != "HEAD" and not any(name.lower() == "content-length" for name, _ in kept):
        kept.append(("Content-Length", str(len(body))))
    lines = [f"HTTP/1.1 {response.status} {response.reason}", *(f"{name}: {value}" for name, value in kept)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _answer(status: int, code: str, *, head: bool) -> bytes:
    body = b"" if head else _XML.format(code=code).encode()
    lines = [f"HTTP/1.1 {status} No", "Content-Type: application/xml", f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body
