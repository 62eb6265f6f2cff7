"""Stops or deletes Katib's Experiments when the search that created them ends: in success, failure or time-out."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import EXPERIMENTS
from headrace.cluster.api.lease import LeaseClaim, LeaseLostError
from headrace.core.base.errors import ClusterError
from headrace.core.evaluation.search_trials import Trial
from headrace.experiments.space.experiment import Experiment

Cleanup = Literal["always", "succeeded", "never"]


@dataclass
class RunningExperiment:
    """An Experiment that was created.

    Attributes:
        experiment: The Experiment.
        name: Its name on the cluster.
        study: URI of its trials' study.
        claim: The Lease that marks it as watched.
        reason: Why it succeeded; empty if it did not, or not yet.
        has_ended: Whether it has succeeded, failed or been deleted.
        trials: Its trials that have ended, by name.
    """

    experiment: Experiment
    name: str
    study: str
    claim: LeaseClaim
    reason: str = ""
    has_ended: bool = False
    trials: dict[str, Trial] = field(default_factory=dict)


def end(cluster: Cluster, experiments: Sequence[RunningExperiment], *, delete: bool) -> None:
    """Release the Experiments, and delete them if ``delete``; one that cannot be deleted stays claimed.

    Raises:
        ClusterError: If one of them cannot be deleted.
    """
    for running in experiments:
        if delete:
            cluster.delete(EXPERIMENTS, running.name)
        with suppress(LeaseLostError):
            running.claim.end()


def after_failure(cluster: Cluster, experiments: Sequence[RunningExperiment], cleanup: Cleanup) -> str:
    """Delete running Experiments, or let them continue if ``cleanup`` is ``never``; ended ones stay for inspection.

    Args:
        cluster: Where they are.
        experiments: The Experiments.
        cleanup: When to delete them.

    Returns:
        What happened to them, as clauses that continue a sentence; empty if all had ended and stay.

    Raises:
        ClusterError: If a claim on one that continues cannot be updated, or one that has ended cannot be deleted.
    """
    running = [one for one in experiments if not one.has_ended]
    ended = [one for one in experiments if one.has_ended]
    for one in ended:
        if cleanup == "always":
            cluster.delete(EXPERIMENTS, one.name)
        with suppress(LeaseLostError):
            one.claim.end()
    if not running:
        return ""
    if cleanup == "never":
        for one in running:
            one.claim.detach()
        names = " ".join(one.name for one in running)
        goes = "goes" if len(running) == 1 else "go"
        return (
            f"; {describe_experiments(running)} {goes} on to the end, since nothing is to be deleted: kubectl -n "
            f"{cluster.namespace} "
            f"delete experiment {names} stops {_it(running)}"
        )
    try:
        end(cluster, running, delete=True)
    except ClusterError as error:
        return (
            f"; {describe_experiments(running)} could not be deleted ({str(error).rstrip('.')}) and may go on until "
            "headrace cluster "
            f"cleanup --namespace {cluster.namespace}"
        )
    were = "was" if len(running) == 1 else "were"
    return f"; {describe_experiments(running)} {were} stopped and deleted, with Trials and pods"


def describe_experiments(experiments: Sequence[RunningExperiment]) -> str:
    """Return their names for a message: ``the Experiment forest-0a1b2c3d``."""
    names = " and ".join(running.name for running in experiments)
    return f"the Experiment{'' if len(experiments) == 1 else 's'} {names}"


def _it(experiments: Sequence[RunningExperiment]) -> str:
    return "it" if len(experiments) == 1 else "them"
