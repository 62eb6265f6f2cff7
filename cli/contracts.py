"""``headrace contract``: infer a table's data contract, to be read and edited."""

import shlex
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from headrace.cli import options, table_options
from headrace.core.errors import shown

EXAMPLES = """
Examples:

  headrace contract heart.csv

  headrace contract heart.csv --target target -o heart.yaml

  headrace run heart.csv --target target --contract heart.yaml
"""


def contract(
    table: table_options.Table,
    target: Annotated[
        str, typer.Option(help="Column to predict.", metavar="COLUMN", show_default="the last column")
    ] = "",
    task: Annotated[str, typer.Option(help="binary, multiclass or regression.", show_default="inferred")] = "",
    names: table_options.Names = "",
    header: table_options.Header = True,
    delimiter: table_options.Delimiter = "",
    encoding: table_options.Encoding = "",
    skip_lines: table_options.SkipLines = -1,
    comment: table_options.Comment = "",
    missing: table_options.Missing = None,
    time: Annotated[str, typer.Option(help="Timestamp to split by.", metavar="COLUMN")] = "",
    positive: table_options.Positive = "",
    country: table_options.Country = "",
    decimal: table_options.DecimalMark = "",
    thousands: table_options.Thousands = "",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write.", metavar="FILE", show_default="standard output"),
    ] = None,
) -> None:
    """Infer the data contract of TABLE, to be read, edited and given to `run --contract`."""
    from headrace.cli.findings_screen import lines  # noqa: PLC0415 - polars is slow to import
    from headrace.core import tables  # noqa: PLC0415
    from headrace.core.agreement import Wishes  # noqa: PLC0415
    from headrace.core.contract_yaml import dump  # noqa: PLC0415
    from headrace.core.files import write_text  # noqa: PLC0415
    from headrace.core.infer import inferred  # noqa: PLC0415
    from headrace.core.ingest import ingest_table  # noqa: PLC0415
    from headrace.core.notes import from_json, worst_first  # noqa: PLC0415
    from headrace.core.source import ReadOptions  # noqa: PLC0415
    from headrace.core.table_notes import left_out  # noqa: PLC0415
    from headrace.stores.sources import open_source  # noqa: PLC0415

    read = ReadOptions(
        names=tuple(options.comma_list(names)),
        header=header,
        delimiter=options.separator(delimiter),
        encoding=encoding,
        skip_lines=skip_lines,
        comment=comment,
        missing_values=tuple(missing or ()),
    )
    marks = table_options.marks(decimal, thousands)
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        folder = Path(scratch) / "table"
        facts = ingest_table(open_source(table), folder=folder, options=read)
        predicted = target or tables.scan(folder).collect_schema().names()[-1]
        wishes = Wishes(
            task=task,
            time_column=time,
            positive=positive,
            country=country,
            decimal=marks["decimal"],
            thousands=marks["thousands"],
        )
        made = inferred(folder, name=options.default_name(table), target=predicted, wishes=wishes)
    if not target:
        said = f"headrace: the last column, {shown(predicted)}, is taken for the target; --target names another."
        typer.echo(said, err=True)
    noted = [*from_json(facts.get("notes", [])), *made.notes]
    for line in lines(worst_first([*noted, *left_out(made.contract, noted)]), rest="in the descriptions"):
        typer.echo(line, err=True)
    text = dump(made.contract)
    if output is None:
        typer.echo(text, nl=False)
        return
    write_text(output, text)
    command = shlex.join(["headrace", "run", table, "--target", predicted, "--contract", str(output)])
    typer.echo(f"{output} is written: read it, mend it, then: {command}")
