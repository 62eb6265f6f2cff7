"""Follow a run on a cluster: print the lines that a local run prints, and leave the same folder."""

import json
import shutil
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from headrace.cli.output.run_output import Progress, describe_run
from headrace.core.base.errors import ClusterError, UserError
from headrace.core.base.files import dumps, write_text
from headrace.pipelines.definitions.catalogue import PIPELINES
from headrace.pipelines.kubeflow import follow as remote
from headrace.pipelines.kubeflow.artifacts import artifacts
from headrace.pipelines.kubeflow.follow import follow
from headrace.pipelines.kubeflow.run_states import CACHED
from headrace.pipelines.kubeflow.run_workflow import WorkflowSource
from headrace.pipelines.kubeflow.step_logs import StepLogs
from headrace.pipelines.local.results import gather, report_failure, summarise, versions
from headrace.pipelines.local.run_folder import RunFolder, run_folder
from headrace.pipelines.local.run_notebook import leave_notebook
from headrace.pipelines.local.runner import RunOutcome, StepEvent, with_skipped
from headrace.pipelines.local.summary import Summary

if TYPE_CHECKING:
    from headrace.cluster.api.client import Cluster
    from headrace.cluster.kfp.client import KfpClient
    from headrace.cluster.kfp.pipeline_spec import PipelineFile
    from headrace.cluster.kfp.run import PipelineRun

KUBEFLOW = "kubeflow"
_SHIPPED = "headrace-"


@dataclass(frozen=True)
class RunSources:
    """Where to find what the API of Kubeflow Pipelines does not report about a run.

    Attributes:
        logs: Logs of its steps: from pods, if the cluster is reached, else from the object store.
        workflows: Its Workflow: from the cluster, else as Kubeflow stores it.
    """

    logs: StepLogs
    workflows: WorkflowSource


def sources(api: "KfpClient", pipeline: "PipelineFile") -> RunSources:
    """Return the ways to what the API does not report about the runs of a pipeline."""
    from headrace.cluster.api.kubeconfig import connect  # noqa: PLC0415
    from headrace.cluster.kfp import workflow  # noqa: PLC0415 - slow

    cluster: Cluster | None = None
    problems: list[str] = []
    try:
        cluster = connect()
    except ClusterError as error:
        problems.append(str(error))
    candidates = [api.namespace] if api.namespace else [KUBEFLOW, *([cluster.namespace] if cluster else [])]
    namespaces = tuple(dict.fromkeys(candidates))
    logs = StepLogs(cluster, namespaces, lambda run: artifacts(run, pipeline), problems, tuple(pipeline.steps))
    return RunSources(logs, WorkflowSource(cluster, namespaces, partial(workflow.read_kept_workflow, api.transport)))


def follow_run(
    api: "KfpClient", run_id: str, pipeline: "PipelineFile", *, home: Path, summary_file: Path | None
) -> None:
    """Show a run until its end, and write its results into a folder.

    Args:
        api: Kubeflow Pipelines.
        run_id: The run's id.
        pipeline: The pipeline that it runs.
        home: The run's folder.
        summary_file: Where the summary is written too; None for nowhere.

    Raises:
        HeadraceError: If the run failed, or cannot be followed.
    """
    run_sources = sources(api, pipeline)
    with run_folder(home) as folder:
        watch = _Watch(folder, Progress(sys.stdout))
        try:
            run, run_outcome = follow(
                api,
                run_id,
                pipeline=pipeline,
                logs=run_sources.logs,
                watch=watch,
                workflows=run_sources.workflows,
                poll_seconds=remote.POLL_SECONDS,
            )
        except (KeyboardInterrupt, SystemExit):
            typer.echo(f"\nThe run goes on without you: headrace logs {run_id}, or: headrace cancel {run_id}", err=True)
            raise
        write_text(folder.log.parent / "run.json", dumps(dict(run.facts)))
        notes = [*fetch_artifacts(run, pipeline, folder), *_unknown(run_outcome, run_sources)]
        for note in notes if run_outcome.error else ():
            typer.echo(f"  {note}")
        summary = _conclude(run, run_outcome, pipeline, folder, summary_file)
    typer.echo(describe_run(summary) if summary.metrics else f"\n  report    {summary.report or '(none)'}")
    for note in notes:
        typer.echo(f"  {note}")
    typer.echo(f"\nNext: look at {folder.home}, or: headrace logs {run_id}")


def _unknown(ended: RunOutcome, run_sources: RunSources) -> list[str]:
    """Return a line that names the steps whose outcome is unknown, and the reason."""
    names = [step.name for step in ended.steps if step.status == "unknown"]
    problems = [*run_sources.workflows.problems, *run_sources.logs.problems]
    why = f": {problems[-1]}" if problems else ", and neither its Workflow nor the object store has more."
    return [f"unknown   {', '.join(names)}: the states that Kubeflow reports no longer change{why}"] if names else []


class _Watch:
    """Shows the events of steps, and records them as a local run does, for the report."""

    def __init__(self, folder: RunFolder, show: Progress) -> None:
        self._folder = folder
        self._show = show

    def __call__(self, event: StepEvent) -> None:
        """Show and record one event."""
        self._show(event)
        if event.event in {"progress", "waiting"}:
            return
        facts = {"step": event.step, "time": event.time, "seconds": event.seconds}
        lines: list[dict[str, object]] = [{**facts, "event": event.event}]
        if event.event == "fail":
            lines[0] |= {"error": event.text, "kind": event.kind}
        elif event.text:
            lines.insert(0, {**facts, "event": "progress", "text": event.text})
        with self._folder.events.open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(line) + "\n" for line in lines)


def fetch_artifacts(run: "PipelineRun", pipeline: "PipelineFile", folder: RunFolder) -> list[str]:
    """Fetch the artifacts of a run; return what could not be fetched, in words."""
    cached = sorted({task.name for task in run.tasks if task.name in pipeline.steps and run.is_cached(task)})
    notes = [f"cached    {', '.join(cached)}: {CACHED}, where their artifacts are"] if cached else []
    try:
        artifacts(run, pipeline).fetch(folder.steps)
    except UserError as error:
        shutil.rmtree(folder.steps, ignore_errors=True)  # a partial copy would make a misleading report
        return [*notes, f"artifacts not fetched: {error}"]
    return notes


def _conclude(
    run: "PipelineRun", ended: RunOutcome, pipeline: "PipelineFile", folder: RunFolder, summary_file: Path | None
) -> Summary:
    gather(folder)
    shipped = PIPELINES.get(pipeline.name.removeprefix(_SHIPPED))
    names = shipped.steps if shipped else tuple(dict.fromkeys(task.runs for task in pipeline.steps.values()))
    if ended.error:
        report_failure(folder, str(ended.error), names)
    whole = (folder.staging / "report.html").exists() and not ended.error
    bad: Literal["canceled", "failed"] = "canceled" if run.state == "CANCELED" else "failed"
    base = Summary(
        status=bad if ended.error else "succeeded",
        seconds=round(max(run.ended - run.created, 0.0), 3),
        steps=with_skipped(ended.steps, names),
        report=str(folder.home / "report.html") if whole else "",
        output=str(folder.home),
        versions=versions(),
        error=str(ended.error or ""),
    )
    summary = summarise(folder, base)
    for path in (folder.staging / "summary.json", summary_file):
        if path:
            write_text(path, summary.to_json())
    leave_notebook(folder, summary)
    if ended.error:
        folder.set_aside()
        raise type(ended.error)(f"{ended.error} (see {folder.home / 'failed'})")
    folder.keep()
    return summary
