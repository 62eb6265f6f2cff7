"""A cluster: objects in and out, as plain values."""

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
    """A way to a cluster, under one identity and in one namespace.

    Every method may be called from several threads at once. A request has a time-out, and is sent again a few times
    when the server cannot be reached or has too many requests, if that does no harm. All methods raise
    ``ClusterError``, whose ``reason`` says in a word what is wrong; ``namespace`` is the cluster's own where it is
    left empty.

    Attributes:
        transport: How requests are made.
        namespace: Namespace to work in.
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
        """Return an object, or None if there is none of that name.

        Raises:
            ClusterError: If the server cannot be asked, does not allow it, or does not serve the kind.
        """
        try:
            found: Document = self.transport.json(self._request("GET", kind, name, namespace))
        except MissingError:
            return None
        return found

    def list(
        self, kind: ObjectKind, *, namespace: str = "", labels: str = "", fields: str = "", everywhere: bool = False
    ) -> list[Document]:
        """Return all objects of a kind, page by page.

        Args:
            kind: Their kind.
            namespace: Where they lie.
            labels: Label selector, such as ``app=heart,tier!=web``.
            fields: Field selector, such as ``metadata.name=heart``.
            everywhere: Whether to look in all namespaces.

        Raises:
            ClusterError: If the server cannot be asked, does not allow it, or does not serve the kind.
        """
        query = {"limit": _PAGE, "labelSelector": labels, "fieldSelector": fields}
        path = kind.path("" if everywhere else namespace or self.namespace)
        found: list[Document] = []
        following = ""
        while True:
            wanted = {name: value for name, value in {**query, "continue": following}.items() if value}
            page = self.transport.json(ApiRequest("GET", path, f"list {kind.resource}", query=wanted))
            # The server leaves apiVersion and kind out of the objects of a list.
            names = {"apiVersion": kind.api_version, "kind": kind.kind}
            found += [{**names, **item} for item in page.get("items") or []]
            following = page["metadata"].get("continue", "")
            if not following:
                return found

    def create(self, document: Mapping[str, Any], *, namespace: str = "", dry_run: bool = False) -> Document:
        """Make a new object; fields that its kind does not have are refused.

        An object that is applied later should be applied from the start: to the server, whoever creates and whoever
        applies are two managers, even of one name.

        Raises:
            InputError: If the document has no kind or name.
            MissingError: If its namespace is not there.
            ClusterError: If there is one of that name (``exists``), or it is refused (``invalid``).
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
        made: Document = self.transport.json(request)
        return made

    def apply(
        self,
        document: Mapping[str, Any],
        *,
        namespace: str = "",
        manager: str = MANAGER,
        force: bool = False,
        dry_run: bool = False,
    ) -> Document:
        """Make an object as the document says, whatever there was: server-side apply.

        The manager owns the fields of the document: what it applied before and leaves out now is taken away, what
        others set is left alone. Fields that the kind does not have are refused.

        Args:
            document: All that the manager wants, without ``status``.
            namespace: Where; empty for the document's own, then the cluster's.
            manager: Name under which the fields are owned.
            force: Whether fields that another manager owns are taken over.
            dry_run: Whether the server only says what would become of it.

        Raises:
            InputError: If the document has no kind or name.
            MissingError: If its namespace is not there.
            ClusterError: If another manager owns a field (``conflict``, which names it), or it is refused.
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
        """Change some fields of an object by a JSON merge patch (RFC 7396); None takes a field away.

        Raises:
            MissingError: If there is no such object.
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
        """Change the status of an object, as its controller does; raises as ``patch`` does."""
        change = {"status": status}
        return self.patch(kind, name, change, namespace=namespace, subresource="status", manager=manager)

    def delete(self, kind: ObjectKind, name: str, *, namespace: str = "", uid: str = "", version: str = "") -> bool:
        """Delete an object, and in the background what it owns.

        Args:
            kind: Its kind.
            name: Its name.
            namespace: Where it lies.
            uid: Delete it only if this is its ``metadata.uid``; a later one of the same name is left alone.
            version: Delete it only if this is its ``metadata.resourceVersion`` still; one that changed is left alone.

        Returns:
            Whether there was one.

        Raises:
            ClusterError: If it is refused, or the one of that name is another (``conflict``).
        """
        wanted = {key: value for key, value in (("uid", uid), ("resourceVersion", version)) if value}
        body: Document = {"propagationPolicy": "Background", **({"preconditions": wanted} if wanted else {})}
        try:
            self.transport.json(self._request("DELETE", kind, name, namespace, body=body))
        except MissingError:
            return False
        return True

    def kind_of(self, document: Mapping[str, Any]) -> ObjectKind:
        """Return the kind of an object: a known one, or what the server says of it.

        Raises:
            InputError: If the document has no kind or name.
            ClusterError: If the server does not serve it (``unserved``).
        """
        return self._kind_and_name(document)[0]

    def _kind_and_name(self, document: Mapping[str, Any]) -> tuple[ObjectKind, str]:
        api_version, kind, name = identify(document)
        found = KNOWN.get((api_version, kind)) or discovery.find_kind(self.transport, api_version, kind)
        if found is None:
            raise ClusterError(
                f"the cluster {self.address} does not serve {kind} of {api_version}: install what brings it.",
                "unserved",
            )
        return found, name

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
        place = (namespace or self.namespace) if kind.namespaced else ""
        verb = {"POST": "create", "PATCH": "patch"}.get(method, method.lower())
        doing = f"{verb} {kind.resource} {name}" + (f" in {place}" if place else "")
        return ApiRequest(
            method,
            kind.path(place, "" if method == "POST" else name, subresource),
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
