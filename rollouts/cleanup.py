"""Find and clean up what killed processes left on a cluster: searches, deployments and rollouts."""

from collections.abc import Callable
from dataclasses import dataclass, field

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import EXPERIMENTS, INFERENCE_SERVICES
from headrace.cluster.api.lease import LeaseClaim, LeaseLostError
from headrace.cluster.api.lease_document import LeaseStatus, LeaseSubject, all_leases, read
from headrace.core.base import settings
from headrace.core.base.diagnostics import Diagnostic, good
from headrace.core.base.errors import ClusterError, DataError
from headrace.experiments.tuners import recovery as searches
from headrace.rollouts import recovery as rollouts
from headrace.rollouts.record.config_map_store import endpoints
from headrace.rollouts.record.record_store import TakenOverError
from headrace.serving.deployment import recovery as deployments

AREA = "Left behind"
_RECOVERIES: dict[str, Callable[[Cluster, LeaseSubject], str]] = {
    EXPERIMENTS.kind: searches.recover,
    INFERENCE_SERVICES.kind: deployments.recover,
}


@dataclass(frozen=True)
class Orphan:
    """An object whose process has died.

    Attributes:
        what: Kind and name, such as ``the Experiment forest-0a1b2c3d``.
        silent_seconds: Time since the last heartbeat of its process.
        effect: Effect of the cleanup, as a clause: ``it would be deleted``.
        recover: Cleans up and returns the resulting state, as a clause.
    """

    what: str
    silent_seconds: float
    effect: str
    recover: Callable[[], str]

    def __str__(self) -> str:
        """Return the object and the effect of the cleanup, for a dry run."""
        return f"{self.what}: {self.since}; {self.effect}"

    @property
    def since(self) -> str:
        """How long no process has watched it, as a clause."""
        return f"nobody has watched it for {self.silent_seconds / 60:.0f} min"


@dataclass(frozen=True)
class OrphanScan:
    """The claims and rollouts of a namespace, by state.

    Attributes:
        orphans: Objects whose process has died.
        watched: Objects whose process is alive; the cleanup leaves them alone.
        unwatched: A sentence for each object that its user meant to run unwatched; the cleanup leaves them alone too.
        unread: A sentence for each Lease or record that cannot be read.
    """

    orphans: list[Orphan] = field(default_factory=list)
    watched: list[str] = field(default_factory=list)
    unwatched: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def find(
    cluster: Cluster, *, say: Callable[[str], None] = lambda _: None, rollout_seconds: float = rollouts.SILENT_SECONDS
) -> OrphanScan:
    """Scan a namespace for orphans without changing anything.

    Args:
        cluster: The cluster and the namespace.
        say: Called with a few words about progress when an orphaned rollout is cleaned up.
        rollout_seconds: Longest time without a heartbeat of a rollout's process; each claim names its own.

    Raises:
        ClusterError: If the cluster cannot be read, or does not allow it.
    """
    scan = OrphanScan()
    for lease in all_leases(cluster):
        try:
            claim = _require_known(read(lease))
        except DataError as error:
            scan.unread.append(str(error))
            continue
        unwatched = searches.describe_running(cluster, claim.subject) if claim.subject.kind == EXPERIMENTS.kind else ""
        if unwatched:
            scan.unwatched.append(unwatched)
        elif claim.watched:
            scan.watched.append(str(claim.subject))
        else:
            scan.orphans.append(_orphan_of_claim(cluster, claim))
    for endpoint in endpoints(cluster):
        try:
            stale = rollouts.find_stale(cluster, endpoint, seconds=rollout_seconds)
        except DataError as error:
            scan.unread.append(str(error))
            continue
        if stale:
            scan.orphans.append(_recover_rollout(cluster, stale, rollout_seconds, say))
    return scan


def clean_up(orphan: Orphan) -> str:
    """Clean up one orphan.

    Returns:
        A sentence with the resulting state and the reason.

    Raises:
        HeadraceError: If the cleanup fails; the next one tries again.
    """
    try:
        return f"{orphan.what} {orphan.recover()}: {orphan.since}."
    except (LeaseLostError, TakenOverError):
        return f"{orphan.what} is left alone: another process has taken it over."


def examine(cluster: Cluster) -> list[Diagnostic]:
    """Return a diagnostic with its remedy for each orphan."""
    try:
        scan = find(cluster)
    except ClusterError as error:
        text, _, remedy = str(error).rstrip(".").partition(": ")
        return [Diagnostic(AREA, "unknown", text, remedy)]
    remedy = f"headrace cluster cleanup --namespace {cluster.namespace}"
    findings = [Diagnostic(AREA, "warning", f"{item.what}: {item.since}", remedy) for item in scan.orphans]
    findings += [Diagnostic(AREA, "note", *_split_sentence(item)) for item in scan.unwatched]
    findings += [Diagnostic(AREA, "warning", *_split_sentence(item)) for item in scan.unread]
    return findings or [good(AREA, "nothing is left behind by a process that was killed")]


def _require_known(claim: LeaseStatus) -> LeaseStatus:
    """Return a claim if this version can clean up its subject.

    Raises:
        DataError: If it cannot.
    """
    if claim.subject.kind not in _RECOVERIES:
        raise DataError(
            f"the Lease {claim.subject.lease} must be about {' or '.join(_RECOVERIES)}; it is about {claim.subject}: "
            "run headrace cluster cleanup of the version that made it."
        )
    return claim


def _split_sentence(sentence: str) -> tuple[str, str]:
    text, _, remedy = sentence.rstrip(".").rpartition(": ")
    return text, remedy


def _orphan_of_claim(cluster: Cluster, status: LeaseStatus) -> Orphan:
    subject = status.subject

    def recover() -> str:
        claim = LeaseClaim(cluster, subject, seconds=settings.claim_seconds())
        claim.take(status)
        outcome = _RECOVERIES[subject.kind](cluster, subject)
        claim.end()
        return outcome

    effect = "restored to its former state" if subject.before else "deleted"
    would = "its claim would be taken away" if subject.goes_on else f"it would be {effect}"
    return Orphan(str(subject), status.silent_seconds, would, recover)


def _recover_rollout(
    cluster: Cluster, stale: rollouts.StaleRollout, seconds: float, say: Callable[[str], None]
) -> Orphan:
    return Orphan(
        f"the rollout of {stale.endpoint}",
        stale.seconds,
        "what was decided would be carried out" if stale.decided else "the stable version would answer alone",
        lambda: rollouts.recover(cluster, stale.endpoint, seconds=seconds, say=say),
    )
