"""A small HTTP server of pages about a process, such as ``/metrics`` and ``/readyz``, in a thread beside its work."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from headrace.core.base.errors import InputError

AnswerPage = Callable[[str, str], tuple[int, bytes, str]]
"""Path and Accept header to status, body and media type."""

_CLIENT_SECONDS = 10.0
_MOST_CLIENTS = 16
_POLL_SECONDS = 0.1


@contextlib.contextmanager
def serve_pages(answer: AnswerPage, *, host: str, port: int, content: str) -> Iterator[int]:
    """Serve pages in a thread for the length of the block.

    Args:
        answer: Answers a request; several threads call it.
        host: Address of this machine to listen at; ``0.0.0.0`` in a pod.
        port: Port; 0 for a free one.
        content: What is served, for messages, such as ``the gauges``.

    Yields:
        The port.

    Raises:
        InputError: If nobody can listen there.
    """
    handler = type("_AnswerHandler", (_PageHandler,), {"answer_page": staticmethod(answer)})
    try:
        server = _PageServer((host, port), handler)
    except (OSError, OverflowError) as error:
        raise InputError(
            f"{content} must be served at {host}:{port}, which fails: {error}; name another port."
        ) from error
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


class _PageServer(ThreadingHTTPServer):
    """A server with a bounded number of threads: a client beyond them is sent away at once."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._places = threading.BoundedSemaphore(_MOST_CLIENTS)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, or close the connection if all are in use."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make the thread's place free."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()


class _PageHandler(BaseHTTPRequestHandler):
    answer_page: AnswerPage
    timeout = _CLIENT_SECONDS

    def do_GET(self) -> None:
        """Answer with a page."""
        status, body, media_type = self.answer_page(self.path.partition("?")[0], self.headers.get("Accept", ""))
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: a scrape every few seconds is no news."""
