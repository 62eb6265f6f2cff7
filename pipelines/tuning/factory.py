"""Where the trials of a search run that are pipelines: the one place that chooses."""

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
"""For whom a pod's token is made, by which Kubeflow Pipelines knows its service account."""


@dataclass(frozen=True)
class KatibPipelineTuner:
    """Trials in pods that have Kubeflow Pipelines run the pipeline; see ``PipelineTuner``.

    Attributes:
        katib: The search on the cluster.
    """

    katib: KatibTuner
    name = "katib"

    def tune(self, plan: SearchPlan, trial: PipelineTrial, *, folder: Path, listener: Listener) -> SearchResult:  # noqa: ARG002 - all stays in the store
        """See ``PipelineTuner.tune``; what the trials left stays on the cluster.

        Raises:
            InputError: If the Experiment cannot be sent, or the namespace takes none.
            ClusterError: If the cluster cannot be asked.
            FailedSearchError: If there is no best trial.
        """
        return self.katib.run(plan, lambda _, home: pipeline_trial.write(trial, home), listener=listener)


def choose(place: TunerTarget, *, searches: Path, lease: Path, environment: Mapping[str, str]) -> PipelineTuner:
    """The tuner of a place.

    Args:
        place: Where trials run.
        searches: Here: folder of searches that have not come to their end.
        lease: Here: the lease that no trial outlives.
        environment: Here: variables for the steps.

    Raises:
        InputError: If Katib is asked for and no object store is set, or the deadline is no time.
        ClusterError: If there is no way to a cluster.
    """
    if place.on == "local":
        return LocalPipelineTuner(searches, lease, environment)
    return KatibPipelineTuner(factory.katib(place, pod=pod()))


def pod() -> dict[str, object]:
    """What is special of the pods of such trials: command, variables and token; see ``katib_spec.Pod``."""
    given = settings.kfp_settings()
    namespace = {"HEADRACE_KFP_NAMESPACE": given.namespace} if given and given.namespace else {}
    return {
        "command": COMMAND,
        "environment": {"HEADRACE_KFP_ENDPOINT": settings.kfp_pod_endpoint(), **namespace},
        "token": AUDIENCE,
    }
