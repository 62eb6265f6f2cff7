"""Events as KServe's logger and Headrace's server make them, and a receiver to send them to."""

import base64
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from headrace.core.contracts.columns import Column
from headrace.core.contracts.contract import Contract
from headrace.core.runtime.processes import free_port

START = datetime(2026, 3, 1, 5, tzinfo=UTC)
TYPE = "org.kubeflow.serving.inference"
CONTRACT = Contract(
    name="customers",
    task="binary",
    columns=(
        Column("customer", "string", role="id"),
        Column("email", "string", role="ignore", personal="drop"),
        Column("age", "integer"),
        Column("spend", "number"),
        Column("plan", "string", categories=("basic", "plus")),
        Column("churn", "string", role="target", categories=("no", "yes")),
    ),
    keys=("customer",),
)
ROW = {"customer": "c1", "email": "a@b.example", "age": 30, "spend": 2.5, "plan": "basic", "hour": 7}
ANSWER = {"label": "yes", "probabilities": {"no": 0.25, "yes": 0.75}}


def attributes(kind: str, request_id: str = "r1", *, seconds: float = 0.0, **others: str) -> dict[str, str]:
    """Attributes of an event as KServe's logger sets them."""
    return {
        "specversion": "1.0",
        "id": request_id,
        "type": f"{TYPE}.{kind}",
        "source": "http://localhost:9081/",
        "time": (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z"),
        "inferenceservicename": "customers",
        "namespace": "models",
        "component": "predictor",
        "endpoint": "default",
        "metadata": "{}",
        **others,
    }


def headers(
    kind: str, request_id: str = "r1", content_type: str = "application/json", **others: Any
) -> dict[bytes, bytes]:
    """Headers of an event in binary mode."""
    named = {f"ce-{name}".encode(): value.encode() for name, value in attributes(kind, request_id, **others).items()}
    return {**named, b"content-type": content_type.encode()}


def request_body(*rows: dict[str, Any]) -> bytes:
    """A request in V1."""
    return json.dumps({"instances": list(rows or (ROW,))}).encode()


def response_body(*answers: dict[str, Any]) -> bytes:
    """A response in V1."""
    return json.dumps({"predictions": list(answers or (ANSWER,))}).encode()


def go_record(kind: str, body: bytes, request_id: str = "r1", content_type: str = "application/json") -> dict[str, Any]:
    """A record as KServe's logger stores it in JSON: the fields of a structure of Go, the body in base64, no time."""
    address = {"Scheme": "s3", "Opaque": "", "User": None, "Host": "logs", "Path": "/kserve", "RawPath": ""}
    return {
        "Url": address,
        "Bytes": base64.b64encode(body).decode(),
        "ContentType": content_type,
        "ReqType": f"{TYPE}.{kind}",
        "Id": request_id,
        "SourceUri": {**address, "Scheme": "http", "Host": "localhost:9081"},
        "InferenceService": "customers",
        "Namespace": "models",
        "Component": "predictor",
        "Endpoint": "",
        "Metadata": {},
        "Annotations": None,
        "CertName": "",
        "TlsSkipVerify": False,
    }


def flat_record(kind: str, body: bytes, request_id: str = "r1") -> dict[str, Any]:
    """The same as a row of the CSV and Parquet that it stores."""
    names = ("url", "bytes", "contentType", "reqType", "id", "sourceUri", "inferenceService", "namespace", "component",
             "endpoint", "metadata", "annotations", "certName", "tlsSkipVerify")  # fmt: skip
    record = go_record(kind, body, request_id)
    values = {name.lower(): value for name, value in record.items()} | {"url": "s3://logs/kserve", "metadata": "{}"}
    values |= {"sourceuri": "http://localhost:9081", "annotations": "", "tlsskipverify": "false"}
    return {name: values[name.lower()] for name in names}


@dataclass
class RunningCollector:
    """A receiver in a process of its own.

    Attributes:
        url: Its address.
        process: Its process.
        log: File of its output.
    """

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path
    headers: dict[str, str] = field(default_factory=dict)

    def post(self, body: bytes, named: dict[bytes, bytes], *, path: str = "/") -> tuple[int, str]:
        """Send an event; return status and body of the response."""
        plain = {name.decode(): value.decode("latin-1") for name, value in named.items()}
        return self._open(urllib.request.Request(self.url + path, body, plain, method="POST"))  # noqa: S310 - its own address

    def get(self, path: str) -> tuple[int, str]:
        """Get a page."""
        return self._open(urllib.request.Request(self.url + path))  # noqa: S310 - its own address

    def metric(self, name: str) -> float:
        """Value of a metric without labels."""
        lines = dict(line.rsplit(" ", 1) for line in self.get("/metrics")[1].splitlines() if line[:1] != "#")
        return float(lines[f"headrace_collector_{name}"])

    def _open(self, request: urllib.request.Request) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - its own address
                self.headers = dict(response.headers)
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                self.headers = dict(error.headers)
                return error.code, error.read().decode()

    def connect(self) -> socket.socket:
        """A bare connection."""
        host, port = self.url.removeprefix("http://").split(":")
        return socket.create_connection((host, int(port)), timeout=30)


@contextmanager
def collector(bundle: Path, folder: Path, *options: str, port: int = 0) -> Iterator[RunningCollector]:
    """A receiver that has answered once; it is ended by SIGTERM unless it has ended before."""
    url = f"http://127.0.0.1:{port or free_port()}"
    command = [sys.executable, "-m", "headrace.cli.main", "collect", str(bundle), str(folder / "store"), "--from", url]
    log = folder / "collector.log"
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [*command, "--journal", str(folder / "journal"), "--summary", str(folder / "counts.json"), *options],
            stdout=stream,
            stderr=stream,
        )
    running = RunningCollector(url, process, log)
    try:
        _wait(running)
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


def _wait(running: RunningCollector) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if running.get("/healthz")[0] == 200:
                return
        except OSError:
            assert time.monotonic() < deadline, running.log.read_text()
            assert running.process.poll() is None, running.log.read_text()
            time.sleep(0.02)
