"""Discover the version of a cluster, its API groups and their kinds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headrace.cluster.api.kinds import ObjectKind
from headrace.cluster.api.transport import ApiRequest, ApiTransport
from headrace.core.base.errors import ClusterError, MissingError


@dataclass(frozen=True)
class ServerVersion:
    """The version of an API server.

    Attributes:
        text: Its full version, such as ``v1.34.2``.
        major: First number.
        minor: Second number.
        platform: System and architecture that it runs on, such as ``linux/amd64``.
    """

    text: str
    major: int
    minor: int
    platform: str


def version(transport: ApiTransport) -> ServerVersion:
    """Return the version of the API server, which every authenticated user may read.

    Raises:
        ClusterError: If the server does not answer.
    """
    document = transport.json(ApiRequest("GET", "/version", "get its version"))
    numbers = [int("".join(filter(str.isdecimal, str(document.get(part, "")))) or 0) for part in ("major", "minor")]
    return ServerVersion(
        text=str(document.get("gitVersion", "")),
        major=numbers[0],
        minor=numbers[1],
        platform=str(document.get("platform", "")),
    )


def groups(transport: ApiTransport) -> dict[str, list[str]]:
    """Return the served versions by API group, the preferred one first; the core group's name is empty.

    Raises:
        ClusterError: If the server does not answer.
    """
    versions = {"": ["v1"]}
    for group in transport.json(ApiRequest("GET", "/apis", "list its API groups")).get("groups", []):
        preferred = group.get("preferredVersion", {}).get("version", "")
        other_versions = [entry["version"] for entry in group.get("versions", []) if entry["version"] != preferred]
        versions[group["name"]] = [preferred, *other_versions] if preferred else other_versions
    return versions


def kinds(transport: ApiTransport, api_version: str) -> list[ObjectKind]:
    """Return the kinds of one version of a group; empty if the server does not serve it.

    Args:
        transport: Sends requests to the server.
        api_version: Such as ``v1`` or ``serving.kserve.io/v1beta1``.

    Raises:
        ClusterError: If the server does not answer.
    """
    group, _, version_name = api_version.rpartition("/")
    path = f"/apis/{api_version}" if group else f"/api/{api_version}"
    try:
        document = transport.json(ApiRequest("GET", path, f"list the kinds of {api_version}"))
    except MissingError:
        return []
    except ClusterError as error:
        if error.reason == "unserved":
            return []
        raise
    return [_kind(entry, group, version_name) for entry in document.get("resources", []) if "/" not in entry["name"]]


def _kind(entry: dict[str, Any], group: str, version_name: str) -> ObjectKind:
    return ObjectKind(group, version_name, entry["name"], entry["kind"], namespaced=bool(entry["namespaced"]))


def find_kind(transport: ApiTransport, api_version: str, kind: str) -> ObjectKind | None:
    """Return the kind of a name; None if the server does not serve it; raise as ``kinds`` does."""
    return next((candidate for candidate in kinds(transport, api_version) if candidate.kind == kind), None)


def serves(transport: ApiTransport, kind: ObjectKind) -> bool:
    """Return whether the server serves a kind in its version; raise as ``kinds`` does."""
    return kind in kinds(transport, kind.api_version)


def has_field(transport: ApiTransport, kind: ObjectKind, field: Sequence[str]) -> bool:
    """Return whether the server's schema of a kind has a field, such as ``("spec", "canary")``.

    The schema is that of the installed CRD, as OpenAPI 3, which every authenticated user may read.

    Raises:
        ClusterError: If the server does not answer, or does not serve the group.
    """
    path = f"/openapi/v3/apis/{kind.api_version}" if kind.group else f"/openapi/v3/api/{kind.version}"
    schemas = transport.json(ApiRequest("GET", path, f"read the schema of {kind.resource}"))["components"]["schemas"]
    identity = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    properties: list[dict[str, Any]] = [
        schema for schema in schemas.values() if identity in schema.get("x-kubernetes-group-version-kind", [])
    ]
    for name in field:
        children = (_resolve_reference(schema, schemas).get("properties", {}).get(name) for schema in properties)
        properties = [schema for schema in children if schema is not None]
    return bool(properties)


def _resolve_reference(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return a schema, or the one that it refers to; Kubernetes wraps references to give them defaults."""
    references = [schema.get("$ref", ""), *(part.get("$ref", "") for part in schema.get("allOf", []))]
    name = next((reference for reference in references if reference), "").rpartition("/")[2]
    resolved: dict[str, Any] = schemas.get(name, schema) if name else schema
    return resolved
