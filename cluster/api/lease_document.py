"""What a claim says: a Lease that names what is under way, who watches it, and what was there before."""

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
    """What a claim is about.

    Attributes:
        kind: Kind of the object, such as ``Experiment``.
        name: Its name.
        uri: Of an InferenceService: address of the bundle that is being deployed.
        before: What is applied again if that is not finished; None to delete the object.
        answered: Digest of what answered before; empty if nothing did.
        goes_on: Whether it is to go on to its end though nobody watches it, as its user wished.
    """

    kind: str
    name: str
    uri: str = ""
    before: Document | None = None
    answered: str = ""
    goes_on: bool = False

    def __str__(self) -> str:
        """As it is told: ``the Experiment forest``."""
        return f"the {self.kind} {self.name}"

    @property
    def lease(self) -> str:
        """Name of its Lease; there is one for each object."""
        return f"headrace-{self.kind.lower()}-{self.name}"


@dataclass(frozen=True)
class LeaseStatus:
    """A claim as it was read.

    Attributes:
        about: What it is about.
        holder: Who watches.
        silent_seconds: Time since it was renewed.
        seconds: How long it lasts unrenewed.
        lease: The Lease.
    """

    about: LeaseSubject
    holder: str
    silent_seconds: float
    seconds: float
    lease: Document

    @property
    def watched(self) -> bool:
        """Whether somebody renewed it a short while ago."""
        return self.silent_seconds <= self.seconds


def find(cluster: Cluster, kind: str, name: str) -> LeaseStatus | None:
    """Return the claim on an object; None if there is none that can be read.

    Raises:
        ClusterError: If the cluster cannot be asked.
    """
    found = cluster.get(LEASES, LeaseSubject(kind, name).lease)
    with contextlib.suppress(DataError):
        return read(found) if found else None
    return None


def read(lease: Document) -> LeaseStatus:
    """What a Lease says.

    Raises:
        DataError: If it is none of Headrace's, or was renewed in the future.
    """
    name = lease["metadata"]["name"]
    spec: dict[str, Any] = lease.get("spec") or {}
    try:
        about = _about(json.loads((lease["metadata"].get("annotations") or {})[ANNOTATION]))
        renewed, seconds = datetime.fromisoformat(spec["renewTime"]), float(spec["leaseDurationSeconds"])
        silent = datetime.now(UTC) - renewed
    except (KeyError, TypeError, ValueError) as error:
        told = quote(f"{type(error).__name__}: {error}")
        raise DataError(
            f"the Lease {name} must be a claim of Headrace's, with what it is about and when it was renewed; {told}: "
            f"see whose it is, and delete it with kubectl delete lease {name}."
        ) from error
    if about.lease != name or silent < -timedelta(seconds=seconds):
        wrong = f"it is about {about}" if about.lease != name else f"it says {spec['renewTime']}"
        raise DataError(
            f"the Lease {name} must be about the object of its name and renewed in the past; {wrong}: set the clocks "
            f"right, or delete it with kubectl delete lease {name}."
        )
    return LeaseStatus(about, str(spec.get("holderIdentity", "")), silent.total_seconds(), seconds, lease)


def all_leases(cluster: Cluster) -> list[Document]:
    """Return the Leases of all claims in the namespace.

    Raises:
        ClusterError: If they may not be listed.
    """
    return cluster.list(LEASES, labels=f"app.kubernetes.io/managed-by={MANAGER}")


def _about(told: dict[str, Any]) -> LeaseSubject:
    """What an annotation says, if it says so in the form of ours."""
    about = LeaseSubject(**told)
    texts = (about.kind, about.name, about.uri, about.answered)
    named = all(isinstance(text, str) for text in texts) and isinstance(about.goes_on, bool)
    if not named or not isinstance(about.before, dict | None):
        raise TypeError("it has other types")
    return about
