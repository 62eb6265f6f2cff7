"""``headrace score``: predictions for a whole table."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from headrace.cli import options, table_options
from headrace.cli.models import Model
from headrace.core import steps

EXAMPLES = """
Examples:

  headrace score headrace-out/demo new-patients.csv -o predictions.csv

  headrace score headrace-out/demo/bundle 'days/*.parquet' -o predictions/

  headrace score s3://headrace/models/trips/3f…/ s3://lake/trips/ -o scored.parquet --threads 4
"""


def score(
    model: Model,
    table: table_options.Table,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="A folder, or a file .parquet or .csv.")
    ],
    names: table_options.Names = "",
    header: table_options.Header = True,
    delimiter: table_options.Delimiter = "",
    encoding: table_options.Encoding = "",
    skip_lines: table_options.SkipLines = -1,
    comment: table_options.Comment = "",
    missing: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="A text that means missing; repeatable.", show_default="the contract's"),
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads of the engine.", min=1, max=256)] = 2,
    summary: options.SummaryFile = None,
    verbose: options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Predict every row of TABLE with MODEL; rows that break the contract are kept and say why."""
    from headrace.api import scoring  # noqa: PLC0415 - polars is slow to import
    from headrace.core.files import write_json  # noqa: PLC0415

    predictions = scoring.score(
        model,
        table,
        output=output,
        names=options.comma_list(names),
        header=header,
        delimiter=delimiter,
        encoding=encoding,
        skip_lines=skip_lines,
        comment=comment,
        missing_values=missing or (),
        threads=threads,
        progress=partial(steps.progress, "score"),
    )
    if summary:
        write_json(summary, predictions.counts())
    told = f"{predictions.scored:,} of {predictions.rows:,} rows scored"
    if predictions.refused:
        told += f", {predictions.refused:,} refused (column violations says why)"
    typer.echo(f"{told}, by {predictions.name} {predictions.digest[:12]}: {output}")
