"""What becomes of Katib's Experiments when the search that made them ends: well, late or badly."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import EXPERIMENTS
from headrace.cluster.api.lease import LeaseClaim, LeaseLostError
from headrace.core.base.errors import ClusterError
from headrace.experiments.search.result import Trial
from headrace.experiments.space.experiment import Experiment

Cleanup = Literal["always", "succeeded", "never"]


@dataclass
class RunningExperiment:
    """An Experiment that was made.

    Attributes:
        experiment: What is searched.
        name: Its name on the cluster.
        study: URI of what its trials read.
        claim: The claim on it.
        reason: Why it ended well; empty if it did not, or not yet.
        has_ended: Whether it has come to an end of its own, good or bad, or is gone.
        trials: Its trials that have ended, by name.
    """

    experiment: Experiment
    name: str
    study: str
    claim: LeaseClaim
    reason: str = ""
    has_ended: bool = False
    trials: dict[str, Trial] = field(default_factory=dict)


def end(cluster: Cluster, made: Sequence[RunningExperiment], *, delete: bool) -> None:
    """Give the Experiments up, and delete them if that is wanted; what cannot be deleted stays claimed.

    Raises:
        ClusterError: If one of them cannot be deleted.
    """
    for one in made:
        if delete:
            cluster.delete(EXPERIMENTS, one.name)
        with suppress(LeaseLostError):
            one.claim.end()


def after_failure(cluster: Cluster, made: Sequence[RunningExperiment], cleanup: Cleanup) -> str:
    """Stop what still runs, or let it go on if nothing is ever to be deleted; what has ended stays to be looked at.

    Args:
        cluster: Where they are.
        made: The Experiments.
        cleanup: When they are to be deleted.

    Returns:
        What became of them, as clauses that go on a sentence; empty if all had ended and stay.

    Raises:
        ClusterError: If it cannot be said that one goes on, or one that has ended cannot be deleted.
    """
    running = [one for one in made if not one.has_ended]
    ended = [one for one in made if one.has_ended]
    for one in ended:
        if cleanup == "always":
            cluster.delete(EXPERIMENTS, one.name)
        with suppress(LeaseLostError):
            one.claim.end()
    if not running:
        return ""
    if cleanup == "never":
        for one in running:
            one.claim.let_go_on()
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
            f"tidy --namespace {cluster.namespace}"
        )
    were = "was" if len(running) == 1 else "were"
    return f"; {describe_experiments(running)} {were} stopped and deleted, with Trials and pods"


def describe_experiments(made: Sequence[RunningExperiment]) -> str:
    """Their names, as they are told: ``the Experiment forest-0a1b2c3d``."""
    names = " and ".join(one.name for one in made)
    return f"the Experiment{'' if len(made) == 1 else 's'} {names}"


def _it(made: Sequence[RunningExperiment]) -> str:
    return "it" if len(made) == 1 else "them"
