"""``headrace runs``, ``logs`` and ``cancel``: what runs on Kubeflow."""

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.cli.options.registry_options import Json
from headrace.core.base.errors import InputError, quote

if TYPE_CHECKING:
    from headrace.cluster.kfp.client import KfpClient
    from headrace.cluster.kfp.run import PipelineRun

RUNS_EXAMPLES = """
Examples:

  headrace runs

  headrace runs --limit 50

  headrace runs headrace-training-20261124-223001

  headrace runs 0f3c…-a1 --json

  headrace runs --recurring
"""
LOGS_EXAMPLES = """
Examples:

  headrace logs headrace-training-20261124-223001

  headrace logs 0f3c…-a1 train
"""
CANCEL_EXAMPLES = """
Examples:

  headrace cancel headrace-training-20261124-223001

  headrace cancel --recurring 0f3c…-a1

  headrace cancel --recurring --with-runs 0f3c…-a1
"""
RunName = Annotated[str, typer.Argument(metavar="RUN", help="Id or name of a run.")]


def runs(
    run: Annotated[
        str,
        typer.Argument(metavar="[RUN]", help="Id or name of a run, to show its steps.", show_default="the latest"),
    ] = "",
    limit: Annotated[int, typer.Option(help="Maximum number of runs.", min=1, max=1000)] = 20,
    recurring: Annotated[bool, typer.Option("--recurring", help="List recurring runs instead.")] = False,
    as_json: Json = False,
) -> None:
    """List the latest runs on Kubeflow (HEADRACE_KFP_ENDPOINT), or show the state of RUN."""
    if recurring and run:
        raise InputError("--recurring lists all recurring runs: leave out RUN, or --recurring.")
    from headrace.cluster.kfp import client  # noqa: PLC0415 - slow, and other commands need none
    from headrace.pipelines.kubeflow import run_listing  # noqa: PLC0415

    api = client.connect()
    if run:
        _show(api, run, as_json=as_json)
        return
    if recurring:
        schedules = api.recurring()
        rows, documents = [_schedule(one) for one in schedules], schedules
    else:
        latest = list(run_listing.with_canceled(api, api.runs(limit)))
        rows, documents = [_row(one) for one in latest], [_facts(one) for one in latest]
    if as_json:
        typer.echo(json.dumps(documents, indent=1))
        return
    if not rows:
        typer.echo("There are no runs. Next: headrace submit training --help")
        return
    for row in rows:
        typer.echo(row)
    typer.echo("\nNext: headrace cancel --recurring ID" if recurring else "\nNext: headrace logs RUN")


def _show(api: "KfpClient", run: str, *, as_json: bool) -> None:
    """Print the state of one run, its steps and what stands in its way."""
    from headrace.cli.cluster.follow import sources  # noqa: PLC0415 - slow, and other commands need none
    from headrace.pipelines.kubeflow import submit  # noqa: PLC0415
    from headrace.pipelines.kubeflow.run_status import run_status  # noqa: PLC0415

    pipeline_run = api.run(submit.find_run(api, run))
    pipeline = api.pipeline_of(pipeline_run)
    found = sources(api, pipeline)
    status = run_status(api, pipeline_run, pipeline=pipeline, logs=found.logs, workflows=found.workflows)
    if as_json:
        typer.echo(json.dumps(status.as_json(), indent=1))
        return
    typer.echo(f"{status.id}  {status.state}  {status.name}")
    for name, state in status.steps.items():
        typer.echo(f"  {name:<22}{state}")
    for obstacle in status.obstacles:
        typer.echo(f"! {obstacle['step'] or 'the run'}: {obstacle['text']}")
    if status.error:
        typer.echo(f"! {status.error}")
    typer.echo(f"\nNext: headrace logs {status.id}")


def _facts(run: "PipelineRun") -> dict[str, Any]:
    return {
        "id": run.id,
        "name": run.name,
        "state": (run.state or "pending").lower(),
        "has_ended": run.has_ended,
        "created": run.created,
        "ended": run.ended,
    }


def _row(run: "PipelineRun") -> str:
    end = run.ended or time.time()
    return f"{run.id}  {run.state.lower():<10}{_time(run.created)}  {end - run.created:>6.0f} s  {run.name}"


def _time(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def _schedule(facts: dict[str, Any]) -> str:
    trigger = facts.get("trigger") or {}
    periodic, cron = trigger.get("periodic_schedule") or {}, trigger.get("cron_schedule") or {}
    when = f"every {periodic.get('interval_second')} s" if periodic else str(cron.get("cron", ""))
    state = str(facts.get("status", "")).lower()
    return f"{facts['recurring_run_id']}  {state:<10}{when:<20}  {facts.get('display_name', '')}"


def logs(
    run: RunName,
    step: Annotated[str, typer.Argument(metavar="[STEP]", help="Step whose log is printed.", show_default="all")] = "",
) -> None:
    """Print the logs of the steps of RUN: from their pods while they exist, then from the object store."""
    from headrace.cli.cluster.follow import sources  # noqa: PLC0415 - slow, and other commands need none
    from headrace.cluster.kfp import client  # noqa: PLC0415
    from headrace.pipelines.kubeflow import run_listing, submit  # noqa: PLC0415
    from headrace.pipelines.kubeflow.run_states import CACHED, waiting  # noqa: PLC0415
    from headrace.pipelines.kubeflow.run_workflow import with_workflow  # noqa: PLC0415

    api = client.connect()
    pipeline_run = api.run(submit.find_run(api, run))
    pipeline = api.pipeline_of(pipeline_run)
    run_sources = sources(api, pipeline)
    workflow = run_sources.workflows.of(pipeline_run)
    complete_run = with_workflow(pipeline_run, workflow)
    started, rest = run_listing.steps(complete_run, pipeline, run_sources.logs)
    names = {step, step.replace("_", "-")}
    tasks = [task for task in started if not step or names & {task.name, pipeline.steps[task.name].runs}]
    if not tasks and (step or not rest):
        step_names = ", ".join(dict.fromkeys(pipeline.steps[task.name].runs for task in started)) or "none yet"
        raise InputError(f"the run {complete_run.name} has begun the steps {step_names}; got {quote(step)} instead.")
    for task in tasks:
        text = "" if complete_run.is_cached(task) else run_sources.logs.text(complete_run, task.name)
        typer.echo(f"== {task.name} ({task.state.lower()})")
        typer.echo(text.rstrip() or f"   {CACHED if complete_run.is_cached(task) else 'nothing that can be read'}")
    if rest and not step:
        typer.echo("\nNot begun: " + ", ".join(f"{name} ({state})" for name, state in rest.items()))
    if not complete_run.has_ended and not step:
        for name, obstacle in run_sources.logs.obstacles(complete_run, workflow).items():
            stuck = waiting(pipeline, name, obstacle)
            typer.echo(f"! {stuck.step or 'the run'}: {stuck.text}")
        if run_sources.workflows.is_absent():
            places = " or ".join(run_sources.workflows.namespaces)
            typer.echo(f"! the run: it has no Workflow in {places}: it was deleted, or KUBECONFIG is another cluster's")
    if run_sources.logs.problems:
        typer.echo(f"headrace: {run_sources.logs.problems[-1]}", err=True)


def cancel(
    run: RunName,
    recurring: Annotated[
        bool,
        typer.Option("--recurring", help="RUN is the id of a recurring run, which is deleted."),
    ] = False,
    with_runs: Annotated[
        bool, typer.Option("--with-runs", help="With --recurring: also end its run in progress.")
    ] = False,
) -> None:
    """Cancel RUN: its pods are deleted."""
    from headrace.cluster.kfp import client  # noqa: PLC0415 - slow, and other commands need none
    from headrace.pipelines.kubeflow import cancel as canceling  # noqa: PLC0415
    from headrace.pipelines.kubeflow import submit  # noqa: PLC0415

    if with_runs and not recurring:
        raise InputError("--with-runs goes with --recurring: leave it out to end one run.")
    api = client.connect()
    if recurring:
        typer.echo(canceling.cancel_recurring(api, run, with_runs=with_runs))
        return
    run_id = submit.find_run(api, run)
    canceling.cancel(api, run_id)
    typer.echo(f"It is being ended. Next: headrace runs, or: headrace logs {run_id}")
