"""``headrace retrain``: a new version from old and new rows, which takes over if it is better."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli.options import rollout_options, run_options
from headrace.cli.options.command_parameters import given_options
from headrace.cli.options.kubernetes_options import Context, Endpoint, Namespace
from headrace.cli.options.model_argument import Model
from headrace.core.base.errors import DataError, InputError

if TYPE_CHECKING:
    from headrace.api.monitoring.retraining import Retraining

EXAMPLES = """
Examples:

  headrace retrain headrace-out/tips monitoring

  headrace retrain headrace-out/tips monitoring --new labelled.parquet --old trips.csv --no-rollout

  headrace retrain tips@production s3://monitoring/models --new s3://lake/labelled/ --policy monitoring.yaml
    --raise-contract categories,range --platform kserve --endpoint tips

Exit code 0: the new version takes over, is published (--no-rollout), or waits for an approval. 3: the former version
stays. 4: the rows are not fit for training, and nothing was trained.
"""
_FORMER_STAYS, _DATA_FAULT = 3, 4
_WIDENINGS = ("categories", "range", "missing")
_OF_THE_ROLLOUT = (
    *("platform", "endpoint", "namespace", "context", "prometheus", "traffic", "steps", "step_requests"),
    *("step_duration", "step_timeout", "poll_interval", "tolerance", "floor_ms"),
)


def retrain(
    command: typer.Context,
    model: Model,
    store: Annotated[str, typer.Argument(metavar="STORE", help="Monitoring store: a folder, or s3://BUCKET/PREFIX.")],
    *,
    new: Annotated[
        str,
        typer.Option(
            metavar="TABLE",
            help="New labelled rows: the contract's columns, and their time.",
            show_default="the rows of STORE whose labels have come",
        ),
    ] = "",
    old: Annotated[
        str,
        typer.Option(
            metavar="TABLE", help="Table that MODEL was made from.", show_default="the bundle's copy, or its address"
        ),
    ] = "",
    policy: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Monitoring policy.", show_default="that of headrace monitor policy"),
    ] = None,
    raise_contract: Annotated[
        str,
        typer.Option(metavar="WHAT", help=f"What may become wider in the contract: {', '.join(_WIDENINGS)}."),
    ] = "",
    budget: Annotated[
        str, typer.Option(help="Trials (20) or time (90s, 5m, 1h) of the search.", show_default="that of MODEL")
    ] = "",
    rollout: Annotated[
        bool, typer.Option("--rollout/--no-rollout", help="Whether a better version takes over step by step.")
    ] = True,
    platform: Annotated[
        str, typer.Option(help="Where: local, a trial with the newest rows as requests, or kserve.")
    ] = "local",
    endpoint: Endpoint = "",
    namespace: Namespace = "",
    context: Context = "",
    prometheus: Annotated[
        str, typer.Option(metavar="URL", help="On KServe: address of Prometheus.", show_default="the pods are asked")
    ] = "",
    traffic: rollout_options.TrafficMethod = "",
    steps: Annotated[
        str,
        typer.Option(
            help="Rollout: shares of the requests, in percent.", show_default="1,5,25,50,100; local 10,50,100"
        ),
    ] = "",
    step_requests: rollout_options.StepRequests = 200,
    step_duration: rollout_options.StepDuration = "",
    step_timeout: rollout_options.StepTimeout = "",
    poll_interval: rollout_options.PollInterval = "",
    tolerance: Annotated[
        list[str] | None,
        rollout_options.tolerance_option("errors=0.01 latency=1.5 slow=0.02 outcome=0.05, and any shift"),
    ] = None,
    floor_ms: rollout_options.FloorMs = 5.0,
    output: run_options.Output = None,
    summary: run_options.SummaryFile = None,
    verbose: run_options.Verbose = False,
) -> None:
    """Retrain MODEL on old and new rows, compare both on the newest, and roll the better one out."""
    widen = tuple(run_options.comma_list(raise_contract))
    unknown = sorted(set(widen) - set(_WIDENINGS))
    if unknown:
        raise InputError(f"--raise-contract must be of {', '.join(_WIDENINGS)}; got {', '.join(unknown)} instead.")
    for option in () if rollout else given_options(command, _OF_THE_ROLLOUT):
        raise InputError(f"{option} is about the rollout and means nothing with --no-rollout; leave one of them out.")
    from headrace.api.monitoring.retraining import RolloutPlace  # noqa: PLC0415 - slow to import, and other commands need none
    from headrace.api.monitoring.retraining import retrain as retrain_model  # noqa: PLC0415
    from headrace.cli.output.run_output import Progress  # noqa: PLC0415
    from headrace.core.base.files import write_text  # noqa: PLC0415

    place = RolloutPlace(
        platform,
        endpoint,
        namespace,
        context,
        prometheus,
        traffic,
        steps=tuple(rollout_options.parse_steps(steps)) if steps else (),
        step_requests=step_requests,
        step_duration=step_duration,
        step_timeout=step_timeout,
        poll_interval=poll_interval,
        tolerances=rollout_options.parse_tolerances(tolerance),
        floor_ms=floor_ms,
    )
    try:
        result = retrain_model(
            model,
            store,
            new=new or None,
            old=old,
            policy=policy,
            raise_contract=widen,  # type: ignore[arg-type]  # checked above
            budget=budget,
            rollout=place if rollout else None,
            output=output,
            progress=lambda line: typer.echo(f"  … {line}"),
            on_event=Progress(sys.stdout),
            verbose=verbose,
        )
    except DataError as error:
        typer.echo(f"headrace: {error}", err=True)
        raise typer.Exit(_DATA_FAULT) from error
    if summary:
        write_text(summary, result.run.summary.to_json())
    typer.echo(f"\n  {result.sentence}\n\nNext: {_next_step(result, model, store, platform)}")
    if result.status in {"kept", "rolled_back", "aborted"}:
        raise typer.Exit(_FORMER_STAYS)


def _next_step(result: "Retraining", model: str, store: str, platform: str) -> str:
    """Return what to do after a retraining."""
    from headrace.registry.backends.locations import registry_location  # noqa: PLC0415 - as above

    home, name = result.run.home, result.prepared.name
    report = home / "report.html"
    if result.status == "waits":
        return f"read {report}, then: headrace approve {name} latest --reason ..., and the same command again"
    if result.status == "promoted" and platform == "kserve" and result.production:
        return f"watch it with headrace monitor {name}@production {store}"
    if result.status == "promoted" and platform == "kserve":
        return f"headrace registry promote {name} latest --stage production, if the endpoint is that of production"
    if result.status == "promoted":
        found = registry_location(result.run.summary.registry) == registry_location() if result.production else False
        served = f"{name}@production" if found else str(home)
        return f"end the server that runs, which keeps its version, and start: headrace serve {served}"
    if result.status == "published":
        return f"headrace rollout {model} --candidate {home / 'bundle'}"
    return f"read {report}"
