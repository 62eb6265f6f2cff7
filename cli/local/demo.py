"""``headrace demo``: the whole pipeline on a real table that ships with scikit-learn."""

import csv
import shlex
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.cli.local.serve import wait_until_interrupted
from headrace.cli.options import run_options, table_options
from headrace.core.base.errors import InputError
from headrace.pipelines.definitions.training_checks import check_seed
from headrace.pipelines.definitions.training_options import TrainingOptions
from headrace.registry.backends.locations import FOLDER

if TYPE_CHECKING:
    from headrace.api.run_result import Run

EXAMPLES = """
Examples:

  headrace demo

  headrace demo --serve

  headrace demo --life

  headrace demo --stream

  headrace demo --stream --broker kafka://127.0.0.1:9092
"""
_COLUMNS = [
    f"{statistic} {feature}"
    for statistic in ("mean", "error", "worst")
    for feature in (
        "radius",
        "texture",
        "perimeter",
        "area",
        "smoothness",
        "compactness",
        "concavity",
        "concave points",
        "symmetry",
        "fractal dimension",
    )
]


def write_demo_table(path: Path) -> None:
    """Write the Breast Cancer Wisconsin (Diagnostic) data, 569 x 31, as a CSV with a header.

    Source: W. N. Street, W. H. Wolberg, O. L. Mangasarian, "Nuclear feature extraction for breast tumor diagnosis",
    1993; the copy that scikit-learn's package holds.
    """
    packaged = files("sklearn.datasets.data").joinpath("breast_cancer.csv").read_text(encoding="utf-8")
    _, *rows = csv.reader(packaged.splitlines())
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([*_COLUMNS, "diagnosis"])
        for *numbers, label in rows:
            writer.writerow([*numbers, "benign" if label == "1" else "malignant"])


@table_options.with_training_options("seed")
def demo(
    *,
    output: run_options.Output = None,
    summary: run_options.SummaryFile = None,
    serve: run_options.Serve = False,
    life: Annotated[
        bool,
        typer.Option("--life", help="A year of a model in use: broken data, drift, retraining, all in a few minutes."),
    ] = False,
    stream: Annotated[
        bool, typer.Option("--stream", help="Payments flow, workers score them, one is killed, and a reader counts.")
    ] = False,
    broker: Annotated[
        str,
        typer.Option(
            metavar="kafka://HOST:PORT", help="For --stream: a broker, where topics are created; else a folder."
        ),
    ] = "",
    options: Mapping[str, Any],
    verbose: run_options.Verbose = False,
) -> None:
    """Run the whole pipeline on a real data set: from a CSV to a live endpoint."""
    check_seed(options["seed"])
    if broker and not stream:
        raise InputError("--broker is where the topics of --stream are; name both, or none.")
    if stream:
        from headrace.cli.streams.demo_stream import run_stream  # noqa: PLC0415 - as below

        if life or serve or summary:
            raise InputError("--stream ends with its counts; leave out --life, --serve and --summary.")
        run_stream(output or FOLDER / "stream", seed=int(options["seed"]), broker=broker)
        return
    if life:
        from headrace.cli.monitoring.demo_life import run_life  # noqa: PLC0415 - as below

        if serve or summary:
            raise InputError("--life ends with its page and leaves nothing running; leave out --serve and --summary.")
        page = run_life(output or FOLDER / "life", seed=int(options["seed"]))
        typer.echo(f"\nThe page: {page}. Nothing is left running.")
        return
    from headrace.cli.local.training_run import run_training  # noqa: PLC0415 - the runner of pipelines is slow to import, and other commands need none
    from headrace.cli.output.run_output import describe_request, describe_run, registry_command  # noqa: PLC0415

    home = output or FOLDER / "demo"
    table = home.parent / f"{home.name}.csv"
    write_demo_table(table)
    typer.echo(f"The table: {table}, 569 tumours with their diagnoses. The run:\n")
    training = TrainingOptions(
        source=str(table), target="diagnosis", positive="malignant", name="tumours", seed=options["seed"]
    )

    def on_success(completed: "Run") -> None:
        typer.echo(describe_run(completed.summary))
        typer.echo("\n" + describe_request(dict(completed.verification)))
        if serve:
            wait_until_interrupted(completed)
        else:
            own = f"try a table of your own: headrace run {shlex.quote(str(table))} --target diagnosis"
            typer.echo(f"\nNext: open the report, {own}{registry_command(completed.summary)}")

    run_training(
        training.pipeline_arguments(),
        home=home,
        records=output or FOLDER,
        summary_file=summary,
        verbose=verbose,
        on_success=on_success,
    )
