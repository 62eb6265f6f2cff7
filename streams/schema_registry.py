"""A schema registry: schemas by the number or the GUID that stands before a value, by its REST API.

Source: https://docs.confluent.io/platform/current/schema-registry/develop/api.html; Apicurio Registry and Karapace
answer to the same requests. A registry that is down, or refuses the login, says nothing about a schema: only an answer
that a schema does not exist is a fact about an event.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote as quote_path
from urllib.parse import urlsplit

import urllib3

from headrace.core.base.environment_values import SchemaRegistrySettings
from headrace.core.base.errors import InputError, RequestError, StoreError, quote
from headrace.stores.metrics.limited_answer import read_answer

_MOST_BYTES = 4 << 20
_TIMEOUT = urllib3.Timeout(connect=5.0, read=10.0)
_LARGEST_ID = 2**31 - 1
_MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
# Of a subject, a version and a schema that are not there.
_NOT_FOUND = frozenset({40401, 40402, 40403})
# What another moment or another login may change; all other refusals concern what was asked for.
_PASSING = frozenset({401, 403, 407, 408, 425, 429})


class SchemasUnavailable(StoreError):  # noqa: N818 - what happened, not a fault: the events are read again
    """A schema registry does not answer, or not as one: what it would say is unknown."""


@dataclass(frozen=True)
class SchemaReference:
    """A schema that another one names.

    Attributes:
        name: Its name there: the full name of an Avro type, or the path that a ``.proto`` file imports.
        subject: Its subject.
        version: Its version.
    """

    name: str
    subject: str
    version: int


@dataclass(frozen=True)
class RegisteredSchema:
    """A schema of a registry.

    Attributes:
        kind: ``AVRO``, ``PROTOBUF`` or ``JSON``.
        text: The schema.
        references: The schemas that it names.
    """

    kind: str
    text: str
    references: tuple[SchemaReference, ...] = ()


class SchemaRegistry:
    """The registry at an address."""

    def __init__(
        self, url: str, settings: SchemaRegistrySettings | None = None, pool: urllib3.PoolManager | None = None
    ) -> None:
        """Prepare to ask.

        Args:
            url: Address, such as ``http://registry:8081``, with a path if it has one.
            settings: Login and certificates, from the environment; None for none.
            pool: Connections; None for new ones.

        Raises:
            InputError: If the address is invalid or holds a login, or there is no such file of certificates.
        """
        self.url, settings = url.rstrip("/"), settings or SchemaRegistrySettings()
        _check_address(url)
        if settings.ca_file and not Path(settings.ca_file).is_file():
            raise InputError(
                f"HEADRACE_SCHEMA_REGISTRY_CA_FILE must be a file of certificates; got {quote(settings.ca_file)}."
            )
        self._headers = {"Accept": f"{_MEDIA_TYPE}, application/json", "Content-Type": _MEDIA_TYPE}
        if settings.token:
            self._headers["Authorization"] = f"Bearer {settings.token}"
        elif settings.user:
            self._headers |= urllib3.make_headers(basic_auth=f"{settings.user}:{settings.password}")
        self._pool = pool or urllib3.PoolManager(timeout=_TIMEOUT, retries=False, ca_certs=settings.ca_file or None)

    def check(self) -> None:
        """Ask whether it is there.

        Raises:
            SchemasUnavailable: If it does not answer as a schema registry does, or refuses the login.
        """
        status, answer = self._ask("GET", "/schemas/types")
        if status != 200 or not isinstance(answer, list):
            raise self._unavailable(status)

    def find(self, key: int | str, *, serialized: bool = False) -> RegisteredSchema | None:
        """Return a schema; None if the registry says that there is none.

        Args:
            key: Its number, or its GUID.
            serialized: Whether to ask for a Protobuf schema as a descriptor, which not every registry has.

        Raises:
            SchemasUnavailable: If the registry does not answer.
            RequestError: If the schema is too large.
        """
        if isinstance(key, int) and not 0 <= key <= _LARGEST_ID:
            return None
        path = f"/schemas/ids/{key}" if isinstance(key, int) else f"/schemas/guids/{quote_path(key, safe='')}"
        return self._find(path, serialized=serialized)

    def find_version(self, reference: SchemaReference, *, serialized: bool = False) -> RegisteredSchema | None:
        """Return a schema that another one names; see ``find``."""
        subject = quote_path(reference.subject, safe="")
        return self._find(f"/subjects/{subject}/versions/{reference.version}", serialized=serialized)

    def register(self, subject: str, text: str) -> int:
        """Return the number of an Avro schema under a subject; it is registered unless it is already there.

        Args:
            subject: The subject, such as ``scores-value``.
            text: The schema.

        Raises:
            SchemasUnavailable: If the registry does not answer.
            StoreError: If it refuses the schema, or the login may not register one.
        """
        path, body = f"/subjects/{quote_path(subject, safe='')}", {"schema": text, "schemaType": "AVRO"}
        status, answer = self._ask("POST", path, body)
        if status == 404 and self._is_missing(answer):
            status, answer = self._ask("POST", f"{path}/versions", body)
        if status == 200 and isinstance(answer, dict) and isinstance(answer.get("id"), int):
            return int(answer["id"])
        if status in {401, 403, 409, 422}:
            raise StoreError(
                f"the schema registry at {self.url} must accept the schema of the answers under the subject {subject}; "
                f"it answered {status}: {_message(answer)}."
            )
        raise self._unavailable(status)

    def _find(self, path: str, *, serialized: bool) -> RegisteredSchema | None:
        status, answer = self._ask("GET", f"{path}?format=serialized" if serialized else path)
        if status == 200 and isinstance(answer, dict) and isinstance(answer.get("schema"), str):
            listed = answer.get("references") or []
            try:
                references = tuple(
                    SchemaReference(str(one["name"]), str(one["subject"]), int(one["version"])) for one in listed
                )
            except (KeyError, TypeError, ValueError) as error:
                raise self._unavailable(status) from error
            return RegisteredSchema(str(answer.get("schemaType") or "AVRO"), answer["schema"], references)
        if (
            400 <= status < 500
            and status not in _PASSING
            and ((status == 404 and self._is_missing(answer)) or self._is_there())
        ):
            return None
        raise self._unavailable(status)

    def _is_there(self) -> bool:
        """Check that an answer comes from a registry, not from whatever is at a wrong address."""
        self.check()
        return True

    def _is_missing(self, answer: Any) -> bool:
        return isinstance(answer, dict) and answer.get("error_code") in _NOT_FOUND

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        """Return status and document of an answer; None for one that is no JSON."""
        try:
            status, data = read_answer(
                self._pool,
                method,
                self.url + path,
                limit=_MOST_BYTES,
                body=None if body is None else json.dumps(body),
                headers=self._headers,
            )
        except urllib3.exceptions.HTTPError as error:
            raise SchemasUnavailable(
                f"the schema registry at {self.url} does not answer ({type(error).__name__})."
            ) from error
        if data is None:
            raise RequestError(
                f"a schema must have at most {_MOST_BYTES} bytes; {path} of the schema registry has more.", "value"
            )
        try:
            return status, json.loads(data)
        except (ValueError, RecursionError):
            return status, None

    def _unavailable(self, status: int) -> SchemasUnavailable:
        if status in {401, 403}:
            return SchemasUnavailable(
                f"the schema registry at {self.url} refuses the login: set HEADRACE_SCHEMA_REGISTRY_USER and "
                f"HEADRACE_SCHEMA_REGISTRY_PASSWORD, or HEADRACE_SCHEMA_REGISTRY_TOKEN."
            )
        return SchemasUnavailable(
            f"the schema registry at {self.url} must answer as one; it answered with status {status}: if that lasts, "
            f"correct --schema-registry, which may need a path such as /apis/ccompat/v7."
        )


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise InputError(
            "the address of a schema registry must hold no login, which others may read in a list of processes; set "
            "HEADRACE_SCHEMA_REGISTRY_USER and HEADRACE_SCHEMA_REGISTRY_PASSWORD instead."
        )
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise InputError(
            f"--schema-registry must be an address such as http://registry:8081; got {quote(url)} instead."
        )


def _message(answer: Any) -> str:
    text = answer.get("message", "") if isinstance(answer, dict) else ""
    return quote(str(text), 300)
