"""Claims: a Lease marks an object that must not stay unfinished if the process that creates it is killed.

The process creates the Lease before its first change, renews it in a thread, and deletes it once all is done or undone.
A Lease without renewals tells ``headrace cluster cleanup`` what to clean up. A process that loses its claim stops.
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
_BEATS = 10  # renewals within the duration of a claim, so that a few may fail


class LeaseLostError(ClusterError):
    """Another process took the claim over, or it is gone; its object must be left alone.

    Attributes:
        gone: Whether the claim no longer exists.
    """

    def __init__(self, about: LeaseSubject, *, gone: bool) -> None:
        """Initialize with a sentence about the lost claim."""
        text = (
            f"the claim on {about} must be renewed while work goes on; it was not renewed for so long that it was "
            "cleaned up: start again."
            if gone
            else f"another process took over {about}; this one has ended."
        )
        super().__init__(text, "conflict")
        self.gone = gone


class LeaseClaim:
    """A claim of this process; the block of ``hold_claim`` renews it."""

    def __init__(self, cluster: Cluster, about: LeaseSubject, *, seconds: float) -> None:
        """Initialize without creating the Lease.

        Args:
            cluster: The cluster and the namespace.
            about: Subject of the claim.
            seconds: Duration of the claim without a renewal.
        """
        self.about = about
        self._cluster = cluster
        self._seconds = seconds
        # A host name alone would let a restarted pod take its predecessor's claim for its own.
        self._holder = f"{platform.node() or 'somebody'}-{uuid.uuid4().hex[:12]}"
        self._ended = threading.Event()
        # A daemon: a claim must not keep a process alive that has failed elsewhere.
        self._beat = threading.Thread(target=self._beats, daemon=True)
        self._lost: LeaseLostError | None = None

    def acquire(self) -> None:
        """Claim the object; a process that claimed it before notices and stops.

        Raises:
            ClusterError: If the Lease cannot be written, or others change it all the time.
        """
        # Read, then create or replace at that version; whoever changes the Lease in between costs an attempt.
        for _ in range(_ATTEMPTS):
            lease = self._cluster.get(LEASES, self.about.lease)
            try:
                if lease is None:
                    self._cluster.create(self._document())
                else:
                    self._replace_lease(lease, self._document())
            # A Lease that was read and is gone now was cleaned up in between: try again, and create it.
            except MissingError:
                if lease is None:
                    raise  # the namespace does not exist
            except ClusterError as error:
                if error.reason not in {"conflict", "exists"}:
                    raise
            else:
                return
        raise ClusterError(
            f"the Lease {self.about.lease} is changed by others all the time: see who does that.", "conflict"
        )

    def take(self, status: LeaseStatus) -> None:
        """Take over an expired claim.

        Raises:
            LeaseLostError: If somebody else has changed it since it was read.
        """
        try:
            # The annotations stay: they hold the former state that is to be restored.
            self._replace_lease(status.lease, {**self._document(), "metadata": {}})
        except MissingError as error:
            raise LeaseLostError(self.about, gone=True) from error
        except ClusterError as error:
            if error.reason != "conflict":
                raise
            raise LeaseLostError(self.about, gone=False) from error

    def renew(self) -> None:
        """Renew the claim.

        Raises:
            LeaseLostError: If the claim is no longer this process's.
            ClusterError: If it cannot be renewed this time.
        """
        lease = self._own()
        with self._translate_conflict():
            self._replace_lease(lease, {"spec": {"renewTime": _text(datetime.now(UTC))}})

    def check(self) -> None:
        """Raise ``LeaseLostError`` if a renewal found the claim lost; send no request."""
        if self._lost:
            raise self._lost

    def confirm(self) -> None:
        """Verify with the server that the claim is still this process's, before a change.

        Raises:
            LeaseLostError: If it is not.
            ClusterError: If the cluster cannot be read.
        """
        self._own()

    def end(self) -> None:
        """Delete the claim: all is done or undone.

        Raises:
            LeaseLostError: If it is no longer this process's.
            ClusterError: If it cannot be deleted.
        """
        self._stop()  # a renewal in between would change the version that the deletion requires
        metadata = self._own()["metadata"]
        with self._translate_conflict():
            self._cluster.delete(LEASES, self.about.lease, uid=metadata["uid"], version=metadata["resourceVersion"])

    def detach(self) -> None:
        """Mark the object as running unattended to its end, and stop the renewals.

        Raises:
            LeaseLostError: If the claim is no longer this process's.
            ClusterError: If it cannot be written.
        """
        self._stop()
        self.about = replace(self.about, goes_on=True)
        lease = self._own()
        with self._translate_conflict():
            self._replace_lease(lease, {"metadata": {"annotations": _annotations(self.about)}})

    @contextlib.contextmanager
    def keep_renewing(self) -> Iterator[None]:
        """Renew the claim in a thread for the duration of the block, or until the claim ends."""
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
                continue  # the next renewal may succeed

    def _stop(self) -> None:
        self._ended.set()
        if self._beat.is_alive():
            self._beat.join()

    def _own(self) -> Document:
        lease = self._cluster.get(LEASES, self.about.lease)
        if lease is None or (lease.get("spec") or {}).get("holderIdentity") != self._holder:
            raise LeaseLostError(self.about, gone=lease is None)
        return lease

    @contextlib.contextmanager
    def _translate_conflict(self) -> Iterator[None]:
        """Translate a concurrent change of the Lease into ``LeaseLostError``."""
        try:
            yield
        except MissingError as error:
            raise LeaseLostError(self.about, gone=True) from error
        except ClusterError as error:
            if error.reason != "conflict":
                raise
            self._own()  # raises if another process took it over
            raise

    def _replace_lease(self, lease: Document, change: Document) -> None:
        # The version makes the server refuse the patch if anybody changed the Lease in between.
        metadata = {**change.get("metadata", {}), "resourceVersion": lease["metadata"]["resourceVersion"]}
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
    """Claim an object for the duration of the block.

    A claim that the block does not ``end`` stays: ``headrace cluster cleanup`` cleans up what could not be undone.

    Raises:
        ClusterError: If it cannot be claimed.
    """
    claim = LeaseClaim(cluster, about, seconds=settings.claim_seconds())
    claim.acquire()
    with claim.keep_renewing():
        yield claim


def _annotations(about: LeaseSubject) -> dict[str, str]:
    fields = asdict(about)
    if not about.goes_on:  # earlier versions, whose cleanup reads it too, do not know the field
        del fields["goes_on"]
    return {ANNOTATION: json.dumps(fields)}


def _text(moment: datetime) -> str:
    """Return a time in the format of Kubernetes' MicroTime."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
