"""What a cluster is and serves: its version, its groups and their kinds."""

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
        text: As it names itself, such as ``v1.34.2``.
        major: First number.
        minor: Second number.
        platform: System and architecture that it runs on, such as ``linux/amd64``.
    """

    text: str
    major: int
    minor: int
    platform: str


def version(transport: ApiTransport) -> ServerVersion:
    """Return the version of the API server; anyone who may log in may ask.

    Raises:
        ClusterError: If the server cannot be asked.
    """
    said = transport.json(ApiRequest("GET", "/version", "get its version"))
    numbers = [int("".join(filter(str.isdecimal, str(said.get(part, "")))) or 0) for part in ("major", "minor")]
    return ServerVersion(
        text=str(said.get("gitVersion", "")), major=numbers[0], minor=numbers[1], platform=str(said.get("platform", ""))
    )


def groups(transport: ApiTransport) -> dict[str, list[str]]:
    """Versions by API group that the server serves, the preferred first; the core group's name is empty.

    Raises:
        ClusterError: If the server cannot be asked.
    """
    found = {"": ["v1"]}
    for group in transport.json(ApiRequest("GET", "/apis", "list its API groups")).get("groups", []):
        preferred = group.get("preferredVersion", {}).get("version", "")
        others = [entry["version"] for entry in group.get("versions", []) if entry["version"] != preferred]
        found[group["name"]] = [preferred, *others] if preferred else others
    return found


def kinds(transport: ApiTransport, api_version: str) -> list[ObjectKind]:
    """Return the kinds of one version of a group; empty if the server does not serve it.

    Args:
        transport: Way to the server.
        api_version: Such as ``v1`` or ``serving.kserve.io/v1beta1``.

    Raises:
        ClusterError: If the server cannot be asked.
    """
    group, _, version_name = api_version.rpartition("/")
    path = f"/apis/{api_version}" if group else f"/api/{api_version}"
    try:
        said = transport.json(ApiRequest("GET", path, f"list the kinds of {api_version}"))
    except MissingError:
        return []
    except ClusterError as error:
        if error.reason == "unserved":
            return []
        raise
    return [_kind(entry, group, version_name) for entry in said.get("resources", []) if "/" not in entry["name"]]


def _kind(entry: dict[str, Any], group: str, version_name: str) -> ObjectKind:
    return ObjectKind(group, version_name, entry["name"], entry["kind"], namespaced=bool(entry["namespaced"]))


def find_kind(transport: ApiTransport, api_version: str, kind: str) -> ObjectKind | None:
    """Return the kind of that name, or None if the server does not serve it; raises as ``kinds`` does."""
    return next((found for found in kinds(transport, api_version) if found.kind == kind), None)


def serves(transport: ApiTransport, kind: ObjectKind) -> bool:
    """Return whether the server serves a kind in its version; raises as ``kinds`` does."""
    return kind in kinds(transport, kind.api_version)


def has_field(transport: ApiTransport, kind: ObjectKind, field: Sequence[str]) -> bool:
    """Return whether the server's schema of a kind has a field, such as ``("spec", "canary")``.

    The schema is the one of the installed CRD, as OpenAPI 3; anyone who may log in may read it.

    Raises:
        ClusterError: If the server cannot be asked, or does not serve the group.
    """
    path = f"/openapi/v3/apis/{kind.api_version}" if kind.group else f"/openapi/v3/api/{kind.version}"
    schemas = transport.json(ApiRequest("GET", path, f"read the schema of {kind.resource}"))["components"]["schemas"]
    wanted = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    places: list[dict[str, Any]] = [
        schema for schema in schemas.values() if wanted in schema.get("x-kubernetes-group-version-kind", [])
    ]
    for name in field:
        below = (_resolve_reference(place, schemas).get("properties", {}).get(name) for place in places)
        places = [place for place in below if place is not None]
    return bool(places)


def _resolve_reference(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return a schema, or the one that it refers to; Kubernetes wraps references to give them defaults."""
    references = [schema.get("$ref", ""), *(one.get("$ref", "") for one in schema.get("allOf", []))]
    name = next((reference for reference in references if reference), "").rpartition("/")[2]
    found: dict[str, Any] = schemas.get(name, schema) if name else schema
    return found
