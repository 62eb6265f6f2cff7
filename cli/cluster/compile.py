"""``headrace compile``: the YAML that a user uploads to the Kubeflow UI, or applies to a cluster."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.options.cluster_options import ClusterOptions
from headrace.cli.options.command_parameters import takes_fields
from headrace.cli.options.kubernetes_options import namespace_option
from headrace.core.base.errors import InputError
from headrace.core.base.files import write_text
from headrace.pipelines.definitions.catalogue import PIPELINES

EXAMPLES = """
Examples:

  headrace compile training -o training.yaml

  headrace compile training -o training.yaml --cpu 1 --cpu train=4 --memory tune=8Gi --timeout 2h --no-cache

  headrace compile training -o objects.yaml --native training-0.1.0 --namespace kubeflow
"""


def compile_to(name: str, path: Path) -> None:
    """Write the KFP intermediate representation of a shipped pipeline.

    Raises:
        InputError: If no such pipeline is shipped, or the file cannot be written.
    """
    from headrace.pipelines.definitions.compile import compile_text  # noqa: PLC0415 - as below

    write_text(path, compile_text(name))


@takes_fields(ClusterOptions)
def compile_pipeline(
    *,
    name: Annotated[str, typer.Argument(metavar="PIPELINE", help=f"One of: {', '.join(PIPELINES)}.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.", metavar="FILE")],
    native: Annotated[
        str,
        typer.Option(
            help="Write the Kubernetes objects Pipeline and PipelineVersion instead, the latter by this name, for a "
            "Kubeflow that stores pipelines in Kubernetes.",
            metavar="VERSION",
        ),
    ] = "",
    namespace: Annotated[str, namespace_option("kubectl's", "Namespace of these objects.")] = "",
    options: ClusterOptions,
) -> None:
    """Compile PIPELINE to the YAML that the Kubeflow UI takes."""
    task_options = options.task_options()
    if namespace and not native:
        raise InputError("--namespace is for the objects of --native; leave it out, or name a version with --native.")
    from headrace.pipelines.definitions.compile import NativeObjects, compile_text  # noqa: PLC0415 - KFP is slow to import

    write_text(
        output, compile_text(name, options=task_options, native=NativeObjects(native, namespace) if native else None)
    )
    if native:
        typer.echo(f"{output} is ready: kubectl apply -f {shlex.quote(str(output))}")
    else:
        typer.echo(
            f"{output} is ready: upload it in the Kubeflow UI under Pipelines, Upload pipeline, or: headrace submit "
            f"{shlex.quote(str(output))}"
        )
