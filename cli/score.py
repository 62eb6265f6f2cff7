"""``headrace score``: predictions for a whole table."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.cli import options, table_options
from headrace.cli.models import Model, opened

EXAMPLES = """
Examples:

  headrace score headrace-out/demo new-patients.csv -o predictions.csv

  headrace score headrace-out/demo/bundle 'days/*.parquet' -o predictions/

  headrace score s3://headrace/models/trips/3f…/ s3://lake/trips/ -o scored.parquet --threads 4
"""


@table_options.takes(*table_options.READING, unset={"missing_values": "the contract's"})
def score(
    *,
    model: Model,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="A folder, or a file .parquet or .csv.")
    ],
    given: Mapping[str, Any],
    threads: Annotated[int, typer.Option(help="Threads of the engine.", min=1, max=256)] = 2,
    summary: options.SummaryFile = None,
    verbose: options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Predict every row of TABLE with MODEL; rows that break the contract are kept and say why."""
    from headrace.core.files import write_json  # noqa: PLC0415 - polars is slow to import
    from headrace.core.score import score_table  # noqa: PLC0415
    from headrace.core.scorer import Scorer  # noqa: PLC0415
    from headrace.stores.sources import open_source  # noqa: PLC0415

    with opened(model) as bundle:
        scorer = Scorer.open(bundle, threads=threads)
    missing = given["missing_values"] or scorer.contract.missing_values
    read = table_options.read_options({**given, "missing_values": missing})
    found = score_table(open_source(given["source"]), scorer=scorer, output=output, options=read)
    if summary:
        write_json(summary, found)
    told = f"{found['scored']:,} of {found['rows']:,} rows scored"
    if found["refused"]:
        told += f", {found['refused']:,} refused (column violations says why)"
    typer.echo(f"{told}, by {scorer.name} {scorer.digest[:12]}: {output}")
