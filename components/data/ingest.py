"""The component that ingests a table."""

from kfp.dsl import Dataset, Output

from headrace.components.base import component


@component
def ingest(
    source: str,
    table: Output[Dataset],
    column_names: list = [],  # noqa: B006 - KFP knows defaults by value
    header: bool = True,
    delimiter: str = "",
    encoding: str = "",
    skip_lines: int = -1,
    comment: str = "",
    missing_values: list = [],  # noqa: B006
    drop_columns: list = [],  # noqa: B006
    hash_columns: list = [],  # noqa: B006
    fingerprint: str = "",
) -> None:
    """Read CSV, JSON Lines, Parquet or a database, and write the raw table with digest, counts, source and time.

    Args:
        source: Path, folder, glob, http(s)://, s3:// or SQL address of the table.
        table: The raw table: a folder of Parquet parts. Columns of a CSV stay texts.
        column_names: Column names of a CSV, in place of its header if it has one.
        header: Whether the first line of a CSV holds the names.
        delimiter: Field separator of a CSV: one character, or tab (default: detected).
        encoding: Text encoding of a CSV (default: UTF-8, or what a byte-order mark says).
        skip_lines: Lines of a CSV before its header (default: detected).
        comment: What comment lines of a CSV begin with (default: detected).
        missing_values: Texts that stand for a missing value (default: the usual ones).
        drop_columns: Columns to leave out.
        hash_columns: Columns to keep only as a keyed hash.
        fingerprint: Fingerprint of the source: the table of an earlier run is reused only for the same one.
    """
    from headrace.steps.data.ingest import run_ingest

    run_ingest(
        source=source,
        table=table,
        column_names=column_names,
        header=header,
        delimiter=delimiter,
        encoding=encoding,
        skip_lines=skip_lines,
        comment=comment,
        missing_values=missing_values,
        drop_columns=drop_columns,
        hash_columns=hash_columns,
        fingerprint=fingerprint,
    )
