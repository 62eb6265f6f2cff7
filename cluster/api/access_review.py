"""Check what an account may do; the API server decides."""

from dataclasses import dataclass
from typing import Any

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import ObjectKind
from headrace.cluster.api.transport import ApiRequest

_REVIEWS = "/apis/authorization.k8s.io/v1"


@dataclass(frozen=True)
class AccessRight:
    """A verb on a kind of object.

    Attributes:
        verb: ``get``, ``list``, ``watch``, ``create``, ``update``, ``patch``, ``delete`` and so on.
        kind: Kind of the objects.
        name: Name of one object; empty for all.
        subresource: Such as ``log`` or ``status``.
        namespace: Namespace of the objects; empty for the cluster's own.
    """

    verb: str
    kind: ObjectKind
    name: str = ""
    subresource: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        """Return the right in words, such as ``get pods/log in models``."""
        resource = f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural
        group = f".{self.kind.group}" if self.kind.group else ""
        suffix = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {resource}{group}{' ' + self.name if self.name else ''}{suffix}"


def may(cluster: Cluster, right: AccessRight, *, service_account: str = "") -> bool:
    """Return whether an account has a right; asking changes nothing.

    Args:
        cluster: The cluster.
        right: The right.
        service_account: A service account of the right's namespace; empty for this process's own account. A check for
            another account needs the right to create ``subjectaccessreviews``.

    Raises:
        ClusterError: If the server does not answer, or does not allow the check.
    """
    scope = (right.namespace or cluster.namespace) if right.kind.namespaced else ""
    attributes = {
        "group": right.kind.group,
        "version": right.kind.version,
        "resource": right.kind.plural,
        "subresource": right.subresource,
        "verb": right.verb,
        "name": right.name,
        "namespace": scope,
    }
    spec: dict[str, Any] = {"resourceAttributes": {key: value for key, value in attributes.items() if value}}
    if service_account:
        namespace = right.namespace or cluster.namespace
        spec["user"] = f"system:serviceaccount:{namespace}:{service_account}"
        spec["groups"] = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    kind = "SubjectAccessReview" if service_account else "SelfSubjectAccessReview"
    request = ApiRequest(
        "POST",
        f"{_REVIEWS}/{kind.lower()}s",
        f"ask for the right to {right}",
        body={"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec},
    )
    return bool(cluster.transport.json(request)["status"]["allowed"])
