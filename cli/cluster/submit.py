"""``headrace submit``: run a pipeline on Kubeflow, once or on a schedule."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli.options import cluster_options, run_options
from headrace.core.base.errors import InputError
from headrace.pipelines.definitions.catalogue import PIPELINES

if TYPE_CHECKING:
    from headrace.cluster.kfp.client import KfpClient
    from headrace.cluster.kfp.pipeline_spec import PipelineFile
    from headrace.pipelines.kubeflow.submit import SubmitOptions

EXAMPLES = """
Examples:

  headrace submit training --argument source=s3://lake/heart.csv --argument target=target --follow

  headrace submit mine.yaml --argument rows=1000 --name trial-run

  headrace submit training --argument source=s3://lake/heart.csv --argument target=target --every 24h

  headrace submit training --argument source=s3://lake/heart.csv --argument target=target --cron "0 30 2 * * *"
"""


def submit(
    pipeline: Annotated[
        str, typer.Argument(metavar="PIPELINE", help=f"A compiled pipeline's file, or one of: {', '.join(PIPELINES)}.")
    ],
    argument: run_options.Arguments = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait, show the steps, and fetch the results.")
    ] = False,
    every: Annotated[str, typer.Option(help="Run it repeatedly, such as every 24h.", metavar="TIME")] = "",
    cron: Annotated[str, typer.Option(help="Run it by a schedule in UTC: second minute hour day month weekday.")] = "",
    name: Annotated[str, typer.Option(help="Name of the run.", show_default="the pipeline's, with the time")] = "",
    version: Annotated[str, typer.Option(help="Name of the version.", show_default="by its content")] = "",
    group: Annotated[str, typer.Option(help="Experiment of Kubeflow, a named list of runs.")] = "",
    pipeline_root: Annotated[
        str, typer.Option(help="Where artifacts go, such as s3://headrace/runs.", show_default="Kubeflow's own place")
    ] = "",
    service_account: Annotated[
        str,
        typer.Option(
            help="Account of the pods.", show_default="headrace-pipeline if it is there, else Kubeflow's choice"
        ),
    ] = "",
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Start even if something is missing where the steps run.")
    ] = False,
    cpu: cluster_options.Cpu = None,
    memory: cluster_options.Memory = None,
    gpu: cluster_options.Gpu = None,
    timeout: cluster_options.Timeout = None,
    retries: cluster_options.Retries = None,
    cache: cluster_options.Cache = True,
    node_selector: cluster_options.NodeSelector = None,
    toleration: cluster_options.Tolerate = None,
    image: cluster_options.Image = "",
    output: run_options.Output = None,
    summary: run_options.SummaryFile = None,
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Upload PIPELINE to Kubeflow (HEADRACE_KFP_ENDPOINT) and run it."""
    step_options = cluster_options.task_options(
        cpu=cpu,
        memory=memory,
        gpu=gpu,
        timeout=timeout,
        retries=retries,
        cache=cache,
        node_selector=node_selector,
        toleration=toleration,
        image=image,
    )
    from headrace.cluster.kfp import client  # noqa: PLC0415 - slow, and other commands need none
    from headrace.pipelines.compiled_spec import caching  # noqa: PLC0415
    from headrace.pipelines.kubeflow import submit as submitting  # noqa: PLC0415

    trigger = submitting.trigger(every=every, cron=cron)
    if trigger and follow:
        raise InputError("--follow waits for one run; a recurring one has no end: leave it out, or --every and --cron.")
    request = submitting.SubmitOptions(
        pipeline, run_options.pairs(argument), step_options, name, version, group, pipeline_root, service_account
    )
    file = submitting.read(request)
    api = client.connect()
    request = replace(request, service_account=_account(api, request, file, unchecked=unchecked))
    job = submitting.job(api, request, file)
    if trigger:
        recurring = api.schedule(job, trigger=trigger)
        typer.echo(f"The recurring run {job.name} is created: {recurring}")
        typer.echo(f"\nNext: headrace runs --recurring, or: headrace cancel --recurring {recurring}")
        return
    run = api.start(job)
    typer.echo(f"The run {job.name} has begun: {run}")
    for line in caching.describe_caching(file):
        typer.echo(f"  {line}")
    if not follow:
        typer.echo(f"\nNext: headrace logs {run}, headrace runs, or: headrace cancel {run}")
        return
    from headrace.cli.cluster.follow import follow_run  # noqa: PLC0415

    typer.echo()
    follow_run(api, run, file, home=output or Path("headrace-out") / job.name, summary_file=summary)


def _account(api: "KfpClient", request: "SubmitOptions", file: "PipelineFile", *, unchecked: bool) -> str:
    """Return the service account of the run, after printing what its steps would lack.

    Raises:
        InputError: If they would lack something, or an argument does not suit the pipeline.
    """
    from headrace.cli.cluster.doctor import table  # noqa: PLC0415 - as above
    from headrace.pipelines.compiled_spec import preflight  # noqa: PLC0415
    from headrace.pipelines.kubeflow import submit as submitting  # noqa: PLC0415

    arguments = submitting.arguments(file, request.arguments)
    outlook = preflight.look(api, file, arguments, account=request.service_account)
    shown = [finding for finding in outlook.findings if finding.state != "good" or finding.area == preflight.AREA]
    typer.echo("\n".join(table(shown)))
    if outlook.lacking and not unchecked:
        first, *others = outlook.lacking
        more = f" ({len(others)} more stand above)" if others else ""
        raise InputError(f"{first.text}{more}: {first.remedy}; or start it anyway with --unchecked.")
    return outlook.account
