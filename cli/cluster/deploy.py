"""``headrace deploy``: serve a model on KServe."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli.options import run_options
from headrace.cli.options.command_parameters import takes_fields
from headrace.cli.options.deploy_options import DeployOptions
from headrace.core.base.errors import InputError

if TYPE_CHECKING:
    from headrace.rollouts.remove_endpoint import RemovedEndpoint

EXAMPLES = """
Examples:

  headrace deploy s3://headrace/models/tumours/3f…/ --name tumours

  headrace deploy headrace-out/demo --name tumours --min-replicas 2 --max-replicas 6

  headrace deploy s3://headrace/models/tumours/3f…/ --namespace models --gateway 203.0.113.7:80

  headrace deploy s3://headrace/models/tumours/3f…/ --manifest > tumours.yaml

  headrace deploy --delete --name tumours

Needs a cluster (KUBECONFIG, or a pod's account) and its object store (HEADRACE_S3_ENDPOINT and keys).
"""


@takes_fields(DeployOptions)
def deploy(
    *,
    model: Annotated[
        str,
        typer.Argument(
            metavar="[MODEL]", help="Store URI, NAME@VERSION, or folder of a run or a bundle, which is published first."
        ),
    ] = "",
    options: DeployOptions,
    manifest: Annotated[
        bool, typer.Option("--manifest", help="Print the InferenceService instead of applying it.")
    ] = False,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete the endpoint, with everything that was created for it.")
    ] = False,
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Serve MODEL on KServe, and return when it is live; if it does not come up, restore the previous version."""
    if delete == bool(model) or (delete and not options.name):
        raise InputError("headrace deploy must be given a MODEL to serve, or --delete and the --name of an endpoint.")
    from headrace.api import deployment  # noqa: PLC0415 - the help needs no cluster

    if delete:
        _print_removed(deployment.undeploy(options.name, namespace=options.namespace, context=options.context))
        return
    if manifest:
        from headrace.cluster.api import yaml_documents  # noqa: PLC0415 - slow

        document = deployment.render_manifest(model, **options.keywords())
        typer.echo(yaml_documents.dump(document), nl=False)
        return
    endpoint = deployment.deploy(model, **options.keywords(), progress=_say).deployment
    was = f", {endpoint.before[:12]} before" if endpoint.before and endpoint.changed else ""
    state = f"answers with {endpoint.digest[:12]}{was}" if endpoint.changed else "answered with it already"
    typer.echo(f"\n  {endpoint.name} in {endpoint.namespace} ({endpoint.mode}) {state}.\n  {endpoint.url}")
    typer.echo(f"\nNext: headrace rollout {endpoint.name} --candidate URI, for the version after this one.")


def _print_removed(removed: "RemovedEndpoint") -> None:
    others = [one for one in removed.deleted if one != f"InferenceService {removed.name}"]
    typer.echo(f"{removed.name} is gone from {removed.namespace}{', with ' if others else ''}{', '.join(others)}.")
    if removed.commands:
        typer.echo("\nYour account may not delete everything that may have been created for it:")
        typer.echo("\n".join(f"  {command}" for command in removed.commands))


def _say(text: str) -> None:
    """Print one line of progress."""
    sys.stdout.write(f"  … {text}\n")
    sys.stdout.flush()
