"""``headrace compile``: the YAML that a user uploads to the Kubeflow UI."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from headrace.core.files import write_text
from headrace.pipelines.catalogue import PIPELINES, pipeline, shipped

EXAMPLES = """
Examples:

  headrace compile training -o training.yaml
"""


def compile_to(name: str, path: Path) -> None:
    """Write the KFP intermediate representation of a shipped pipeline.

    Raises:
        InputError: If no such pipeline is shipped, or the file cannot be written.
    """
    shipped(name)
    from kfp.compiler import Compiler  # noqa: PLC0415 - slow, and only compiling needs it

    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        compiled = Path(scratch) / "pipeline.yaml"  # the compiler chooses the format by the file's ending
        Compiler().compile(pipeline(name), package_path=str(compiled))
        write_text(path, compiled.read_text(encoding="utf-8"))


def compile_pipeline(
    name: Annotated[str, typer.Argument(metavar="PIPELINE", help=f"One of: {', '.join(PIPELINES)}.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.", metavar="FILE")],
) -> None:
    """Compile PIPELINE to the YAML that the Kubeflow UI takes."""
    compile_to(name, output)
    typer.echo(f"{output} is ready: upload it in the Kubeflow UI under Pipelines, Upload pipeline.")
