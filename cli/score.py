"""``headrace score``: predictions for a whole table."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli import options
from headrace.cli.serve import bundle_of

if TYPE_CHECKING:
    from headrace.core.bundle import Bundle

EXAMPLES = """
Examples:

  headrace score headrace-out/demo new-patients.csv -o predictions.csv

  headrace score headrace-out/demo/bundle 'days/*.parquet' -o predictions/

  headrace score s3://headrace/models/trips/3f…/ s3://lake/trips/ -o scored.parquet --threads 4
"""


def score(
    model: options.ModelPlace,
    table: Annotated[str, typer.Argument(metavar="TABLE", help="Path, glob, http(s)://, s3:// or SQL address.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="A folder, or a file .parquet or .csv.")
    ],
    names: Annotated[str, typer.Option(help="Column names of a table without a header, by commas.")] = "",
    header: Annotated[bool, typer.Option(help="Whether the first line of a CSV holds the names.")] = True,
    delimiter: Annotated[str, typer.Option(help="Field separator of a CSV.", show_default="detected")] = "",
    encoding: Annotated[str, typer.Option(help="Text encoding of a CSV.", show_default="detected")] = "",
    missing: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="A text that means missing; repeatable.", show_default="the contract's"),
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads of the engine.", min=1, max=256)] = 2,
    summary: options.SummaryFile = None,
    verbose: options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Predict every row of TABLE with MODEL; rows that break the contract are kept and say why."""
    from headrace.core.files import write_json  # noqa: PLC0415 - polars is slow to import
    from headrace.core.score import score_table  # noqa: PLC0415
    from headrace.core.scorer import Scorer  # noqa: PLC0415
    from headrace.core.source import ReadOptions  # noqa: PLC0415
    from headrace.stores.sources import open_source  # noqa: PLC0415

    with _bundle(model) as bundle:
        scorer = Scorer.open(bundle, threads=threads)
    read = ReadOptions(
        names=tuple(options.comma_list(names)),
        header=header,
        delimiter=options.separator(delimiter),
        encoding=encoding,
        missing_values=tuple(missing or scorer.contract.missing_values),
    )
    whole = f"{table}/part-*.parquet" if "://" not in table and Path(table).is_dir() else table
    found = score_table(open_source(whole), scorer=scorer, output=output, options=read)
    if summary:
        write_json(summary, found)
    told = f"{found['scored']:,} of {found['rows']:,} rows scored"
    if found["refused"]:
        told += f", {found['refused']:,} refused (column violations says why)"
    typer.echo(f"{told}, by {scorer.name} {scorer.digest[:12]}: {output}")


@contextlib.contextmanager
def _bundle(model: str) -> Iterator["Bundle"]:
    """The verified bundle that MODEL means; one from a store is there for a while only."""
    from headrace.core.bundle import open_bundle  # noqa: PLC0415 - as above

    named = bundle_of(model)
    if "://" not in named:
        yield open_bundle(Path(named))
        return
    from headrace.stores.bundles import fetch  # noqa: PLC0415 - a folder needs no client

    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        yield open_bundle(fetch(named, Path(scratch) / "bundle"))
