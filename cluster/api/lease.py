"""Claims on what is under way: while a process makes something that must not stay if it is killed, a Lease says so.

The Lease is made before the first act, renewed by a thread, and deleted once all is done or put back. One that is not
renewed any more tells ``headrace cluster tidy`` what to put right. Whoever's claim is gone stops.
"""

import contextlib
import json
import platform
import threading
import uuid
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime

from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import LEASES
from headrace.cluster.api.lease_document import ANNOTATION, LABELS, LeaseStatus, LeaseSubject
from headrace.core.base import settings
from headrace.core.base.errors import ClusterError, HeadraceError, MissingError

_ATTEMPTS = 5
_BEATS = 10  # renewals within the time that a claim lasts


class LeaseLostError(ClusterError):
    """The claim is another's by now, or gone; what was claimed must be left alone.

    Attributes:
        gone: Whether nobody has it.
    """

    def __init__(self, about: LeaseSubject, *, gone: bool) -> None:
        """Say what was lost."""
        told = (
            f"the claim on {about} must be renewed while it is under way; it was not for so long that it was tidied "
            "away: begin again."
            if gone
            else f"another process takes care of {about} by now; this one has ended."
        )
        super().__init__(told, "conflict")
        self.gone = gone


class LeaseClaim:
    """A claim that is this process's; the block of ``claimed`` renews it."""

    def __init__(self, cluster: Cluster, about: LeaseSubject, *, seconds: float) -> None:
        """Prepare; nothing is claimed yet.

        Args:
            cluster: Where the object lies.
            about: What it is about.
            seconds: How long it lasts unrenewed.
        """
        self.about = about
        self._cluster = cluster
        self._seconds = seconds
        self._holder = f"{platform.node() or 'somebody'}-{uuid.uuid4().hex[:12]}"
        self._ended = threading.Event()
        self._beat = threading.Thread(target=self._beats, daemon=True)
        self._lost: LeaseLostError | None = None

    def make(self) -> None:
        """Claim the object; whoever claimed it before notices and stops.

        Raises:
            ClusterError: If it cannot be said, or others do so all the time.
        """
        for _ in range(_ATTEMPTS):
            found = self._cluster.get(LEASES, self.about.lease)
            try:
                if found is None:
                    self._cluster.create(self._document())
                else:
                    self._replace_lease(found, self._document())
            except MissingError:
                if found is None:
                    raise  # there is no such namespace
            except ClusterError as error:
                if error.reason not in {"conflict", "exists"}:
                    raise
            else:
                return
        raise ClusterError(
            f"the Lease {self.about.lease} is changed by others all the time: see who does that.", "conflict"
        )

    def take(self, seen: LeaseStatus) -> None:
        """Take over a claim as it was seen.

        Raises:
            LostError: If somebody else has changed it since.
        """
        try:
            self._replace_lease(seen.lease, {**self._document(), "metadata": {}})
        except MissingError as error:
            raise LeaseLostError(self.about, gone=True) from error
        except ClusterError as error:
            if error.reason != "conflict":
                raise
            raise LeaseLostError(self.about, gone=False) from error

    def renew(self) -> None:
        """Say that it is watched.

        Raises:
            LostError: If the claim is not this process's any more.
            ClusterError: If it cannot be said this time.
        """
        found = self._own()
        with self._translate_conflict():
            self._replace_lease(found, {"spec": {"renewTime": _text(datetime.now(UTC))}})

    def check(self) -> None:
        """Raise ``LostError`` if a renewal found that the claim is not this process's any more; asks nobody."""
        if self._lost:
            raise self._lost

    def confirm(self) -> None:
        """Ask whether the claim is still this process's, before an act.

        Raises:
            LostError: If it is not.
            ClusterError: If the cluster cannot be asked.
        """
        self._own()

    def end(self) -> None:
        """Give the claim up: all is done, or put back.

        Raises:
            LostError: If it is not this process's any more.
            ClusterError: If it cannot be said.
        """
        self._stop()
        metadata = self._own()["metadata"]
        with self._translate_conflict():
            self._cluster.delete(LEASES, self.about.lease, uid=metadata["uid"], version=metadata["resourceVersion"])

    def let_go_on(self) -> None:
        """Say that the object goes on to its end, and watch it no more.

        Raises:
            LostError: If the claim is not this process's any more.
            ClusterError: If it cannot be said.
        """
        self._stop()
        self.about = replace(self.about, goes_on=True)
        found = self._own()
        with self._translate_conflict():
            self._replace_lease(found, {"metadata": {"annotations": _annotations(self.about)}})

    @contextlib.contextmanager
    def keep_renewing(self) -> Iterator[None]:
        """Renew it from beside for the length of the block, or until it ends."""
        self._beat.start()
        try:
            yield
        finally:
            self._stop()

    def _beats(self) -> None:
        while not self._ended.wait(self._seconds / _BEATS):
            try:
                self.renew()
            except LeaseLostError as error:
                self._lost = error
                return
            except HeadraceError:
                continue  # the next one may be heard

    def _stop(self) -> None:
        self._ended.set()
        if self._beat.is_alive():
            self._beat.join()

    def _own(self) -> Document:
        found = self._cluster.get(LEASES, self.about.lease)
        if found is None or (found.get("spec") or {}).get("holderIdentity") != self._holder:
            raise LeaseLostError(self.about, gone=found is None)
        return found

    @contextlib.contextmanager
    def _translate_conflict(self) -> Iterator[None]:
        """What is said if the claim changes in this very moment."""
        try:
            yield
        except MissingError as error:
            raise LeaseLostError(self.about, gone=True) from error
        except ClusterError as error:
            if error.reason != "conflict":
                raise
            self._own()  # raises if it was taken
            raise

    def _replace_lease(self, found: Document, change: Document) -> None:
        metadata = {**change.get("metadata", {}), "resourceVersion": found["metadata"]["resourceVersion"]}
        self._cluster.patch(LEASES, self.about.lease, {**change, "metadata": metadata})

    def _document(self) -> Document:
        moment = _text(datetime.now(UTC))
        return {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {
                "name": self.about.lease,
                "labels": LABELS,
                "annotations": _annotations(self.about),
            },
            "spec": {
                "holderIdentity": self._holder,
                "acquireTime": moment,
                "renewTime": moment,
                "leaseDurationSeconds": max(1, round(self._seconds)),
            },
        }


@contextlib.contextmanager
def hold_claim(cluster: Cluster, about: LeaseSubject) -> Iterator[LeaseClaim]:
    """Claim an object for the length of the block.

    The claim stays where the block does not ``end`` it: what could not be put back is put right by ``headrace cluster
    tidy``.

    Raises:
        ClusterError: If it cannot be claimed.
    """
    claim = LeaseClaim(cluster, about, seconds=settings.claim_seconds())
    claim.make()
    with claim.keep_renewing():
        yield claim


def _annotations(about: LeaseSubject) -> dict[str, str]:
    told = asdict(about)
    if not about.goes_on:  # an earlier version, which tidies too, does not know the word
        del told["goes_on"]
    return {ANNOTATION: json.dumps(told)}


def _text(moment: datetime) -> str:
    """Return a moment as Kubernetes' MicroTime wants it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
