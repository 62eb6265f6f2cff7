"""The step that gives a new version a growing share of the requests, and promotes it or rolls it back."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from headrace.core.base import settings
from headrace.rollouts.kserve import KServeRollout
from headrace.rollouts.local import LocalRollout
from headrace.rollouts.record.registry_note import enter_production as put_in_production
from headrace.rollouts.step import StepOptions, plan_of, rollout_step
from headrace.serving.deployment.kserve_spec import parse_published_uri
from headrace.serving.deployment.target import DeploymentTarget
from headrace.steps.artifacts import StepArtifact, add_metadata
from headrace.steps.step_function import Say, as_step


@as_step
def run_rollout(
    say: Say,
    *,
    candidate: str,
    record: StepArtifact,
    name: str,
    platform: str,
    stable: str,
    table: str,
    steps: Sequence[int],
    step_requests: int,
    step_duration: str,
    step_timeout: str,
    poll_interval: str,
    tolerances: Mapping[str, float],
    on_timeout: str,
    traffic: str,
    prometheus: str,
    selector: str,
    labelled_query: str,
    error_query: str,
    namespace: str,
    deadline: str,
    enter_production: bool,
) -> str:
    """Roll a bundle out, and return how the rollout ended; the component documents the parameters."""
    plan = plan_of(
        [int(part) for part in steps],
        step_duration=step_duration,
        step_timeout=step_timeout,
        poll_interval=poll_interval,
        here=platform == "local",
        step_requests=int(step_requests),
        tolerances=tolerances,
        on_timeout=on_timeout,
    )
    deployment = DeploymentTarget("kserve", namespace, deadline=deadline)
    queries = {
        "selector": selector,
        "labelled_query": labelled_query,
        "error_query": error_query,
    }
    endpoint = choose_endpoint(name, candidate) if platform == "kserve" else name
    kserve_rollout = KServeRollout(endpoint, candidate, traffic, deployment, prometheus, **queries)
    options = StepOptions(platform, plan, LocalRollout(stable, candidate, table), kserve_rollout)
    facts = rollout_step(options, record=Path(record.path), say=say)
    add_metadata(record, facts)
    say(f"{facts['status'].replace('_', ' ')}: {facts['reason']}")
    if enter_production and facts["status"] == "promoted":
        # On a cluster the rollout is named after its endpoint, and on this machine after the model.
        on_cluster = platform == "kserve"
        model = parse_published_uri(candidate)[0] if on_cluster else facts["name"]
        replaced = facts["former"] if on_cluster else ""
        say(put_in_production(model, facts["digest"], settings.registry(), replaced=replaced)[1])
    return facts["status"]


def choose_endpoint(name: str, candidate: str) -> str:
    """Return the name of the endpoint on KServe: the given one, else that of the model in the candidate's address.

    Args:
        name: The given name; empty for none.
        candidate: ``s3://BUCKET/models/NAME/DIGEST/``.

    Raises:
        InputError: If no name is given, and the address is another one.
    """
    return name or parse_published_uri(candidate)[0]
