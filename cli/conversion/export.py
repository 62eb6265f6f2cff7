"""``headrace export``: a model for another platform."""

import shlex
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer

from headrace.api.conversion.exporting import ExportPlatform
from headrace.cli.options import run_options
from headrace.cli.options.command_parameters import takes_fields
from headrace.cli.options.model_argument import Model
from headrace.cli.options.seldon_options import SeldonOptions

EXAMPLES = """
Examples:

  headrace export headrace-out/demo --to jvm -o jars      (jars/demo.jar, for Java, Flink SQL, Kafka Streams and Spark)

  headrace export trips@champion --to jvm -o /opt/flink/lib

  headrace export trips@champion --to seldon -o seldon --image HOST/mlserver-headrace:1 --secret models

  headrace export trips@1 --to seldon -o seldon --candidate trips@2 --candidate-percent 20 --detector drift

  headrace export trips@champion --to seldon-v1 -o seldon --image HOST/mlserver-headrace:1

  headrace export headrace-out/demo --to mlserver -o models --detector outlier --detector drift
"""


@takes_fields(SeldonOptions)
def export(
    *,
    model: Model,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write it to.")],
    to: Annotated[ExportPlatform, typer.Option(help="The platform.")] = "jvm",
    library: Annotated[
        str, typer.Option(help="jvm: the suite's Java library, if `make jvm` did not build it here.", metavar="JAR")
    ] = "",
    options: SeldonOptions,
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Write MODEL for another platform: a jar for the JVM, manifests for Seldon, or a folder for MLServer."""
    from headrace.api.conversion import exporting  # noqa: PLC0415 - polars is slow to import

    written = exporting.export(model, folder=output, to=to, library=library or None, **options.keywords())
    typer.echo(f"{written.name} {written.digest[:12]}: {written.path}")
    _TELL[to](written)


def _tell_of_jar(jar: Any) -> None:
    if not jar.checked:
        typer.echo("\nJava is not installed here: the model's own cases are answered where the jar is first opened.")
    typer.echo(f"\nNext: {shlex.join(['java', '-jar', str(jar.path), '--check'])}")


def _tell_of_manifests(manifests: Any) -> None:
    typer.echo(f"It holds {', '.join(manifests.objects)}; its image needs {manifests.requirements}.")
    typer.echo(f"\nNext: {shlex.join(['kubectl', 'apply', '-f', str(manifests.path)])}")


def _tell_of_repository(repository: Any) -> None:
    typer.echo(f"It holds {', '.join(repository.models)}; MLServer's environment needs {repository.requirements}.")
    typer.echo(f"\nNext: {shlex.join(['mlserver', 'start', str(repository.path)])}")


_TELL: MappingProxyType[str, Callable[[Any], None]] = MappingProxyType(
    {
        "jvm": _tell_of_jar,
        "seldon": _tell_of_manifests,
        "seldon-v1": _tell_of_manifests,
        "mlserver": _tell_of_repository,
    }
)
