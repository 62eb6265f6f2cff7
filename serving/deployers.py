"""Where models are served: the one place that chooses."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from headrace.core import settings
from headrace.core.durations import seconds
from headrace.core.errors import InputError, shown
from headrace.core.files import write_json
from headrace.core.remedies import require_store
from headrace.serving.deployer import Deployer, LocalDeployer

To = Literal["local", "kserve"]


@dataclass(frozen=True)
class Place:
    """Where and how a model is served; what is said of pods is heard on a cluster only.

    Attributes:
        to: ``local``, by a process of this machine, or ``kserve``.
        namespace: Namespace; empty for the pod's or the context's own.
        context: Context of the kubeconfig; empty for the current one.
        mode: ``Standard`` or ``Knative``; empty to ask the cluster.
        runtime: Name of the ServingRuntime.
        service_account: Service account of the servers.
        replicas: Fewest pods.
        most_replicas: Most pods; 0 for as many as the fewest.
        cpu: Processors that a pod asks for and may use; empty for the usual.
        memory: Memory likewise.
        deadline: Longest time, such as ``10m``.
        via: Host and port of the gateway, outside of the cluster; empty for that of ``HEADRACE_GATEWAY``.
        take_over: Whether fields that somebody else set are taken over.
    """

    to: str = "local"
    namespace: str = ""
    context: str = ""
    mode: str = ""
    runtime: str = "headrace"
    service_account: str = "headrace-serving"
    replicas: int = 1
    most_replicas: int = 0
    cpu: str = ""
    memory: str = ""
    deadline: str = ""
    via: str = ""
    take_over: bool = False

    def __post_init__(self) -> None:
        """Refuse a place that is none.

        Raises:
            InputError: If it is.
        """
        if self.to not in get_args(To):
            raise InputError(f"a model must be deployed to {' or '.join(get_args(To))}; got {shown(self.to)} instead.")


def choose(place: Place, *, log: Path, say: Callable[[str], None] = lambda _: None) -> Deployer:
    """The deployer of a place.

    Args:
        place: Where.
        log: File for what servers of this machine say.
        say: Told in a few words what is waited for.

    Raises:
        InputError: If nobody owns a server of this machine, or KServe is wanted and no object store is set.
        ClusterError: If there is no way to a cluster.
    """
    if place.to == "local":
        lease = settings.lease_path()
        if not lease:
            raise InputError(
                "a server on this machine needs an owner to end with: hold a lease (headrace.core.processes.lease) "
                "while the endpoint is wanted and name its file in HEADRACE_LEASE, or use 'headrace run' or "
                "'headrace serve'."
            )
        return LocalDeployer(lease_path=Path(lease), log=log)
    from headrace.cluster.connecting import connect  # noqa: PLC0415 - a server here needs no cluster
    from headrace.serving.kserve import KServeDeployer, Options  # noqa: PLC0415
    from headrace.serving.kserve_spec import Server  # noqa: PLC0415
    from headrace.serving.kserve_wait import Patience  # noqa: PLC0415

    store = require_store("a model on KServe comes from an object store that this process reaches too")
    usual = Server()
    options = Options(
        server=Server(
            runtime=place.runtime,
            service_account=place.service_account,
            cpu=place.cpu or usual.cpu,
            memory=place.memory or usual.memory,
            most_cpu=place.cpu or usual.most_cpu,
            most_memory=place.memory or usual.most_memory,
            replicas=place.replicas,
            most_replicas=place.most_replicas,
        ),
        mode=place.mode,
        patience=Patience(deadline_seconds=seconds(place.deadline)) if place.deadline else Patience(),
        via=place.via or settings.gateway(),
        take_over=place.take_over,
    )
    return KServeDeployer(connect(context=place.context, namespace=place.namespace), store, options, say)


def deploy_step(
    uri: str, *, name: str, place: Place, record: Path, say: Callable[[str], None] = lambda _: None
) -> dict[str, str]:
    """Deploy, and record where.

    Args:
        uri: Store URI of the bundle.
        name: Name of the endpoint; empty for the model's.
        place: Where to.
        record: JSON file to write; the log of a server of this machine lies beside it.
        say: Told in a few words what is waited for.

    Returns:
        Metadata: ``url``, ``name``, ``digest``, and of KServe ``to``, ``namespace``, ``mode`` and ``before``.

    Raises:
        InputError: If the place cannot be, the bundle is refused, or nobody owns the endpoint.
        ClusterError: If the version does not come up.
        InternalError: If a server of this machine fails.
    """
    deployer = choose(place, log=record.with_name(f"{record.name}.log"), say=say)
    endpoint = asdict(deployer.deploy(uri, name=name))
    write_json(record, endpoint)
    told = ["url", "name", "digest"]
    told += [] if place.to == "local" else ["to", "namespace", "mode", "before"]
    return {key: str(endpoint[key]) for key in told}
