"""What a cluster is and serves: its version, its groups and their kinds."""

from dataclasses import dataclass
from typing import Any

from headrace.cluster.kinds import Kind
from headrace.cluster.transport import Request, Transport
from headrace.core.errors import ClusterError, MissingError


@dataclass(frozen=True)
class Version:
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


def version(transport: Transport) -> Version:
    """The version of the API server; anyone who may log in may ask.

    Raises:
        ClusterError: If the server cannot be asked.
    """
    said = transport.json(Request("GET", "/version", "get its version"))
    numbers = [int("".join(filter(str.isdecimal, str(said.get(part, "")))) or 0) for part in ("major", "minor")]
    return Version(
        text=str(said.get("gitVersion", "")), major=numbers[0], minor=numbers[1], platform=str(said.get("platform", ""))
    )


def groups(transport: Transport) -> dict[str, list[str]]:
    """Versions by API group that the server serves, the preferred first; the core group's name is empty.

    Raises:
        ClusterError: If the server cannot be asked.
    """
    found = {"": ["v1"]}
    for group in transport.json(Request("GET", "/apis", "list its API groups")).get("groups", []):
        preferred = group.get("preferredVersion", {}).get("version", "")
        others = [entry["version"] for entry in group.get("versions", []) if entry["version"] != preferred]
        found[group["name"]] = [preferred, *others] if preferred else others
    return found


def kinds(transport: Transport, api_version: str) -> list[Kind]:
    """The kinds of one version of a group; empty if the server does not serve it.

    Args:
        transport: Way to the server.
        api_version: Such as ``v1`` or ``serving.kserve.io/v1beta1``.

    Raises:
        ClusterError: If the server cannot be asked.
    """
    group, _, version_name = api_version.rpartition("/")
    path = f"/apis/{api_version}" if group else f"/api/{api_version}"
    try:
        said = transport.json(Request("GET", path, f"list the kinds of {api_version}"))
    except MissingError:
        return []
    except ClusterError as error:
        if error.reason == "unserved":
            return []
        raise
    return [_kind(entry, group, version_name) for entry in said.get("resources", []) if "/" not in entry["name"]]


def _kind(entry: dict[str, Any], group: str, version_name: str) -> Kind:
    return Kind(group, version_name, entry["name"], entry["kind"], namespaced=bool(entry["namespaced"]))


def find_kind(transport: Transport, api_version: str, kind: str) -> Kind | None:
    """The kind of that name, or None if the server does not serve it; raises as ``kinds`` does."""
    return next((found for found in kinds(transport, api_version) if found.kind == kind), None)


def serves(transport: Transport, kind: Kind) -> bool:
    """Whether the server serves a kind in its version; raises as ``kinds`` does."""
    return kind in kinds(transport, kind.api_version)
