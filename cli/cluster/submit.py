"""``headrace submit``: run a pipeline on Kubeflow, once or on a schedule."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli.options import run_options
from headrace.cli.options.cluster_options import ClusterOptions
from headrace.cli.options.command_parameters import takes_fields
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


@takes_fields(ClusterOptions)
def submit(
    *,
    pipeline: Annotated[
        str, typer.Argument(metavar="PIPELINE", help=f"A compiled pipeline's file, or one of: {', '.join(PIPELINES)}.")
    ],
    argument: run_options.Arguments = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for the end, show the steps, and fetch the results.")
    ] = False,
    every: Annotated[str, typer.Option(help="Interval of a recurring run, such as 24h.", metavar="TIME")] = "",
    cron: Annotated[
        str, typer.Option(help="Schedule of a recurring run, in UTC: second minute hour day month weekday.")
    ] = "",
    name: Annotated[str, typer.Option(help="Name of the run.", show_default="the pipeline's, with the time")] = "",
    version: Annotated[
        str, typer.Option(help="Name of the pipeline version.", show_default="derived from its content")
    ] = "",
    experiment_name: Annotated[
        str,
        typer.Option(help="Kubeflow experiment that the run belongs to.", metavar="NAME", show_default="the server's"),
    ] = "",
    pipeline_root: Annotated[
        str, typer.Option(help="Address for the artifacts, such as s3://headrace/runs.", show_default="Kubeflow's own")
    ] = "",
    service_account: Annotated[
        str,
        typer.Option(
            help="Service account of the pods.",
            metavar="NAME",
            show_default="headrace-pipeline if it exists, else Kubeflow's",
        ),
    ] = "",
    ignore_preflight_errors: Annotated[
        bool,
        typer.Option(
            "--ignore-preflight-errors", help="Start the run even if something that its steps need is missing."
        ),
    ] = False,
    options: ClusterOptions,
    output: run_options.Output = None,
    summary: run_options.SummaryFile = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print name and id of the run as JSON; all else goes to standard error.")
    ] = False,
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Upload PIPELINE to Kubeflow (HEADRACE_KFP_ENDPOINT) and run it."""
    task_options = options.task_options()
    from headrace.cluster.kfp import client  # noqa: PLC0415 - slow, and other commands need none
    from headrace.pipelines.compiled_spec import caching  # noqa: PLC0415
    from headrace.pipelines.kubeflow import submit as submitting  # noqa: PLC0415

    trigger = submitting.trigger(every=every, cron=cron)
    if trigger and follow:
        raise InputError("--follow waits for one run; a recurring one has no end: leave it out, or --every and --cron.")
    if as_json and follow:
        raise InputError("--json prints what was started and returns; --follow shows it until its end: leave out one.")
    request = submitting.SubmitOptions(
        pipeline,
        run_options.pairs(argument),
        task_options,
        name,
        version,
        experiment_name,
        pipeline_root,
        service_account,
    )
    file = submitting.read_pipeline(request)
    api = client.connect()
    request = replace(
        request, service_account=_account(api, request, file, ignore_errors=ignore_preflight_errors, apart=as_json)
    )
    job = submitting.create_request(api, request, file)
    if trigger:
        recurring = api.schedule(job, trigger=trigger)
        if as_json:
            typer.echo(json.dumps({"recurring_run_id": recurring, "name": job.name}))
            return
        typer.echo(f"The recurring run {job.name} is created: {recurring}")
        typer.echo(f"\nNext: headrace runs --recurring, or: headrace cancel --recurring {recurring}")
        return
    run = api.start(job)
    if as_json:
        typer.echo(json.dumps({"run_id": run, "name": job.name}))
        return
    typer.echo(f"The run {job.name} has begun: {run}")
    for line in caching.describe_caching(file):
        typer.echo(f"  {line}")
    if not follow:
        typer.echo(f"\nNext: headrace logs {run}, headrace runs, or: headrace cancel {run}")
        return
    from headrace.cli.cluster.follow import follow_run  # noqa: PLC0415

    typer.echo()
    follow_run(api, run, file, home=output or Path("headrace-out") / job.name, summary_file=summary)


def _account(
    api: "KfpClient", request: "SubmitOptions", file: "PipelineFile", *, ignore_errors: bool, apart: bool
) -> str:
    """Return the service account of the run, after printing what its steps would lack; apart, to standard error.

    Raises:
        InputError: If they would lack something, or an argument does not suit the pipeline.
    """
    from headrace.cli.output.diagnostics_output import format_diagnostics  # noqa: PLC0415 - as above
    from headrace.pipelines.compiled_spec import preflight  # noqa: PLC0415
    from headrace.pipelines.kubeflow import submit as submitting  # noqa: PLC0415

    arguments = submitting.arguments(file, request.arguments)
    outlook = preflight.check_run(api, file, arguments, account=request.service_account)
    shown = [finding for finding in outlook.findings if finding.state != "good" or finding.area == preflight.AREA]
    typer.echo("\n".join(format_diagnostics(shown)), err=apart)
    if outlook.lacking and not ignore_errors:
        first, *others = outlook.lacking
        more = f" ({len(others)} more stand above)" if others else ""
        raise InputError(f"{first.text}{more}: {first.remedy}; or start it anyway with --ignore-preflight-errors.")
    return outlook.account
