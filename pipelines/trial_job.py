"""A trial that is a run of a pipeline: ``python3 -m headrace.pipelines.trial_job``, in the pod of a Katib trial.

It fetches Experiment and pipeline from the object store, has Kubeflow Pipelines run the pipeline with the trial's
values, waits, reads the reported metrics, and writes them to standard output in the form that Katib's collector reads.
When the trial is stopped, so is the run.
"""

import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from headrace.cluster.kfp import client, workflow
from headrace.cluster.kfp.client import KfpClient, RunRequest
from headrace.core.base import settings
from headrace.core.base.environment_values import TrialSettings
from headrace.core.base.errors import InternalError
from headrace.core.base.files import dumps
from headrace.core.base.remedies import require_store
from headrace.core.base.settings import StoreSettings
from headrace.core.evaluation.search_trials import Trial
from headrace.core.runtime.signals import defer_signals, ended_by_sigterm
from headrace.experiments.search.loop import TrialRequest
from headrace.experiments.space import assignments
from headrace.experiments.trial_job import Reporter, as_job, record_key, texts
from headrace.experiments.trials import pipeline_trial
from headrace.experiments.trials.pipeline_trial import PipelineTrial
from headrace.pipelines.kubeflow.artifacts import artifacts
from headrace.pipelines.kubeflow.follow import POLL_SECONDS, follow
from headrace.pipelines.kubeflow.run_workflow import WorkflowSource
from headrace.pipelines.kubeflow.step_logs import StepLogs
from headrace.pipelines.local.runner import StepEvent
from headrace.stores.bundles import folder_store
from headrace.stores.objects.object_store import connect


def run(
    trial_settings: TrialSettings,
    store_settings: StoreSettings,
    api: KfpClient,
    report: Reporter,
    *,
    poll_seconds: float = POLL_SECONDS,
) -> Trial:
    """Run a trial and store its record.

    Args:
        trial_settings: Which one.
        store_settings: How to reach the store.
        api: Kubeflow Pipelines.
        report: Takes the metrics.
        poll_seconds: Seconds between two polls of the run.

    Returns:
        The trial.

    Raises:
        HeadraceError: If the study cannot be read, the run cannot be started or polled, or the record cannot be stored.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        home = folder_store.get(trial_settings.study, Path(scratch) / "study", store_settings)
        study_trial = pipeline_trial.load(home / pipeline_trial.EXPERIMENT)
    if study_trial is None:
        raise InternalError(f"the study {trial_settings.study} must be one of a pipeline.")
    request = TrialRequest(
        0, study_trial.experiment, assignments.parse_values(study_trial.experiment, texts(trial_settings.parameters))
    )
    trial = replace(_run_trial(request, trial_settings, study_trial, api, poll_seconds), name=trial_settings.name)
    if trial.won:
        report({name: values["latest"] for name, values in trial.metrics.items()})
    store = connect(replace(store_settings, bucket=trial_settings.study.split("/")[2]), create=False)
    store.put_bytes(
        record_key(trial_settings.study, trial_settings.name), dumps(trial.as_json()).encode(), "application/json"
    )
    return trial


def _run_trial(
    request: TrialRequest, trial_settings: TrialSettings, trial: PipelineTrial, api: KfpClient, poll_seconds: float
) -> Trial:
    began = time.monotonic()
    address = f"{trial_settings.study}results/{trial_settings.name}.json"
    arguments = trial.arguments(request.values, result=address)
    run_id = ""
    with ended_by_sigterm():
        try:
            with (
                defer_signals()
            ):  # a signal in between would leave a run whose id is unknown here, and nobody to end it
                run_id = api.start(RunRequest(trial_settings.name, trial.pipeline, arguments))
            sys.stderr.write(f"headrace: {trial_settings.name} is the run {run_id}\n")
            _, outcome = follow(
                api,
                run_id,
                pipeline=trial.pipeline,
                logs=StepLogs(None, (), lambda run: artifacts(run, trial.pipeline)),
                watch=_watch,
                workflows=WorkflowSource(None, (), partial(workflow.read_kept_workflow, api.transport)),
                poll_seconds=poll_seconds,
            )
        except BaseException:
            if run_id:
                api.end(run_id)
            raise
    return trial.end_trial(request, address, seconds=time.monotonic() - began, error=str(outcome.error or ""))


def _watch(event: StepEvent) -> None:
    """Write a line to the pod's log, without an equals sign, which Katib's collector would read as a metric."""
    phrases = {"start": "began", "end": f"ended after {event.seconds:.0f} s", "fail": "failed"}
    if event.event in phrases:
        sys.stderr.write(f"headrace: {event.step} {phrases[event.event]}\n")
    elif event.event == "waiting":
        sys.stderr.write(f"headrace: {event.step or 'the run'}: {event.text}\n".replace("=", " "))


def _from_environment() -> Trial:
    store_settings = require_store("a trial needs the object store of its study")
    return run(settings.trial_settings(), store_settings, client.connect(), Reporter(sys.stdout))


def main() -> int:
    """Run the trial that the environment names; see ``experiments.trial_job.as_job``."""
    return as_job(_from_environment)


if __name__ == "__main__":
    sys.exit(main())
