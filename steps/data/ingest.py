"""The step that ingests a table."""

from collections.abc import Sequence
from pathlib import Path

from headrace.core.readers.ingest import ingest_table
from headrace.core.tables.source import ReadOptions
from headrace.registry.record import record_table
from headrace.steps.artifacts import StepArtifact, add_metadata, record_arguments, record_digests
from headrace.steps.step_function import Say, as_step
from headrace.stores.sources.fingerprint import confirm
from headrace.stores.sources.open_source import open_source


@as_step
def run_ingest(
    say: Say,
    *,
    source: str,
    table: StepArtifact,
    column_names: Sequence[str],
    header: bool,
    delimiter: str,
    encoding: str,
    skip_lines: int,
    comment: str,
    missing_values: Sequence[str],
    drop_columns: Sequence[str],
    hash_columns: Sequence[str],
    fingerprint: str,
) -> None:
    """Read a table from its address and write it as Parquet parts; the component documents the parameters."""
    options = ReadOptions(
        column_names=tuple(map(str, column_names)),
        header=header,
        delimiter=delimiter,
        encoding=encoding,
        skip_lines=int(skip_lines),
        comment=comment,
        missing_values=tuple(map(str, missing_values)),
        drop_columns=tuple(map(str, drop_columns)),
        hash_columns=tuple(map(str, hash_columns)),
    )
    facts = ingest_table(open_source(source), folder=Path(table.path), options=options)
    confirm(source, fingerprint)
    add_metadata(table, facts)
    record_arguments(
        table,
        column_names=column_names,
        header=header,
        delimiter=delimiter,
        encoding=encoding,
        skip_lines=int(skip_lines),
        comment=comment,
        missing_values=missing_values,
        drop_columns=drop_columns,
        hash_columns=hash_columns,
    )
    record_digests(table, step="ingest", outputs=[table])
    record_table(facts, folder=Path(table.path), uri=table.uri)
    say(f"{facts['rows']:,} rows, {facts['columns']} columns")
