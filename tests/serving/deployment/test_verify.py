"""An endpoint is verified by its bundle's cases, and one that answers otherwise is found out."""

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from headrace.core.base.errors import InputError, InternalError
from headrace.core.bundles import integrity
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.runtime.processes import free_port
from headrace.serving.deployment.client import EndpointClient
from headrace.serving.deployment.verify import verify, verify_step

Answer = Callable[[list[Any]], tuple[int, Any]]


@contextmanager
def endpoint(digest: str, answer: Answer) -> Iterator[str]:
    """A small HTTP server that answers as it is told."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _send(self, status: int, document: Any) -> None:
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self._send(200, {"name": "m", "versions": [digest]})

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._send(*answer(request["instances"]))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/models/m:predict"
        server.shutdown()


def honest(bundle: Bundle) -> Answer:
    """Answers as the bundle says, and refuses what breaks its contract."""
    known = {json.dumps(case["request"]): case["expected"] for case in bundle.json("cases.json")["cases"]}

    def answer(instances: list[Any]) -> tuple[int, Any]:
        found = [known.get(json.dumps(item)) for item in instances]
        return (200, {"predictions": found}) if all(found) else (400, {"error": "no."})

    return answer


def test_the_real_server_is_verified(remote: EndpointClient, bundle: Bundle, tmp_path: Path) -> None:
    """Every case over HTTP, with what the report shows."""
    found = verify_step(remote.url, folder=bundle.folder, record=tmp_path / "record")
    assert found["verified"]
    assert found["failures"] == []
    assert found["cases"] == len(bundle.json("cases.json")["cases"])
    assert found["digest"] == bundle.digest
    assert found["answer"]["predictions"][0]["label"] == found["expected"]["label"]
    assert found["actual"] in {"no", "yes"}
    assert 0 < found["latency_ms"]["p50"] <= found["latency_ms"]["p99"]
    assert json.loads((tmp_path / "record").read_text()) == found


def test_an_honest_endpoint_passes(bundle: Bundle) -> None:
    """The fake that the faults below are made of is itself accepted."""
    with endpoint(bundle.digest, honest(bundle)) as url:
        assert verify(url, bundle=bundle)["verified"]


def _swapped(inner: Answer) -> Answer:
    def answer(instances: list[Any]) -> tuple[int, Any]:
        status, document = inner(instances)
        return status, {"predictions": document["predictions"][::-1]} if status == 200 else document

    return answer


def _shifted(inner: Answer) -> Answer:
    def answer(instances: list[Any]) -> tuple[int, Any]:
        status, document = inner(instances)
        if status == 200:
            document = json.loads(json.dumps(document))
            for item in document["predictions"]:
                item["probabilities"] = {k: v + 1e-4 for k, v in item["probabilities"].items()}
        return status, document

    return answer


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (_swapped, "all cases in one request"),
        (_shifted, r"case 0: probabilities\[no\] is"),
        (lambda inner: lambda rows: (500, {"error": "the server failed."}), "case 0 got status 500 .*server failed"),
        (lambda inner: lambda rows: (200, b"<html>"), "case 0 got status 200 without its predictions"),
        (lambda inner: lambda rows: (200, {"predictions": []}), "without its predictions"),
        (lambda inner: lambda rows: (200, {"predictions": [None] * len(rows)}), "label is absent"),
        (
            lambda inner: lambda rows: inner(rows) if inner(rows)[0] == 200 else (500, {}),
            "breaks the contract got status 500",
        ),
        (
            lambda inner: lambda rows: inner(rows) if inner(rows)[0] == 200 else (200, {"predictions": [1]}),
            "breaks the contract got status 200",
        ),
    ],
)
def test_wrong_answers_are_told_and_recorded(
    bundle: Bundle, tmp_path: Path, fault: Callable[[Answer], Answer], says: str
) -> None:
    """The record is written before the step fails; the sentence names the case and the difference."""
    record = tmp_path / "record"
    with (
        endpoint(bundle.digest, fault(honest(bundle))) as url,
        pytest.raises(InternalError, match=says),
    ):
        verify_step(url, folder=bundle.folder, record=record)
    found = json.loads(record.read_text())
    assert not found["verified"]
    assert found["failures"]


def test_another_bundle_at_the_endpoint_is_the_users_mistake(bundle: Bundle, tmp_path: Path) -> None:
    """The digest that the endpoint reports must be the bundle's, even if it answers alike."""
    with endpoint("0" * 64, honest(bundle)) as url, pytest.raises(InputError, match="serves the bundle 0000"):
        verify_step(url, folder=bundle.folder, record=tmp_path / "record")


def test_changed_expectations_are_found(remote: EndpointClient, bundle: Bundle, tmp_path: Path) -> None:
    """A bundle whose cases were edited is another bundle, and the real server does not answer it."""
    folder = shutil.copytree(bundle.folder, tmp_path / "bundle")
    cases = json.loads((folder / "cases.json").read_text())
    cases["cases"][3]["expected"]["label"] = "maybe"
    (folder / "cases.json").write_text(json.dumps(cases))
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").write_text(integrity.make(folder, "customers").dumps())
    found = verify(remote.url, bundle=open_bundle(folder))
    assert any(text.startswith("case 3: label is") for text in found["failures"])


@pytest.mark.parametrize("path", ["", "/", "/v2/models/m/infer", "/v1/models/:predict", "/v1/models/m"])
def test_an_url_that_is_none_is_refused(bundle: Bundle, tmp_path: Path, path: str) -> None:
    """The sentence shows the form."""
    with pytest.raises(InputError, match="/v1/models/NAME:predict"):
        verify_step(f"http://127.0.0.1:9{path}", folder=bundle.folder, record=tmp_path / "record")


def test_an_endpoint_that_is_down_is_named(bundle: Bundle, tmp_path: Path) -> None:
    """Nobody listens: one sentence with the address."""
    url = f"http://127.0.0.1:{free_port()}/v1/models/m:predict"
    with pytest.raises(InputError, match="does not answer"):
        verify_step(url, folder=bundle.folder, record=tmp_path / "record")
    assert not (tmp_path / "record").exists()
