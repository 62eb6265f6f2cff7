"""Wait until requests reach pods that have just got a share, and until none reaches those that are to be deleted.

What a gateway or a router does is not what its route says: it hears of a change later, each of its copies at a time of
its own, and no status tells. The pods' own counters do.
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
_UNASKED = 3  # times as long as pods must be quiet, nobody asks those that have a share


@dataclass(frozen=True)
class TrafficDrain:
    """How it is waited.

    Attributes:
        longest_seconds: When to give up waiting for pods to be quiet, because somebody asks them without the route.
        sleep: Waits.
        clock: Seconds of a clock that never goes back.
    """

    longest_seconds: float = LONGEST_SECONDS
    sleep: Callable[[float], None] = field(default=time.sleep, compare=False)
    clock: Callable[[], float] = field(default=time.monotonic, compare=False)

    def wait_until_reached(self, deployer: KServeDeployer, workload: str) -> None:
        """Wait until a request reaches the pods of a Deployment, or it is clear that nobody asks.

        A share that was taken back before the gateway had heard of it would be divided later still, when pods that had
        been quiet all the time are gone.

        Args:
            deployer: The way to the cluster, and its patience: three times ``quiet_seconds`` at most. Where the pods'
                counters cannot be read from here, nothing is waited for.
            workload: Name of the Deployment.
        """
        servers = ServerCounters(lambda: pod_metrics.of_workload(deployer.cluster, workload))
        began, before = self.clock(), _count_requests(servers)
        while before is not None and self.clock() - began < _UNASKED * deployer.patience.quiet_seconds:
            self.sleep(_EVERY_SECONDS / 4)
            counted = _count_requests(servers)
            if counted is None or _more(before, counted):
                return

    def wait(self, deployer: KServeDeployer, workload: str) -> None:
        """Wait until no request has reached the pods of a Deployment for a while.

        Args:
            deployer: The way to the cluster, and its patience: ``quiet_seconds`` where the pods' counters can be read
                from here, ``blind_seconds`` where not.
            workload: Name of the Deployment.
        """
        patience = deployer.patience
        servers = ServerCounters(lambda: pod_metrics.of_workload(deployer.cluster, workload))
        began = last = self.clock()
        before: Mapping[str, float] | None = None
        deployer.say(f"waiting until no request reaches {workload}")
        while True:
            now, counted = self.clock(), _count_requests(servers)
            if counted is None:
                before, last = None, now
                if now - began >= patience.blind_seconds:
                    return
            else:
                if before is None or _more(before, counted):
                    last = now
                before = counted
                if now - last >= patience.quiet_seconds:
                    return
            if now - began >= self.longest_seconds:
                deployer.say(f"requests still reach {workload}, which has had no share for {now - began:.0f} s")
                return
            self.sleep(min(_EVERY_SECONDS, patience.quiet_seconds / 4))


def _more(before: Mapping[str, float], counted: Mapping[str, float]) -> bool:
    return any(number > before.get(pod, 0.0) for pod, number in counted.items())


def _count_requests(servers: ServerCounters) -> Mapping[str, float] | None:
    """Requests that each pod has answered; None if they cannot be read."""
    try:
        return {pod: reading.counts.requests for pod, reading in servers.read().items()}
    except (InputError, ClusterError):
        return None
