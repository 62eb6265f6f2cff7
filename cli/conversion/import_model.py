"""``headrace import``: a model of MLflow becomes a bundle."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.options import registry_options, run_options

EXAMPLES = """
Examples:

  headrace import mlruns/0/models/m-1f0c/artifacts -o credit      (a folder with MLmodel)

  headrace import models:/credit@champion --registry http://mlflow:5000 -o credit --target default

  headrace import runs:/4f1d2c/model --registry sqlite:///mlflow.db -o credit --class paid --class default

  headrace import old-model -o credit --in-sandbox      (a pickle: its code runs without network, keys and your files)
"""


def import_model(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="Folder with MLmodel, runs:/RUN/PATH, models:/NAME/VERSION or @ALIAS, or s3://..."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder of the new bundle.")],
    registry: registry_options.Registry = "",
    name: Annotated[
        str, typer.Option(help="Name of the bundle.", show_default="the registered model's, or the folder's")
    ] = "",
    target: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column that is predicted, which MLflow does not know.")
    ] = "target",
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="NAME", help="Name of a class, in the order of the probabilities; repeatable."),
    ] = None,
    positive: Annotated[
        str, typer.Option(help="Class whose probability is reported, for two classes.", show_default="the second one")
    ] = "",
    column_names: Annotated[
        list[str] | None,
        typer.Option(
            "--column-name", metavar="NAME", help="Name of a column of a model that takes one array; repeatable."
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Probability from which the positive class is predicted.", show_default="the model's own, 0.5"
        ),
    ] = None,
    card: Annotated[str, typer.Option(metavar="FILE", help="File with people's answers for the model card.")] = "",
    in_sandbox: Annotated[
        bool,
        typer.Option(
            "--in-sandbox",
            help="Load a pickle, which runs its code, in a process without network, keys and files of yours.",
        ),
    ] = False,
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Make a bundle of a model that MLflow stored; nothing of it is run."""
    from headrace.api.conversion.migrating import import_model as import_stored  # noqa: PLC0415 - slow to import
    from headrace.cli.output.import_output import report_lines  # noqa: PLC0415

    bundle = import_stored(
        model,
        output,
        registry=registry,
        name=name,
        target=target,
        classes=classes or (),
        positive=positive,
        column_names=column_names or (),
        threshold=threshold,
        card=card,
        in_sandbox=in_sandbox,
    )
    typer.echo("\n".join(report_lines(bundle)))
    typer.echo(f"\nNext: headrace serve {shlex.quote(str(output))}")
