"""The component that ingests a table."""

from kfp.dsl import Dataset, Output

from headrace.components.base import component


@component
def ingest(
    source: str,
    table: Output[Dataset],
    names: list = [],  # noqa: B006 - KFP knows defaults by value
    header: bool = True,
    delimiter: str = "",
    encoding: str = "",
    skip_lines: int = -1,
    comment: str = "",
    missing_values: list = [],  # noqa: B006
    drop: list = [],  # noqa: B006
    hash: list = [],  # noqa: A002, B006
    fingerprint: str = "",
) -> None:
    """Read CSV, JSON Lines, Parquet or a database, and write the raw table with digest, counts, source and time.

    Args:
        source: Path, folder, glob, http(s)://, s3:// or SQL address of the table.
        table: The raw table: a folder of Parquet parts. Columns of a CSV stay texts.
        names: Column names of a CSV, in place of its header if it has one.
        header: Whether the first line of a CSV holds the names.
        delimiter: Field separator of a CSV: one character, or tab (default: detected).
        encoding: Text encoding of a CSV (default: UTF-8, or what a byte-order mark says).
        skip_lines: Lines of a CSV before its header (default: detected).
        comment: What comment lines of a CSV begin with (default: detected).
        missing_values: Texts that stand for a missing value (default: the usual ones).
        drop: Columns to leave out.
        hash: Columns to keep only as a keyed hash.
        fingerprint: Fingerprint of the source: the table of an earlier run is reused only for the same one.
    """
    from pathlib import Path

    from headrace.core.base.parameter_text import guarded_texts, plain, plain_list
    from headrace.core.readers.ingest import ingest_table
    from headrace.core.runtime.step_events import step
    from headrace.core.runtime.step_trace import add_to_trace, arguments_text
    from headrace.core.tables.source import ReadOptions
    from headrace.registry.record import record_table
    from headrace.stores.sources.fingerprint import confirm
    from headrace.stores.sources.open_source import open_source

    with step("ingest") as say:
        options = ReadOptions(
            names=tuple(plain_list(names)),
            header=header,
            delimiter=plain(delimiter),
            encoding=plain(encoding),
            skip_lines=int(skip_lines),
            comment=plain(comment),
            missing_values=tuple(plain_list(missing_values)),
            drop=tuple(plain_list(drop)),
            hash=tuple(plain_list(hash)),
        )
        facts = ingest_table(open_source(plain(source)), folder=Path(table.path), options=options)
        confirm(plain(source), fingerprint)
        table.metadata.update(guarded_texts(facts))
        table.metadata["arguments"] = arguments_text(
            names=names,
            header=header,
            delimiter=delimiter,
            encoding=encoding,
            skip_lines=int(skip_lines),
            comment=comment,
            missing=missing_values,
            drop=drop,
            hash=hash,
        )
        table.metadata["steps"] = add_to_trace({}, "ingest", table.path)
        record_table(facts, folder=Path(table.path), uri=table.uri)
        say(f"{facts['rows']:,} rows, {facts['columns']} columns")
