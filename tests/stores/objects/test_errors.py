"""Foreign errors of the store, translated in one place."""

import inspect
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import minio.error
import pytest
import urllib3.exceptions
from minio.error import InvalidResponseError, S3Error, ServerError

from headrace.core.base.errors import MissingError, StoreError
from headrace.core.base.settings import StoreSettings
from headrace.stores.objects.errors import CLASSES, sentence, translate_errors
from headrace.stores.objects.object_store import connect


def _classes() -> list[type[Exception]]:
    found = []
    for module in (minio.error, urllib3.exceptions):
        for _, kind in inspect.getmembers(module, inspect.isclass):
            is_warning = issubclass(kind, Warning)
            if issubclass(kind, Exception) and not is_warning and kind.__module__ == module.__name__:
                found.append(kind)
    return found


@pytest.mark.parametrize("kind", _classes())
def test_no_error_of_minio_or_urllib3_is_unmapped(kind: type[Exception]) -> None:
    """A new class in either package must be given a sentence."""
    own = {S3Error, ServerError, InvalidResponseError}
    elsewhere = {minio.error.MinioAdminException, urllib3.exceptions.ProxySchemeUnsupported}  # no admin, no proxy here
    assert kind in own | elsewhere or issubclass(kind, tuple(CLASSES)), kind


@pytest.mark.parametrize("status", [400, 403, 405, 409, 500, 501, 502, 503, 507, 418])
def test_an_answer_that_minio_cannot_read_has_a_sentence(status: int) -> None:
    """Its errors come as text/xml: the status decides."""
    with (
        pytest.raises(StoreError, match=r"^the object store http://x .+\(b/k\)\.$"),
        translate_errors("http://x", "b/k"),
    ):
        raise InvalidResponseError(status, "text/xml", "secret body")
    assert "secret body" not in sentence(InvalidResponseError(status, "text/xml", "secret body"))


def test_only_an_absent_object_is_missing() -> None:
    """404 is the one status that is no failure of the store."""
    with pytest.raises(MissingError, match="b/k"), translate_errors("http://x", "b/k"):
        raise InvalidResponseError(404, "text/xml", "")


def test_other_errors_pass() -> None:
    """A mistake of ours is not hidden behind the store."""
    with pytest.raises(ZeroDivisionError), translate_errors("http://x", "b/k"):
        _ = 1 / 0


@pytest.fixture(params=[(200, b"<html>hello</html>"), (500, b"oops"), (503, b""), (302, b"")], ids=str)
def web_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server that is no object store."""
    status, body = request.param

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_HEAD = do_GET  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_server_that_is_no_store_is_a_store_error(web_server: str) -> None:
    """Whatever it answers, a listing is one sentence with its address."""
    settings = StoreSettings(endpoint=web_server, access_key="a", secret_key="b")
    with pytest.raises((StoreError, MissingError), match=web_server):
        list(connect(settings, retries=0).list())
