"""Wait until an InferenceService answers with one version, or fail as soon as it is clear that it will not."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from headrace.cluster.api import pods as cluster_pods
from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import DEPLOYMENTS, INFERENCE_SERVICES, PODS
from headrace.cluster.api.pods import ObjectEvent
from headrace.cluster.api.watch import ServerPatience, follow
from headrace.core.base.errors import ClusterError, HeadraceError, InputError
from headrace.serving.deployment import kserve_pods, kserve_status
from headrace.serving.deployment.client import EndpointClient
from headrace.serving.deployment.kserve_pods import PodFailure
from headrace.serving.deployment.kserve_spec import KNATIVE

EVERY_SECONDS = 1.0
STALE_SECONDS = 20.0  # KServe may report the former model status for this long after a change
EVENT_SECONDS = 10.0  # an event alone counts as a failure after this long without pods
_LOG_LINES = 5
_STUCK = {"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"}
CONTESTED = "the object has been modified"  # a write conflict, after which a controller tries again


class SupersededError(ClusterError):
    """Somebody else changed the InferenceService in the meantime; their change must stay."""


@dataclass(frozen=True)
class WaitGoal:
    """The version that must answer.

    Attributes:
        name: Name of the InferenceService.
        uri: Address of the bundle.
        digest: Digest that the servers must report; empty to take what the Deployment says.
        uid: ``metadata.uid`` of the InferenceService.
        known: Its ``modelStatus`` before the change.
        since: Time of the change, RFC 3339, by the server's clock; earlier events are not about this version.
        asks: Minimum number of consecutive answers that must come from the version.
    """

    name: str
    uri: str
    digest: str
    uid: str
    known: Document = field(default_factory=dict)
    since: str = ""
    asks: int = 3


@dataclass(frozen=True)
class WaitTimeouts:
    """Timeouts of a deployment.

    Attributes:
        deadline_seconds: Maximum time until the version answers.
        node_seconds: Maximum time until a pod has a node and its volumes.
        every_seconds: Time between two polls.
        quiet_seconds: Time without a request to pods before they are deleted.
        blind_seconds: Time to wait instead if the pods' counters cannot be read.
    """

    deadline_seconds: float = 600.0
    node_seconds: float = 90.0
    every_seconds: float = EVERY_SECONDS
    quiet_seconds: float = 10.0
    blind_seconds: float = 60.0


@dataclass
class VersionWait:
    """Polls an InferenceService, its Deployment, pods and events, and its route.

    Attributes:
        cluster: The cluster and the namespace.
        patience: Timeouts.
        gateway: Host and port of the gateway, for clients outside the cluster; empty inside.
        say: Called with a few words about progress.
        check: Called at each poll; raises if this process must stop.
    """

    cluster: Cluster
    patience: WaitTimeouts
    gateway: str = ""
    say: Callable[[str], None] = lambda _: None
    check: Callable[[], None] = lambda: None
    _last: str = ""

    def until_answering(self, goal: WaitGoal) -> Document:
        """Wait until every answer on the real route comes from this version.

        Returns:
            The InferenceService at that time; its address may have changed.

        Raises:
            SupersededError: If somebody else changed it.
            ClusterError: If it was deleted, fails, or does not answer in time.
        """
        start, patience = time.monotonic(), ServerPatience()
        self._last = "nothing of it was seen"
        for service in follow(
            self.cluster,
            INFERENCE_SERVICES,
            goal.name,
            seconds=self.patience.deadline_seconds,
            every_seconds=self.patience.every_seconds,
        ):
            self.check()
            if service is None or service["metadata"]["uid"] != goal.uid:
                raise SupersededError(f"the InferenceService {goal.name} must stay until it answers; it was deleted.")
            if kserve_status.source(service) != goal.uri:
                source = kserve_status.source(service) or "none"
                raise SupersededError(
                    f"the InferenceService {goal.name} must serve {goal.uri}; somebody changed it to {source} in the "
                    "meantime."
                )
            try:
                if self._is_settled(service, goal, time.monotonic() - start):
                    return service
                patience.reset()
            except ClusterError as error:
                if isinstance(error, _FailedError) or not patience.tolerates(error):
                    raise
        raise _FailedError(f"it did not within {self.patience.deadline_seconds:.0f} s: {self._last}", "timeout")

    def until_running(self, goal: WaitGoal, *, deployment: str) -> None:
        """Wait until a Deployment beside the InferenceService's own runs with a version.

        Args:
            goal: The version that must run.
            deployment: Name of the Deployment.

        Raises:
            SupersededError: If the InferenceService was deleted.
            ClusterError: If the version fails, or does not run in time.
        """
        self._last = "nothing of it was seen"
        for service in follow(
            self.cluster,
            INFERENCE_SERVICES,
            goal.name,
            seconds=self.patience.deadline_seconds,
            every_seconds=self.patience.every_seconds,
        ):
            if service is None or service["metadata"]["uid"] != goal.uid:
                raise SupersededError(f"the InferenceService {goal.name} must stay until it runs; it was deleted.")
            workload = self.cluster.get(DEPLOYMENTS, deployment)
            self._fail(kserve_status.deployment_failure(workload, goal.uri))
            pods = self.cluster.list(PODS, labels=f"{kserve_status.SERVICE_LABEL}={goal.name}")
            self._fail_by_pods(kserve_pods.pods_of_version(pods, goal.uri), goal)
            if kserve_status.runs(workload, goal.uri):
                return
            self._notice("the candidate's pods are not all available")
        raise _FailedError(f"it did not within {self.patience.deadline_seconds:.0f} s: {self._last}", "timeout")

    def digests(self, service: Document, name: str, count: int) -> list[str]:
        """Return the digests that the servers behind a route report, each over a new connection.

        A gateway balances connections, so that a second request over an open one would reach the same server.

        Raises:
            InputError: If nothing answers there.
        """
        digests = []
        for _ in range(count):
            with EndpointClient.at(self.url(service, name), gateway=self.gateway) as remote:
                digests.append(remote.digest())
        return digests

    def url(self, service: Document, name: str) -> str:
        """Return the URL of V1 predictions.

        Raises:
            InputError: If KServe has given it no address yet.
        """
        base = kserve_status.base(service, outside=bool(self.gateway))
        if not base:
            raise InputError(f"the InferenceService {name} has no address yet; wait until KServe has given it one.")
        return f"{base}/v1/models/{name}:predict"

    def _is_settled(self, service: Document, goal: WaitGoal, seconds: float) -> bool:
        former_status = goal.known if seconds < STALE_SECONDS else {}
        self._fail(kserve_status.model_failure(service, known=former_status))
        replicas = self._running(service, goal, seconds)
        return bool(replicas) and self._answers(service, goal, replicas)

    def _running(self, service: Document, goal: WaitGoal, seconds: float) -> int:
        """Return how many pods of the version run; 0 until all of them do and no others are left."""
        knative = kserve_status.mode(service) == KNATIVE
        service_pods = self.cluster.list(PODS, labels=f"{kserve_status.SERVICE_LABEL}={goal.name}")
        pods = kserve_pods.pods_of_version(service_pods, goal.uri, since=goal.since)
        if knative:
            # The status may still describe the former revision, which has other pods.
            ready, running = len(pods), kserve_status.is_revision_ready(service) and any(map(kserve_pods.ready, pods))
            has_pods = bool(pods)
        else:
            name = kserve_status.workload(goal.name, kserve_status.predictor(service))
            deployment = self.cluster.get(DEPLOYMENTS, name)
            self._fail(kserve_status.deployment_failure(deployment, goal.uri))
            running = kserve_status.runs(deployment, goal.uri)
            has_pods = kserve_status.current(deployment, goal.uri)
            ready = int(kserve_status.status(deployment or {}).get("availableReplicas") or 0)
        self._fail_by_pods(pods, goal)
        if not running:
            self._notice(_count_pods(len(pods)) if has_pods else "no pod of it yet")
            if not has_pods and seconds > EVENT_SECONDS:
                self._fail_by_events(goal)
            return 0
        return max(ready, 1)

    def _answers(self, service: Document, goal: WaitGoal, replicas: int) -> bool:
        if not goal.digest:
            return True
        try:
            digests = self.digests(service, goal.name, max(goal.asks, min(2 * replicas, 20)))
        except InputError as error:
            self._notice(f"its pods run, but {str(error).rstrip('.')}{outside_hint(self.cluster, self.gateway)}")
            return False
        foreign = [digest for digest in digests if digest != goal.digest]
        if foreign:
            self._notice(
                f"its pods run, but {len(foreign)} of {len(digests)} answers came from {foreign[0][:12] or '?'}"
            )
        return not foreign

    def _notice(self, text: str) -> None:
        if text != self._last:
            self._last = text
            self.say(text)

    def _fail(self, text: str) -> None:
        if text:
            raise _FailedError(text)

    def _fail_by_pods(self, pods: Sequence[Mapping[str, Any]], goal: WaitGoal) -> None:
        failure = kserve_pods.failure(pods, patience=self.patience.node_seconds) or self._find_stuck_pod(pods, goal)
        if failure:
            raise _FailedError(failure.text + self._last_words(failure))

    def _find_stuck_pod(self, pods: Sequence[Mapping[str, Any]], goal: WaitGoal) -> PodFailure | None:
        """Return the failure of a pod whose volumes cannot be mounted, which only its events show."""
        now = datetime.now(UTC)
        for pod in pods:
            late = kserve_pods.waiting_since(pod, now) > self.patience.node_seconds
            if not late or (pod.get("status") or {}).get("phase", "Pending") != "Pending":
                continue
            name = pod["metadata"]["name"]
            for event in cluster_pods.events(self.cluster, "Pod", name):
                if event.reason in _STUCK and _since(event, goal):
                    return PodFailure(f"pod {name} cannot start ({event.reason}): {event.message}", name)
        return None

    def _fail_by_events(self, goal: WaitGoal) -> None:
        """Raise if KServe creates no pods and only an event says why."""
        for event in reversed(cluster_pods.events(self.cluster, "InferenceService", goal.name, uid=goal.uid)):
            if event.type == "Warning" and _since(event, goal) and CONTESTED not in event.message:
                raise _FailedError(f"KServe creates no pods for it ({event.reason}): {event.message}")

    def _last_words(self, failure: PodFailure) -> str:
        if not failure.container:
            return ""
        try:
            log = cluster_pods.logs(
                self.cluster, failure.pod, container=failure.container, lines=_LOG_LINES, previous=failure.previous
            )
        except HeadraceError:
            log = ""  # an unreadable log must not hide the failure itself
        lines = [line.strip() for line in (log or failure.message).splitlines() if line.strip()]
        return f"; its last words: {' | '.join(lines)[-600:]}" if lines else ""


def _since(event: ObjectEvent, goal: WaitGoal) -> bool:
    """Return whether an event happened after the change, to the second."""
    return event.last[: len("2000-01-01T00:00:00")] >= goal.since.rstrip("Z")


def outside_hint(cluster: Cluster, gateway: str) -> str:
    """Return a clause on how to reach an endpoint from outside the cluster; empty inside or if a gateway is named."""
    return (
        "; outside the cluster, name its gateway with --gateway or HEADRACE_GATEWAY"
        if cluster.context and not gateway
        else ""
    )


def _count_pods(pods: int) -> str:
    return "1 pod of it, not available yet" if pods == 1 else f"{pods} pods of it, not all of them available"


class _FailedError(ClusterError):
    """The version does not come up; the message is a clause."""
