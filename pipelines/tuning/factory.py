"""Creates the tuner for searches whose trials are pipelines, on this machine or on a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headrace.core.base import settings
from headrace.experiments.search.loop import SearchPlan
from headrace.experiments.search.result import SearchResult
from headrace.experiments.trials import pipeline_trial
from headrace.experiments.trials.pipeline_trial import PipelineTrial
from headrace.experiments.tuners import factory
from headrace.experiments.tuners.factory import TunerTarget
from headrace.experiments.tuners.katib import KatibTuner
from headrace.experiments.tuners.local import Listener
from headrace.pipelines.tuning.local import LocalPipelineTuner
from headrace.pipelines.tuning.search import PipelineTuner

COMMAND = ("python3", "-m", "headrace.pipelines.trial_job")
AUDIENCE = "pipelines.kubeflow.org"
"""Audience of a pod's token, by which Kubeflow Pipelines identifies its service account."""


@dataclass(frozen=True)
class KatibPipelineTuner:
    """Runs each trial in a pod that starts the pipeline on Kubeflow Pipelines; see ``PipelineTuner``.

    Attributes:
        katib: The search on the cluster.
    """

    katib: KatibTuner
    name = "katib"

    def tune(self, plan: SearchPlan, trial: PipelineTrial, *, folder: Path, listener: Listener) -> SearchResult:  # noqa: ARG002 - all stays in the store
        """Search, as ``PipelineTuner.tune`` says; artifacts of the trials stay on the cluster.

        Raises:
            InputError: If the Experiment cannot be sent, or the namespace accepts none.
            ClusterError: If the cluster cannot be reached.
            FailedSearchError: If there is no best trial.
        """
        return self.katib.run(plan, lambda _, home: pipeline_trial.write(trial, home), listener=listener)


def choose(target: TunerTarget, *, searches: Path, lease: Path, environment: Mapping[str, str]) -> PipelineTuner:
    """Return the tuner for a target.

    Args:
        target: Where trials run.
        searches: Folder of unfinished searches; for a local search only.
        lease: The lease that no trial outlives; for a local search only.
        environment: Variables for the steps; for a local search only.

    Raises:
        InputError: If Katib is to run the trials and no object store is set, or the deadline is not a duration.
        ClusterError: If no cluster can be reached.
    """
    if target.tuner == "local":
        return LocalPipelineTuner(searches, lease, environment)
    return KatibPipelineTuner(factory.katib(target, pod=pod()))


def pod() -> dict[str, object]:
    """Return the fields of ``TrialPod`` that differ for such trials: command, variables and token."""
    kfp_settings = settings.kfp_settings()
    namespace = {"HEADRACE_KFP_NAMESPACE": kfp_settings.namespace} if kfp_settings and kfp_settings.namespace else {}
    return {
        "command": COMMAND,
        "environment": {"HEADRACE_KFP_ENDPOINT": settings.kfp_pod_endpoint(), **namespace},
        "token": AUDIENCE,
    }
