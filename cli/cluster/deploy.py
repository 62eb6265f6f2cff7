"""``headrace deploy``: serve a model on KServe."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli.options import run_options
from headrace.core.base.errors import InputError

if TYPE_CHECKING:
    from headrace.serving.deployment.kserve import KServeDeployer

EXAMPLES = """
Examples:

  headrace deploy s3://headrace/models/tumours/3f…/ --name tumours

  headrace deploy headrace-out/demo --name tumours --replicas 2 --most-replicas 6

  headrace deploy s3://headrace/models/tumours/3f…/ --namespace models --via 203.0.113.7:80

  headrace deploy s3://headrace/models/tumours/3f…/ --manifest > tumours.yaml

  headrace deploy --remove --name tumours

Needs a cluster (KUBECONFIG, or a pod's account) and its object store (HEADRACE_S3_ENDPOINT and keys).
"""

Namespace = Annotated[str, typer.Option(help="Namespace.", show_default="the context's, or the pod's own")]
Context = Annotated[str, typer.Option(help="Context of the kubeconfig.", show_default="the current one")]
Via = Annotated[
    str,
    typer.Option(
        help="Gateway to the endpoints, from outside of the cluster.", metavar="HOST:PORT", show_default="none"
    ),
]


def deploy(
    model: Annotated[
        str, typer.Argument(metavar="[MODEL]", help="A store URI; or a run's or a bundle's folder, which is published.")
    ] = "",
    name: Annotated[str, typer.Option(help="Name of the endpoint.", show_default="the model's")] = "",
    namespace: Namespace = "",
    context: Context = "",
    mode: Annotated[str, typer.Option(help="Standard or Knative.", show_default="what the cluster says")] = "",
    replicas: Annotated[int, typer.Option(help="Minimum number of pods.", min=1)] = 1,
    most_replicas: Annotated[int, typer.Option(help="Maximum number of pods.", min=0, show_default="the minimum")] = 0,
    cpu: Annotated[str, typer.Option(help="Processors of a pod, such as 500m.", show_default="250m to 1")] = "",
    memory: Annotated[str, typer.Option(help="Memory of a pod, such as 1Gi.", show_default="384Mi to 1Gi")] = "",
    service_account: Annotated[str, typer.Option(help="Service account of the pods.")] = "headrace-serving",
    runtime: Annotated[str, typer.Option(help="ServingRuntime.")] = "headrace",
    deadline: Annotated[str, typer.Option(help="Longest time, such as 90s or 10m.")] = "10m",
    via: Via = "",
    take_over: Annotated[bool, typer.Option("--take-over", help="Take over fields that others set.")] = False,
    manifest: Annotated[
        bool, typer.Option("--manifest", help="Print the InferenceService instead of sending it.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Delete the endpoint, with everything that was created for it.")
    ] = False,
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Serve MODEL on KServe, and return when it is live; if it does not come up, the previous version is restored."""
    if remove == bool(model) or (remove and not name):
        raise InputError("headrace deploy must be given a MODEL to serve, or --remove and the --name of an endpoint.")
    from headrace.api.deployment import connect_kserve, publish_model  # noqa: PLC0415 - the help needs no cluster
    from headrace.serving.deployment.target import DeploymentTarget  # noqa: PLC0415

    target = DeploymentTarget(
        to="kserve",
        namespace=namespace,
        context=context,
        mode=mode,
        runtime=runtime,
        service_account=service_account,
        replicas=replicas,
        most_replicas=most_replicas,
        cpu=cpu,
        memory=memory,
        deadline=deadline,
        via=via,
        take_over=take_over,
    )
    deployer = connect_kserve(target, progress=_say)
    if remove:
        _remove(deployer, name)
        return
    uri = publish_model(model)
    if manifest:
        from headrace.cluster.api import yaml_documents  # noqa: PLC0415 - slow

        typer.echo(yaml_documents.dump(deployer.manifest(uri, name=name)), nl=False)
        return
    endpoint = deployer.deploy(uri, name=name)
    was = f", {endpoint.before[:12]} before" if endpoint.before and endpoint.changed else ""
    state = f"answers with {endpoint.digest[:12]}{was}" if endpoint.changed else "answered with it already"
    typer.echo(f"\n  {endpoint.name} in {endpoint.namespace} ({endpoint.mode}) {state}.\n  {endpoint.url}")
    typer.echo(f"\nNext: headrace rollout {endpoint.name} --candidate URI, for the version after this one.")


def _remove(deployer: "KServeDeployer", name: str) -> None:
    from headrace.rollouts.remove_endpoint import remove  # noqa: PLC0415

    removed = remove(deployer, name)
    others = [one for one in removed.gone if one != f"InferenceService {name}"]
    typer.echo(f"{name} is gone from {deployer.cluster.namespace}{', with ' if others else ''}{', '.join(others)}.")
    if removed.left:
        typer.echo("\nYour account may not delete everything that may have been created for it:")
        typer.echo("\n".join(f"  {command}" for command in removed.left))


def _say(text: str) -> None:
    """Print one line of progress."""
    sys.stdout.write(f"  … {text}\n")
    sys.stdout.flush()
