"""A schema registry for tests that cannot run a real one: no registry, but the documented answers of one over HTTP.

https://docs.confluent.io/platform/current/schema-registry/develop/api.html. What it has beyond a real Apicurio, which
``tests/streams/test_registry_stream.py`` runs: GUIDs, serialized descriptors, logins, and outages on demand.
"""

import base64
import contextlib
import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


class RegistryServer:
    """A registry's memory, and how it behaves.

    Attributes:
        status: Answer to each request with this status; 0 to behave.
        login: The Authorization header that it wants; empty for none.
        serialized: Descriptors in Base64 of Protobuf schemas, by number; it gives the text of those without one.
        requests: Methods and paths that were asked for.
    """

    def __init__(self) -> None:
        self.status, self.login = 0, ""
        self.schemas: dict[int, dict[str, Any]] = {}
        self.subjects: dict[str, list[int]] = {}
        self.serialized: dict[int, str] = {}
        self.requests: list[str] = []
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Its address; the port stays the same after an outage."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, at the same port as before."""
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else {}
                registry.requests.append(f"{self.command} {self.path}")
                status, document = registry.status, {"error_code": registry.status, "message": "as told"}
                if registry.login and self.headers.get("Authorization") != registry.login:
                    status, document = 401, {"error_code": 401, "message": "Unauthorized"}
                elif not status:
                    status, document = registry.answer(self.command, self.path, body)
                content = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _answer  # noqa: N815 - the library's names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Be gone."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def add(self, text: str, *, subject: str = "events-value", kind: str = "AVRO", references: Any = ()) -> int:
        """Register a schema, and return its number."""
        number = len(self.schemas) + 1
        self.schemas[number] = {
            "schema": text,
            "schemaType": kind,
            "references": list(references),
            "guid": str(uuid.uuid5(uuid.NAMESPACE_URL, text)),
        }
        self.subjects.setdefault(subject, []).append(number)
        return number

    def guid(self, number: int) -> uuid.UUID:
        """The GUID of a schema."""
        return uuid.UUID(self.schemas[number]["guid"])

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:  # noqa: PLR0911 - a table of answers
        """Status and document of an answer."""
        parts = urlsplit(path)
        steps = [unquote(step) for step in parts.path.strip("/").split("/")]
        match method, *steps:
            case "GET", "schemas", "types":
                return 200, ["JSON", "PROTOBUF", "AVRO"]
            case "GET", "schemas", "ids", number:
                return self._give(int(number), parts.query)
            case "GET", "schemas", "guids", guid:
                found = [number for number, schema in self.schemas.items() if schema["guid"] == guid]
                return self._give(found[0] if found else 0, parts.query)
            case "GET", "subjects", subject, "versions", version:
                numbers = self.subjects.get(subject, [])
                if int(version) > len(numbers):
                    return 404, {"error_code": 40402, "message": "Version not found."}
                return self._give(numbers[int(version) - 1], parts.query)
            case "POST", "subjects", subject:
                for number in self.subjects.get(subject, []):
                    if self.schemas[number]["schema"] == body["schema"]:
                        return 200, {"subject": subject, "id": number, "schema": body["schema"]}
                return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
            case "POST", "subjects", subject, "versions":
                references = body.get("references", [])
                kind = body.get("schemaType", "AVRO")
                number = self.add(body["schema"], subject=subject, kind=kind, references=references)
                return 200, {"id": number, "guid": self.schemas[number]["guid"]}
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def _give(self, number: int, query: str) -> tuple[int, Any]:
        if number not in self.schemas:
            return 404, {"error_code": 40403, "message": f"Schema {number} not found"}
        schema = dict(self.schemas[number])
        if "format=serialized" in query and number in self.serialized:
            schema["schema"] = self.serialized[number]
        return 200, schema


def serialize(descriptor: Any) -> str:
    """A file's descriptor as a registry serializes it."""
    return base64.b64encode(descriptor.serialized_pb).decode()


@contextlib.contextmanager
def registry_server() -> Iterator[RegistryServer]:
    """Run one for the length of the block."""
    registry = RegistryServer()
    registry.start()
    try:
        yield registry
    finally:
        registry.stop()
