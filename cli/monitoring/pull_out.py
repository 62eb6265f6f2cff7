"""``headrace pull-out``: a version leaves production, as the monitoring decided or a person says."""

from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.options import run_options
from headrace.cli.options.kubernetes_options import Context, Endpoint, Namespace
from headrace.cli.options.model_argument import Model

EXAMPLES = """
Examples:

  headrace pull-out tips@production monitoring

  headrace pull-out tips@production s3://monitoring/models --policy monitoring.yaml --platform kserve --endpoint tips

  headrace pull-out tips@1.1.0 monitoring --reason "complaints since noon, see ticket 4711"

Exit code 0: the version is pulled out, was before, or waits for an approval. Repeating the command is harmless.
"""


def pull_out(
    model: Model,
    store: Annotated[str, typer.Argument(metavar="STORE", help="Monitoring store: a folder, or s3://BUCKET/PREFIX.")],
    *,
    policy: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Monitoring policy whose plan counts.", show_default="the plan that was decided"
        ),
    ] = None,
    platform: Annotated[
        str, typer.Option(help="Where MODEL serves: local, where the registry alone changes, or kserve.")
    ] = "local",
    endpoint: Endpoint = "",
    namespace: Namespace = "",
    context: Context = "",
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Your reason, with which no decision and no approval is needed.")
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder for a baseline's bundle.",
            show_default="headrace-out/NAME-baseline-DIGEST",
        ),
    ] = None,
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Pull MODEL out of production as was decided: the version before, or the baseline's answer, takes over."""
    from headrace.api.monitoring.pulling_out import pull_out as pull_model_out  # noqa: PLC0415 - slow to import
    from headrace.api.monitoring.retraining import RolloutPlace  # noqa: PLC0415

    result = pull_model_out(
        model,
        store,
        policy=policy,
        place=RolloutPlace(platform, endpoint, namespace, context),
        reason=reason,
        output=output,
        progress=lambda line: typer.echo(f"  … {line}"),
    )
    typer.echo(f"\n  {result.sentence}")
    if result.status == "waits":
        approve = f"headrace approve {result.name} {result.version} --pull-out --reason ..."
        typer.echo(f"\nNext: {approve}, and the same command again")
    elif platform == "local":
        typer.echo(f"\nNext: headrace serve {result.name}@production")
    else:
        typer.echo(f"\nNext: headrace monitor {result.name}@production {store}")
