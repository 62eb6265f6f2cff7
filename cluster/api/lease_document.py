"""The content of a claim: a Lease with its subject, its holder, and the former state of the object."""

import contextlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.cluster.api.client import MANAGER, Cluster, Document
from headrace.cluster.api.kinds import LEASES
from headrace.core.base.errors import DataError, quote

LABELS = {"app.kubernetes.io/managed-by": MANAGER, "app.kubernetes.io/part-of": "headrace"}
ANNOTATION = "headrace/claim"


@dataclass(frozen=True)
class LeaseSubject:
    """The subject of a claim.

    Attributes:
        kind: Kind of the object, such as ``Experiment``.
        name: Its name.
        uri: Of an InferenceService: address of the bundle that is being deployed.
        before: The former state to restore if the claim's process dies; None to delete the object.
        answered: Digest of the version that answered before; empty if none did.
        goes_on: Whether the object runs unattended to its end, as its user chose.
    """

    kind: str
    name: str
    uri: str = ""
    before: Document | None = None
    answered: str = ""
    goes_on: bool = False

    def __str__(self) -> str:
        """Return the subject in words, such as ``the Experiment forest``."""
        return f"the {self.kind} {self.name}"

    @property
    def lease(self) -> str:
        """Name of its Lease; there is one for each object."""
        # Computed from the object, so that two processes that claim it meet at one Lease.
        return f"headrace-{self.kind.lower()}-{self.name}"


@dataclass(frozen=True)
class LeaseStatus:
    """The state of a claim.

    Attributes:
        subject: Its subject.
        holder: Name of the process that holds it.
        silent_seconds: Time since its last renewal.
        seconds: Its duration without a renewal.
        lease: The Lease.
    """

    subject: LeaseSubject
    holder: str
    silent_seconds: float
    seconds: float
    lease: Document

    @property
    def watched(self) -> bool:
        """Whether it has not expired."""
        return self.silent_seconds <= self.seconds


def find(cluster: Cluster, kind: str, name: str) -> LeaseStatus | None:
    """Return the claim on an object; None if there is none or it cannot be read.

    Raises:
        ClusterError: If the cluster cannot be read.
    """
    lease = cluster.get(LEASES, LeaseSubject(kind, name).lease)
    # The cleanup reports an unreadable Lease; here it must not stop a deployment.
    with contextlib.suppress(DataError):
        return read(lease) if lease else None
    return None


def read(lease: Document) -> LeaseStatus:
    """Parse a Lease.

    Raises:
        DataError: If it is not one of Headrace's, or was renewed in the future.
    """
    name = lease["metadata"]["name"]
    spec: dict[str, Any] = lease.get("spec") or {}
    try:
        about = _about(json.loads((lease["metadata"].get("annotations") or {})[ANNOTATION]))
        # Two clocks meet here, the holder's and this one; the difference is checked below.
        renewed, seconds = datetime.fromisoformat(spec["renewTime"]), float(spec["leaseDurationSeconds"])
        silent = datetime.now(UTC) - renewed
    except (KeyError, TypeError, ValueError) as error:
        problem = quote(f"{type(error).__name__}: {error}")
        raise DataError(
            f"the Lease {name} must be a claim of Headrace's, with what it is about and when it was renewed; "
            f"{problem}: see whose it is, and delete it with kubectl delete lease {name}."
        ) from error
    # A clock ahead by less than the duration is harmless; by more, it would look watched for long.
    if about.lease != name or silent < -timedelta(seconds=seconds):
        reason = f"it is about {about}" if about.lease != name else f"it says {spec['renewTime']}"
        raise DataError(
            f"the Lease {name} must be about the object of its name and renewed in the past; {reason}: set the clocks "
            f"right, or delete it with kubectl delete lease {name}."
        )
    return LeaseStatus(about, str(spec.get("holderIdentity", "")), silent.total_seconds(), seconds, lease)


def all_leases(cluster: Cluster) -> list[Document]:
    """Return the Leases of all claims in the namespace.

    Raises:
        ClusterError: If they may not be listed.
    """
    return cluster.list(LEASES, labels=f"app.kubernetes.io/managed-by={MANAGER}")


def _about(fields: dict[str, Any]) -> LeaseSubject:
    """Return the subject from a parsed annotation; raise TypeError if it has another form."""
    # The annotation can be edited by anybody with access to the namespace, and the cleanup acts on it.
    subject = LeaseSubject(**fields)
    texts = (subject.kind, subject.name, subject.uri, subject.answered)
    named = all(isinstance(text, str) for text in texts) and isinstance(subject.goes_on, bool)
    if not named or not isinstance(subject.before, dict | None):
        raise TypeError("it has other types")
    return subject
