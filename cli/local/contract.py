"""``headrace contract``: infer a table's data contract, to be read and edited."""

import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.api.model_names import default_name
from headrace.api.training_arguments import number_marks
from headrace.cli.options import table_options
from headrace.core.base.errors import quote

EXAMPLES = """
Examples:

  headrace contract heart.csv

  headrace contract heart.csv --target target -o heart.yaml

  headrace run heart.csv --target target --contract heart.yaml
"""
_HINTS = ("task", "time_column", "positive", "country", "decimal", "thousands")


@table_options.with_training_options(
    *table_options.READING,
    "target",
    *_HINTS,
    optional=("target",),
    unset={"target": "the last column, or none with --task anomaly"},
)
def contract(
    *,
    options: Mapping[str, Any],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write.", metavar="FILE", show_default="standard output"),
    ] = None,
) -> None:
    """Infer the data contract of TABLE, to be read, edited and given to `run --contract`."""
    from headrace.cli.output.findings_output import format_notes  # noqa: PLC0415 - polars is slow to import
    from headrace.core.base.files import write_text  # noqa: PLC0415
    from headrace.core.base.notes import from_json, worst_first  # noqa: PLC0415
    from headrace.core.contracts.contract_yaml import dump  # noqa: PLC0415
    from headrace.core.contracts.table_inference.agreement import ContractHints  # noqa: PLC0415
    from headrace.core.contracts.table_inference.infer import infer_with_notes  # noqa: PLC0415
    from headrace.core.contracts.unused_columns import unused_column_notes  # noqa: PLC0415
    from headrace.core.readers.ingest import ingest_table  # noqa: PLC0415
    from headrace.core.tables import parquet_table  # noqa: PLC0415
    from headrace.stores.sources.open_source import open_source  # noqa: PLC0415

    read_options = table_options.read_options(options)
    marks = number_marks(options["decimal"], options["thousands"], spell=table_options.flag)
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        folder = Path(scratch) / "table"
        facts = ingest_table(open_source(options["source"]), folder=folder, options=read_options)
        target = options["target"]
        if not target and options["task"] != "anomaly":
            target = parquet_table.scan(folder).collect_schema().names()[-1]
        hints = ContractHints(**{name: options[name] for name in _HINTS} | marks)
        inferred = infer_with_notes(folder, name=default_name(options["source"]), target=target, hints=hints)
    if target and not options["target"]:
        notice = f"headrace: the last column, {quote(target)}, is used as the target; --target names another."
        typer.echo(notice, err=True)
    notes = [*from_json(facts.get("notes", [])), *inferred.notes]
    for line in format_notes(
        worst_first([*notes, *unused_column_notes(inferred.contract, notes)]), rest="in the descriptions"
    ):
        typer.echo(line, err=True)
    text = dump(inferred.contract)
    if output is None:
        typer.echo(text, nl=False)
        return
    write_text(output, text)
    named = ["--target", target] if target else []
    command = shlex.join(["headrace", "run", options["source"], *named, "--contract", str(output)])
    typer.echo(f"{output} is written: read it, edit it, then: {command}")
