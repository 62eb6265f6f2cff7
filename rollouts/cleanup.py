"""What killed processes left on a cluster, of searches, deployments and rollouts: found, told, and put right."""

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
_PUT_RIGHT: dict[str, Callable[[Cluster, LeaseSubject], str]] = {
    EXPERIMENTS.kind: searches.put_right,
    INFERENCE_SERVICES.kind: deployments.put_right,
}


@dataclass(frozen=True)
class Orphan:
    """Something that nobody watches any more.

    Attributes:
        what: What it is, such as ``the Experiment forest-0a1b2c3d``.
        silent_seconds: Time since somebody said that they watch it.
        would: What tidying does, as a clause: ``it would be deleted``.
        put_right: Does it; gives what is so then, as a clause.
    """

    what: str
    silent_seconds: float
    would: str
    put_right: Callable[[], str]

    def __str__(self) -> str:
        """As it is told before anything is done."""
        return f"{self.what}: {self.since}; {self.would}"

    @property
    def since(self) -> str:
        """How long nobody has watched it."""
        return f"nobody has watched it for {self.silent_seconds / 60:.0f} min"


@dataclass(frozen=True)
class OrphanScan:
    """All that was found in a namespace.

    Attributes:
        left: What nobody watches any more.
        watched: What is under way and watched, which is left alone.
        unwatched: A sentence for each thing that goes on unwatched as its user wished, which is left alone too.
        unread: A sentence for each Lease or record that cannot be read.
    """

    left: list[Orphan] = field(default_factory=list)
    watched: list[str] = field(default_factory=list)
    unwatched: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def find(
    cluster: Cluster, *, say: Callable[[str], None] = lambda _: None, rollout_seconds: float = rollouts.SILENT_SECONDS
) -> OrphanScan:
    """Look for what nobody watches any more; nothing is changed.

    Args:
        cluster: Where, and in which namespace.
        say: Told in a few words what happens when a rollout is put right.
        rollout_seconds: How long the process of a rollout may say nothing; each claim says so itself.

    Raises:
        ClusterError: If the cluster cannot be asked, or does not allow it.
    """
    found = OrphanScan()
    for lease in all_leases(cluster):
        try:
            seen = _require_known(read(lease))
        except DataError as error:
            found.unread.append(str(error))
            continue
        on_its_own = searches.goes_on(cluster, seen.about) if seen.about.kind == EXPERIMENTS.kind else ""
        if on_its_own:
            found.unwatched.append(on_its_own)
        elif seen.watched:
            found.watched.append(str(seen.about))
        else:
            found.left.append(_orphan_of_claim(cluster, seen))
    for endpoint in endpoints(cluster):
        try:
            silent = rollouts.silent(cluster, endpoint, seconds=rollout_seconds)
        except DataError as error:
            found.unread.append(str(error))
            continue
        if silent:
            found.left.append(_recover_rollout(cluster, silent, rollout_seconds, say))
    return found


def clean_up(left: Orphan) -> str:
    """Put one thing right.

    Returns:
        A sentence that says what is so now, and why.

    Raises:
        HeadraceError: If it cannot be; it is tried again next time.
    """
    try:
        return f"{left.what} {left.put_right()}: {left.since}."
    except (LeaseLostError, TakenOverError):
        return f"{left.what} is left alone: somebody takes care of it by now."


def examine(cluster: Cluster) -> list[Diagnostic]:
    """What nobody watches any more, as findings with their remedy."""
    try:
        found = find(cluster)
    except ClusterError as error:
        text, _, remedy = str(error).rstrip(".").partition(": ")
        return [Diagnostic(AREA, "unknown", text, remedy)]
    remedy = f"headrace cluster tidy --namespace {cluster.namespace}"
    findings = [Diagnostic(AREA, "warning", f"{one.what}: {one.since}", remedy) for one in found.left]
    findings += [Diagnostic(AREA, "note", *_split_sentence(one)) for one in found.unwatched]
    findings += [Diagnostic(AREA, "warning", *_split_sentence(one)) for one in found.unread]
    return findings or [good(AREA, "nothing is left behind by a process that was killed")]


def _require_known(seen: LeaseStatus) -> LeaseStatus:
    """Return the same, if this version knows how to tidy what it is about.

    Raises:
        DataError: If it does not.
    """
    if seen.about.kind not in _PUT_RIGHT:
        raise DataError(
            f"the Lease {seen.about.lease} must be about {' or '.join(_PUT_RIGHT)}; it is about {seen.about}: run "
            "headrace cluster tidy of the version that made it."
        )
    return seen


def _split_sentence(sentence: str) -> tuple[str, str]:
    text, _, remedy = sentence.rstrip(".").rpartition(": ")
    return text, remedy


def _orphan_of_claim(cluster: Cluster, seen: LeaseStatus) -> Orphan:
    about = seen.about

    def put_right() -> str:
        claim = LeaseClaim(cluster, about, seconds=settings.claim_seconds())
        claim.take(seen)
        said = _PUT_RIGHT[about.kind](cluster, about)
        claim.end()
        return said

    act = "put back to what it was" if about.before else "deleted"
    would = "its claim would be taken away" if about.goes_on else f"it would be {act}"
    return Orphan(str(about), seen.silent_seconds, would, put_right)


def _recover_rollout(
    cluster: Cluster, silent: rollouts.StaleRollout, seconds: float, say: Callable[[str], None]
) -> Orphan:
    return Orphan(
        f"the rollout of {silent.endpoint}",
        silent.seconds,
        "what was decided would be carried out" if silent.decided else "the stable version would answer alone",
        lambda: rollouts.put_right(cluster, silent.endpoint, seconds=seconds, say=say),
    )
