"""``headrace export``: a model for another platform."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from headrace.api.exporting import ExportPlatform
from headrace.cli.options import run_options
from headrace.cli.options.model_argument import Model

EXAMPLES = """
Examples:

  headrace export headrace-out/demo --to jvm -o jars      (jars/demo.jar, for Java, Flink SQL, Kafka Streams and Spark)

  headrace export trips@champion --to jvm -o /opt/flink/lib
"""


def export(
    model: Model,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write it to.")],
    to: Annotated[ExportPlatform, typer.Option(help="The platform.")] = "jvm",
    library: Annotated[
        str, typer.Option(help="The suite's Java library, if `make jvm` did not build it here.", metavar="JAR")
    ] = "",
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Write MODEL as one jar that scores rows on the Java virtual machine."""
    from headrace.api import exporting  # noqa: PLC0415 - polars is slow to import

    jar = exporting.export(model, folder=output, to=to, library=library or None)
    typer.echo(f"{jar.name} {jar.digest[:12]}: {jar.path}")
    command = shlex.join(["java", "-jar", str(jar.path), "--check"])
    if not jar.checked:
        typer.echo("\nJava is not installed here: the model's own cases are answered where the jar is first opened.")
    typer.echo(f"\nNext: {command}")
