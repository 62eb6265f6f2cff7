"""``headrace score``: predictions for a whole table."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.cli.options import run_options, table_options
from headrace.cli.options.model_argument import Model
from headrace.core.runtime import step_events

EXAMPLES = """
Examples:

  headrace score headrace-out/demo new-patients.csv -o predictions.csv

  headrace score headrace-out/demo/bundle 'days/*.parquet' -o predictions/

  headrace score s3://headrace/models/trips/3f…/ s3://lake/trips/ -o scored.parquet --threads 4
"""


@table_options.with_training_options(*table_options.READING, unset={"missing_values": "the contract's"})
def score(
    *,
    model: Model,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="A folder, or a file .parquet or .csv.")
    ],
    options: Mapping[str, Any],
    threads: Annotated[int, typer.Option(help="Threads of the inference engine.", min=1, max=256)] = 2,
    summary: run_options.SummaryFile = None,
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Predict every row of TABLE with MODEL; rows that break the contract are kept, with the reasons."""
    from headrace.api import scoring  # noqa: PLC0415 - polars is slow to import
    from headrace.core.base.files import write_json  # noqa: PLC0415

    predictions = scoring.score(
        model,
        options["source"],
        output=output,
        **{name: value for name, value in options.items() if name != "source"},
        threads=threads,
        progress=partial(step_events.progress, "score"),
    )
    if summary:
        write_json(summary, {"name": predictions.name, **predictions.counts()})
    message = f"{predictions.scored:,} of {predictions.rows:,} rows scored"
    if predictions.refused:
        message += f", {predictions.refused:,} refused (column violations says why)"
    typer.echo(f"{message}, by {predictions.name} {predictions.digest[:12]}: {output}")
