"""Wait until requests reach pods with a new share, and until none reach pods before they are deleted.

A gateway or router applies a changed route later, each of its replicas at another time, and no status shows when. Only
the pods' own counters show it.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from headrace.core.base.errors import ClusterError, InputError
from headrace.rollouts.traffic import pod_metrics
from headrace.rollouts.traffic.server_metrics import ServerCounters
from headrace.serving.deployment.kserve import KServeDeployer

LONGEST_SECONDS = 600.0
_EVERY_SECONDS = 1.0
_UNASKED = 3  # multiple of the quiet time after which an endpoint counts as unused


@dataclass(frozen=True)
class TrafficDrain:
    """Waits by the pods' counters of requests.

    Attributes:
        longest_seconds: Maximum wait for pods without requests, since a client may call them without the route.
        sleep: Waits.
        clock: Returns the seconds of a monotonic clock.
    """

    longest_seconds: float = LONGEST_SECONDS
    sleep: Callable[[float], None] = field(default=time.sleep, compare=False)
    clock: Callable[[], float] = field(default=time.monotonic, compare=False)

    def wait_until_reached(self, deployer: KServeDeployer, workload: str) -> None:
        """Wait until a request reaches the pods of a Deployment, or the endpoint appears to be unused.

        Otherwise a share might be withdrawn before the gateway has applied it. The gateway would then apply it late, to
        pods that were quiet all the time and have been deleted.

        Args:
            deployer: Its cluster and timeouts: three times ``quiet_seconds`` at most. Returns at once if the pods'
                counters cannot be read from here.
            workload: Name of the Deployment.
        """
        servers = ServerCounters(lambda: pod_metrics.of_workload(deployer.cluster, workload))
        start, before = self.clock(), _count_requests(servers)
        while before is not None and self.clock() - start < _UNASKED * deployer.timeouts.quiet_seconds:
            self.sleep(_EVERY_SECONDS / 4)
            counts = _count_requests(servers)
            if counts is None or _more(before, counts):
                return

    def wait(self, deployer: KServeDeployer, workload: str) -> None:
        """Wait until no request has reached the pods of a Deployment for a while.

        Args:
            deployer: Its cluster and timeouts: ``quiet_seconds`` if the pods' counters can be read from here,
                ``blind_seconds`` if not.
            workload: Name of the Deployment.
        """
        patience = deployer.timeouts
        servers = ServerCounters(lambda: pod_metrics.of_workload(deployer.cluster, workload))
        start = last_request = self.clock()
        before: Mapping[str, float] | None = None
        deployer.say(f"waiting until no request reaches {workload}")
        while True:
            now, counts = self.clock(), _count_requests(servers)
            if counts is None:
                before, last_request = None, now
                if now - start >= patience.blind_seconds:
                    return
            else:
                if before is None or _more(before, counts):
                    last_request = now
                before = counts
                if now - last_request >= patience.quiet_seconds:
                    return
            if now - start >= self.longest_seconds:
                deployer.say(f"requests still reach {workload}, which has had no share for {now - start:.0f} s")
                return
            self.sleep(min(_EVERY_SECONDS, patience.quiet_seconds / 4))


def _more(before: Mapping[str, float], counts: Mapping[str, float]) -> bool:
    return any(number > before.get(pod, 0.0) for pod, number in counts.items())


def _count_requests(servers: ServerCounters) -> Mapping[str, float] | None:
    """Return the number of requests that each pod has answered; None if the counters cannot be read."""
    try:
        return {pod: reading.counts.requests for pod, reading in servers.read().items()}
    except (InputError, ClusterError):
        return None
