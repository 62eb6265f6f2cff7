"""The version that takes over when one is pulled out, and whether a plan can be carried out at all."""

from pathlib import Path

from headrace.core.base import settings
from headrace.core.base.errors import InputError, MissingError, StoreError
from headrace.core.base.remedies import missing_store
from headrace.core.bundles.bundle import Bundle
from headrace.core.models.constant_model import FAMILY
from headrace.core.monitors.decisions.policy import MonitoringPolicy, PullOut
from headrace.core.packaging.baseline_bundle import make_baseline_bundle
from headrace.registry.backends.locations import registry_location
from headrace.registry.mlflow.registry import MlflowRegistry, open_registry
from headrace.registry.models.state import ModelState, ModelVersion
from headrace.registry.models.submission import ModelSubmission
from headrace.registry.models.transitions import find_former
from headrace.stores.bundles.bundle_store import publish
from headrace.stores.objects.object_store import connect


def check_plan(plan: PullOut, state: ModelState, version: ModelVersion) -> None:
    """Raise if a version cannot be pulled out by a plan.

    Args:
        plan: The plan.
        state: What the registry knows of the model.
        version: The version that would be pulled out.

    Raises:
        InputError: If there is no former version to go back to, or the version is a baseline already.
    """
    if plan != "baseline":
        find_former(state, version)
    elif version.facts.get("family") == FAMILY:
        raise InputError(
            f"{version.model} {version.version} is a baseline already, and cannot be replaced by one: set pull_out to "
            "roll_back in the monitoring policy, or roll out a better model."
        )


def find_plan_fault(policy: MonitoringPolicy, name: str, digest: str) -> str:
    """Return why the plan of a policy cannot be carried out for a version, as a sentence; empty if it can.

    Without a registry that has the version nothing is known, and the result is empty.

    Args:
        policy: The policy.
        name: Name of the model.
        digest: Digest of the version in service.
    """
    if all(rule.action != "roll_back" for rule in policy.monitors.values()):
        return ""
    location = registry_location()
    if location.path and not location.path.exists():
        return ""
    try:
        state = open_registry().model(name)
        check_plan(policy.pull_out, state, state.find(digest))
    except MissingError:
        return ""
    except (InputError, StoreError) as error:
        return f"The policy's pull-out cannot be carried out now: {error}"
    return ""


def prepare_successor(
    plan: PullOut, registry: MlflowRegistry, bundle: Bundle, *, by: str, folder: Path, published: bool
) -> ModelVersion:
    """Return the version that takes over; a baseline is made, published and registered first.

    Args:
        plan: The plan.
        registry: The registry.
        bundle: The bundle that is pulled out.
        by: Who does it.
        folder: Folder for a baseline.
        published: Whether it must be published to an object store, because a cluster serves it.

    Raises:
        InputError: If the plan cannot be carried out, or there is no object store where one is needed.
        StoreError: If store or registry fail.
    """
    state = registry.model(bundle.name)
    version = state.find(bundle.digest)
    check_plan(plan, state, version)
    if plan != "baseline":
        return find_former(state, version)
    baseline = make_baseline_bundle(bundle, folder)
    known = state.with_digest(baseline.digest)
    if known:
        return known
    submission = ModelSubmission.of(baseline, uri=_publish(baseline.folder, registry, published=published))
    reason = f"The baseline's answer, to take the place of {version.version} ({bundle.digest[:12]})."
    return registry.register(submission, by=by, reason=reason)


def _publish(folder: Path, registry: MlflowRegistry, *, published: bool) -> str:
    """Publish a bundle where a store is set; else its folder is its address, for this machine alone."""
    store = settings.store_settings()
    if store is not None:
        return publish(folder, connect(store))
    if published or registry.place.path is None:
        raise missing_store("a baseline must be published before others can serve it")
    return str(folder.absolute())
