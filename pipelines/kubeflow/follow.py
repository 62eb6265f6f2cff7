"""Follows a run on a cluster, and emits the same step events as a local run."""

import time
from collections.abc import Callable
from dataclasses import replace

from headrace.cluster.kfp.pipeline_spec import PipelineFile
from headrace.cluster.kfp.run import PipelineRun
from headrace.core.base.errors import ClusterError
from headrace.pipelines.kubeflow.run_sources import KfpApi, NoWorkflowLookup, TaskLogs, WorkflowLookup
from headrace.pipelines.kubeflow.run_states import RunFollower
from headrace.pipelines.kubeflow.run_workflow import with_workflow
from headrace.pipelines.local.runner import RunOutcome, StepEvent

POLL_SECONDS = 3.0
PATIENCE_SECONDS = 300.0
GONE_SECONDS = 30.0
_UNKNOWN_ACCOUNT = {"unauthorized", "forbidden"}  # a proxy answers so to everybody while it starts


def follow(
    api: KfpApi,
    run_id: str,
    *,
    pipeline: PipelineFile,
    logs: TaskLogs,
    watch: Callable[[StepEvent], None],
    workflows: WorkflowLookup | None = None,
    poll_seconds: float = POLL_SECONDS,
) -> tuple[PipelineRun, RunOutcome]:
    """Wait for the end of a run.

    Args:
        api: Kubeflow Pipelines.
        run_id: The run's id.
        pipeline: The run's pipeline.
        logs: Gives the messages of steps.
        watch: Called with each event of a step, when it is observed.
        workflows: Gives the run's Workflow; None to do without.
        poll_seconds: Seconds between two polls.

    Returns:
        The run in its final state, and its outcome.

    Raises:
        MissingError: If there is no such run.
        ClusterError: If the API is unavailable for longer than ``PATIENCE_SECONDS``, or the run's Workflow was deleted.
    """
    follower, source = RunFollower(pipeline, logs, watch), workflows or NoWorkflowLookup()
    silent_since = gone_since = 0.0
    canceled, workflow = False, None
    while True:
        now = time.monotonic()
        try:
            run = api.run(run_id)
        except ClusterError as error:
            # An API server may restart during a run, so transient errors are tolerated for a while.
            silent_since = silent_since or now
            passing = error.transient or error.reason in _UNKNOWN_ACCOUNT
            if not passing or now - silent_since > PATIENCE_SECONDS:
                raise
        else:
            silent_since = 0.0
            workflow = source.of(run)
            run = with_workflow(run, workflow)
            # Once it has ended, the API calls a cancelled run FAILED: remember that it was being cancelled.
            canceled = canceled or run.state in {"CANCELING", "CANCELED"} or (workflow is not None and workflow.stopped)
            if canceled and run.state == "FAILED":
                run = replace(run, state="CANCELED")
            follower.update(run, canceled=canceled)
            if run.has_ended:
                break
            follower.warn(logs.obstacles(run, workflow))
            # The API never ends a run whose Workflow was deleted; a single failed lookup proves nothing yet.
            gone_since = (gone_since or now) if source.is_gone() else 0.0
            if gone_since and now - gone_since > GONE_SECONDS:
                raise ClusterError(
                    f"the run {run.name} must have its Workflow; somebody deleted it, though Kubeflow calls the run "
                    f"{run.state.lower()}: start it again.",
                    "gone",
                )
        time.sleep(poll_seconds)
    follower.settle(run)
    failure = None if run.state in {"SUCCEEDED", "SKIPPED"} else follower.failure(run, workflow)
    return run, RunOutcome(steps=follower.steps(), error=failure)
