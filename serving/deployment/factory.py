"""Create the deployer of a deployment target."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from headrace.core.base import settings
from headrace.core.base.durations import seconds
from headrace.core.base.errors import InputError
from headrace.core.base.files import write_json
from headrace.core.base.remedies import require_store
from headrace.serving.deployment.local import Deployer, LocalDeployer
from headrace.serving.deployment.target import DeploymentTarget


def create_deployer(target: DeploymentTarget, *, log: Path, say: Callable[[str], None] = lambda _: None) -> Deployer:
    """Return the deployer of a target.

    Args:
        target: Where and how to serve.
        log: Log file of servers on this machine.
        say: Called with a few words about progress.

    Raises:
        InputError: If a server on this machine has no owner, or KServe has no object store.
        ClusterError: If no cluster can be reached.
    """
    if target.platform == "local":
        lease = settings.lease_path()
        if not lease:
            raise InputError(
                "a server on this machine needs an owner to end with: hold a lease "
                "(headrace.core.runtime.processes.lease) while the endpoint is wanted and name its file in "
                "HEADRACE_LEASE, or use 'headrace run' or 'headrace serve'."
            )
        return LocalDeployer(lease_path=Path(lease), log=log)
    from headrace.cluster.api.kubeconfig import connect  # noqa: PLC0415 - a server here needs no cluster
    from headrace.serving.deployment.kserve import KServeDeployer  # noqa: PLC0415
    from headrace.serving.deployment.kserve_wait import WaitTimeouts  # noqa: PLC0415

    store = require_store("a model on KServe comes from an object store that this process reaches too")
    return KServeDeployer(
        connect(context=target.context, namespace=target.namespace),
        store,
        replace(target, gateway=target.gateway or settings.gateway()),
        WaitTimeouts(deadline_seconds=seconds(target.deadline)) if target.deadline else WaitTimeouts(),
        say=say,
    )


def deploy_step(
    uri: str, *, name: str, target: DeploymentTarget, record: Path, say: Callable[[str], None] = lambda _: None
) -> dict[str, str]:
    """Deploy a bundle and write its endpoint to a file.

    Args:
        uri: Store URI of the bundle.
        name: Name of the endpoint; empty for the model's.
        target: Where and how to serve.
        record: JSON file to write; a server on this machine logs to a file beside it.
        say: Called with a few words about progress.

    Returns:
        Metadata: ``url``, ``name``, ``digest``; on KServe also ``to``, ``namespace``, ``mode`` and ``before``.

    Raises:
        InputError: If the target is invalid, the bundle is refused, or the endpoint has no owner.
        ClusterError: If the version does not come up.
        InternalError: If a server on this machine fails.
    """
    deployer = create_deployer(target, log=record.with_name(f"{record.name}.log"), say=say)
    endpoint = asdict(deployer.deploy(uri, name=name))
    write_json(record, endpoint)
    keys = ["url", "name", "digest"]
    keys += [] if target.platform == "local" else ["platform", "namespace", "mode", "before"]
    return {key: str(endpoint[key]) for key in keys}
