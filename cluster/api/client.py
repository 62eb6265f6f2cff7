"""A client for the objects of a cluster, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.cluster.api import discovery
from headrace.cluster.api.kinds import KNOWN, ObjectKind, identify
from headrace.cluster.api.transport import ApiRequest, ApiTransport
from headrace.core.base.errors import ClusterError, MissingError

MANAGER = "headrace"
_PAGE = "500"
Document = dict[str, Any]


@dataclass(frozen=True)
class Cluster:
    """A client for a cluster, with one identity and one namespace.

    Every method is safe for threads. A request has a timeout; one that is safe to repeat is retried a few times if the
    server is unreachable or overloaded. All methods raise ``ClusterError``, whose ``reason`` says in a word what is
    wrong. An empty ``namespace`` means that of the client.

    Attributes:
        transport: Sends requests.
        namespace: Default namespace.
        context: Context of the kubeconfig; empty in a pod.
    """

    transport: ApiTransport
    namespace: str
    context: str = ""

    @property
    def address(self) -> str:
        """URL of the API server."""
        return self.transport.address

    def get(self, kind: ObjectKind, name: str, *, namespace: str = "") -> Document | None:
        """Return an object; None if it does not exist.

        Raises:
            ClusterError: If the server does not answer, does not allow it, or does not serve the kind.
        """
        try:
            document: Document = self.transport.json(self._request("GET", kind, name, namespace))
        except MissingError:
            return None
        return document

    def list(
        self, kind: ObjectKind, *, namespace: str = "", labels: str = "", fields: str = "", everywhere: bool = False
    ) -> list[Document]:
        """Return all objects of a kind, page by page.

        Args:
            kind: Their kind.
            namespace: Their namespace.
            labels: Label selector, such as ``app=heart,tier!=web``.
            fields: Field selector, such as ``metadata.name=heart``.
            everywhere: Whether to list all namespaces.

        Raises:
            ClusterError: If the server does not answer, does not allow it, or does not serve the kind.
        """
        query = {"limit": _PAGE, "labelSelector": labels, "fieldSelector": fields}
        path = kind.path("" if everywhere else namespace or self.namespace)
        objects: list[Document] = []
        continuation = ""
        while True:
            parameters = {name: value for name, value in {**query, "continue": continuation}.items() if value}
            page = self.transport.json(ApiRequest("GET", path, f"list {kind.resource}", query=parameters))
            # The server omits apiVersion and kind from the objects of a list.
            names = {"apiVersion": kind.api_version, "kind": kind.kind}
            objects += [{**names, **item} for item in page.get("items") or []]
            continuation = page["metadata"].get("continue", "")
            if not continuation:
                return objects

    def create(self, document: Mapping[str, Any], *, namespace: str = "", dry_run: bool = False) -> Document:
        """Create an object; the server refuses unknown fields.

        To apply an object later, apply it from the start: for the server, the creator and the applier are two field
        managers even under the same name.

        Raises:
            InputError: If the document has no kind or name.
            MissingError: If its namespace does not exist.
            ClusterError: If the object exists already (``exists``), or is refused (``invalid``).
        """
        kind, name = self._kind_and_name(document)
        request = self._request(
            "POST",
            kind,
            name,
            namespace or _own(document),
            query={"fieldManager": MANAGER, "fieldValidation": "Strict", **_dry(dry_run)},
            body=document,
        )
        created: Document = self.transport.json(request)
        return created

    def apply(
        self,
        document: Mapping[str, Any],
        *,
        namespace: str = "",
        manager: str = MANAGER,
        force: bool = False,
        dry_run: bool = False,
    ) -> Document:
        """Create or change an object by server-side apply.

        The manager owns the fields of the document: a field that it applied before and omits now is removed, fields of
        others stay. The server refuses unknown fields.

        Args:
            document: All fields of the manager, without ``status``.
            namespace: Namespace; empty for the document's own, then the client's.
            manager: Name of the field manager.
            force: Whether to take over fields that another manager owns.
            dry_run: Whether the server only returns the result without storing it.

        Raises:
            InputError: If the document has no kind or name.
            MissingError: If its namespace does not exist.
            ClusterError: If another manager owns a field (``conflict``, which names it), or the object is refused.
        """
        kind, name = self._kind_and_name(document)
        query = {"fieldManager": manager, "fieldValidation": "Strict", **_dry(dry_run)}
        request = self._request(
            "PATCH",
            kind,
            name,
            namespace or _own(document),
            query={**query, "force": "true" if force else "false"},
            body=document,
            content_type="application/apply-patch+yaml",
        )
        applied: Document = self.transport.json(request)
        return applied

    def patch(
        self,
        kind: ObjectKind,
        name: str,
        change: Mapping[str, Any],
        *,
        namespace: str = "",
        subresource: str = "",
        manager: str = MANAGER,
    ) -> Document:
        """Change some fields of an object by a JSON merge patch (RFC 7396); None removes a field.

        Raises:
            MissingError: If the object does not exist.
            ClusterError: If the change is refused.
        """
        request = self._request(
            "PATCH",
            kind,
            name,
            namespace,
            subresource=subresource,
            query={"fieldManager": manager, "fieldValidation": "Strict"},
            body=change,
            content_type="application/merge-patch+json",
        )
        changed: Document = self.transport.json(request)
        return changed

    def patch_status(
        self, kind: ObjectKind, name: str, status: Mapping[str, Any], *, namespace: str = "", manager: str = MANAGER
    ) -> Document:
        """Change the status of an object, as its controller does; raise as ``patch`` does."""
        change = {"status": status}
        return self.patch(kind, name, change, namespace=namespace, subresource="status", manager=manager)

    def delete(self, kind: ObjectKind, name: str, *, namespace: str = "", uid: str = "", version: str = "") -> bool:
        """Delete an object, and in the background the objects that it owns.

        Args:
            kind: Its kind.
            name: Its name.
            namespace: Its namespace.
            uid: Delete it only if this is its ``metadata.uid``; a later object of the same name stays.
            version: Delete it only if this is still its ``metadata.resourceVersion``; a changed object stays.

        Returns:
            Whether the object existed.

        Raises:
            ClusterError: If the server refuses, or a condition does not hold (``conflict``).
        """
        preconditions = {key: value for key, value in (("uid", uid), ("resourceVersion", version)) if value}
        body: Document = {
            "propagationPolicy": "Background",
            **({"preconditions": preconditions} if preconditions else {}),
        }
        try:
            self.transport.json(self._request("DELETE", kind, name, namespace, body=body))
        except MissingError:
            return False
        return True

    def kind_of(self, document: Mapping[str, Any]) -> ObjectKind:
        """Return the kind of an object, from the list of known kinds or from the server.

        Raises:
            InputError: If the document has no kind or name.
            ClusterError: If the server does not serve it (``unserved``).
        """
        return self._kind_and_name(document)[0]

    def _kind_and_name(self, document: Mapping[str, Any]) -> tuple[ObjectKind, str]:
        api_version, kind, name = identify(document)
        object_kind = KNOWN.get((api_version, kind)) or discovery.find_kind(self.transport, api_version, kind)
        if object_kind is None:
            raise ClusterError(
                f"the cluster {self.address} does not serve {kind} of {api_version}: install what provides it.",
                "unserved",
            )
        return object_kind, name

    def _request(
        self,
        method: str,
        kind: ObjectKind,
        name: str,
        namespace: str,
        *,
        subresource: str = "",
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> ApiRequest:
        scope = (namespace or self.namespace) if kind.namespaced else ""
        verb = {"POST": "create", "PATCH": "patch"}.get(method, method.lower())
        doing = f"{verb} {kind.resource} {name}" + (f" in {scope}" if scope else "")
        return ApiRequest(
            method,
            kind.path(scope, "" if method == "POST" else name, subresource),
            doing,
            query=query or {},
            body=body,
            content_type=content_type,
            repeat=method != "POST",
        )


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}


def _own(document: Mapping[str, Any]) -> str:
    return str(document["metadata"].get("namespace") or "")
