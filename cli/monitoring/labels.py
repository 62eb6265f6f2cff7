"""``headrace labels``: store what turned out to be true of scored rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.cli.options import run_options, table_options
from headrace.cli.options.model_argument import Model

EXAMPLES = """
Examples:

  headrace labels headrace-out/demo outcomes.csv --to monitoring

  headrace labels headrace-out/demo outcomes.csv --to monitoring --actual-column churned --refused refused.parquet

  headrace labels tumours@production s3://lake/biopsies/ --to s3://monitoring/models --observed-column seen_at
"""
_READING = tuple(name for name in table_options.READING if name != "missing_values")


@table_options.with_training_options(*_READING)
def labels(
    *,
    model: Model,
    options: Mapping[str, Any],
    store: Annotated[
        str, typer.Option("--to", metavar="STORE", help="Monitoring store: a folder, or s3://BUCKET/PREFIX.")
    ],
    actual_column: Annotated[
        str, typer.Option(help="Column of what was true.", show_default="the contract's target", metavar="COLUMN")
    ] = "",
    request_id_column: Annotated[
        str,
        typer.Option(
            help="Column of the request's id; a table without it names rows by the contract's keys.", metavar="COLUMN"
        ),
    ] = "request_id",
    row_column: Annotated[
        str,
        typer.Option(help="Column of the position in the request, from 0; without it 0 is meant.", metavar="COLUMN"),
    ] = "row",
    observed_column: Annotated[
        str, typer.Option(help="Column of the time at which it was true; the table may lack it.", metavar="COLUMN")
    ] = "observed",
    refused: Annotated[
        Path | None, typer.Option(help="Parquet file for refused rows, with the reason of each.", metavar="FILE")
    ] = None,
    summary: run_options.SummaryFile = None,
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Store the labels in TABLE of rows that MODEL has scored: late, out of order, repeated or corrected ones too."""
    from headrace.api.monitoring import labelling  # noqa: PLC0415 - polars is slow to import
    from headrace.core.base.files import write_json  # noqa: PLC0415

    counts = labelling.add_labels(
        model,
        options["source"],
        store,
        actual_column=actual_column,
        request_id_column=request_id_column,
        row_column=row_column,
        observed_column=observed_column,
        refused=refused,
        **{name: value for name, value in options.items() if name != "source"},
    )
    if summary:
        write_json(summary, counts.as_json())
    typer.echo(counts.sentence)
