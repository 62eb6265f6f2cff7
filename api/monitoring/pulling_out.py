"""Pull a model out of production, and make the bundle that answers with its baseline."""

from collections.abc import Callable
from pathlib import Path

from headrace.api.deployment import connect_kserve
from headrace.api.model_reference import ModelReference, open_model
from headrace.api.monitoring.monitor import read_policy
from headrace.api.monitoring.retraining import RolloutPlace
from headrace.core.base.errors import InputError
from headrace.core.bundles.bundle import Bundle
from headrace.core.monitors.decisions.policy import MonitoringPolicy
from headrace.core.packaging.baseline_bundle import make_baseline_bundle
from headrace.monitoring.pull_outs.carry_out import PullOut, PullOutOrder, ServeSuccessor, carry_out
from headrace.registry.backends.locations import FOLDER
from headrace.serving.deployment.target import DeploymentTarget
from headrace.stores.objects.open_objects import open_objects


def pull_out(
    model: ModelReference,
    store: str | Path,
    *,
    policy: str | Path | MonitoringPolicy | None = None,
    place: RolloutPlace | None = None,
    reason: str = "",
    output: str | Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> PullOut:
    """Pull a version of a model out of production, as ``headrace pull-out`` does.

    Repeating it is harmless, and completes what a kill left.

    Args:
        model: The version in service; see ``resolve_model``.
        store: The monitoring store: a folder, or ``s3://BUCKET/PREFIX``.
        policy: A monitoring policy or its file, whose plan counts; None for the plan that the decision names.
        place: Where the model serves; None for ``local``, where the registry alone changes.
        reason: A person's reason, with which no decision and no approval is needed.
        output: Folder for a baseline's bundle; None for ``headrace-out/NAME-baseline-DIGEST``.
        progress: Called with a few words on what is waited for; None for silence.

    Raises:
        MissingError: If the registry does not have the version.
        InputError: If nothing decides the pull-out and no reason is given, or its plan cannot be carried out.
        ClusterError: If the version that takes over does not become live; the former one serves.
        StoreError: If store or registry fail.
    """
    rules, place = read_policy(policy), place or RolloutPlace()
    if place.platform not in {"local", "kserve"}:
        raise InputError(f"the platform must be local or kserve; got {place.platform!r} instead.")
    with open_model(model) as bundle:
        folder = Path(output) if output else FOLDER / f"{bundle.name}-baseline-{bundle.digest[:12]}"
        serve = _serve_on_kserve(place, bundle.name, progress) if place.platform == "kserve" else None
        order = PullOutOrder(rules, policy is not None, reason.strip(), folder, serve)
        return carry_out(bundle, open_objects(str(store)), order)


def make_baseline(model: ModelReference, output: str | Path) -> Bundle:
    """Make the bundle that answers every row with a model's baseline, as ``headrace baseline`` does.

    Args:
        model: The model; see ``resolve_model``.
        output: The new bundle's folder; it must not exist yet.

    Raises:
        InputError: If the folder exists, or the model is a baseline itself.
        BundleError: If a document in the bundle cannot be used.
    """
    if Path(output).exists():
        raise InputError(f"{output} must not exist yet; choose another path, or remove it.")
    with open_model(model) as bundle:
        return make_baseline_bundle(bundle, Path(output))


def _serve_on_kserve(place: RolloutPlace, name: str, progress: Callable[[str], None] | None) -> ServeSuccessor:
    deployer = connect_kserve(DeploymentTarget("kserve", place.namespace, place.context), progress=progress)

    def serve(uri: str, former: str) -> str:
        return deployer.replace(uri, name=place.endpoint or name, former=former).name

    return serve
