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

  headrace labels frauds@production kafka://127.0.0.1:9092/chargebacks --to monitoring --follow

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
    follow: Annotated[
        bool, typer.Option("--follow", help="Take the labels of a topic as they come, until Ctrl-C.")
    ] = False,
    group: Annotated[
        str,
        typer.Option(
            help="Group whose positions in a topic are kept.",
            metavar="NAME",
            show_default="one of this model and store",
        ),
    ] = "",
    store_seconds: Annotated[
        float, typer.Option(help="Longest time from a label to the store with --follow.", min=0.1, max=86_400)
    ] = 60.0,
    summary: run_options.SummaryFile = None,
    verbose: run_options.Verbose = False,
) -> None:
    """Store the labels in TABLE of rows that MODEL has scored: late, out of order, repeated or corrected ones too.

    TABLE may be a topic: kafka://HOST:PORT/TOPIC, or a folder of partitions.
    """
    import logging  # noqa: PLC0415 - as below

    from headrace.api.monitoring import labelling  # noqa: PLC0415 - polars is slow to import
    from headrace.core.base.files import write_json  # noqa: PLC0415

    logging.basicConfig(
        force=True, level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(name)s %(message)s"
    )
    counts = labelling.add_labels(
        model,
        options["source"],
        store,
        actual_column=actual_column,
        request_id_column=request_id_column,
        row_column=row_column,
        observed_column=observed_column,
        refused=refused,
        follow=follow,
        group=group,
        store_seconds=store_seconds,
        **{name: value for name, value in options.items() if name != "source"},
    )
    if summary:
        write_json(summary, counts.as_json())
    typer.echo(counts.sentence)
