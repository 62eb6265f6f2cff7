"""Batches of Apache Arrow, as Spark hands them to Python and takes them back."""

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.core.base.errors import InputError, quote


def import_pyarrow() -> Any:
    """Return the module ``pyarrow``.

    Raises:
        InputError: If it is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, which Spark's workers have
    except ModuleNotFoundError as error:
        raise InputError(
            "scoring in Spark needs the package pyarrow where its Python workers run: pip install 'headrace[spark]'."
        ) from error
    return pa


def require_columns(batch: Any, names: Sequence[str], *, hint: str) -> None:
    """Check that a batch has columns, each once.

    Args:
        batch: A ``pyarrow.RecordBatch``.
        names: The columns.
        hint: What to do if one is absent.

    Raises:
        InputError: If a column is absent, or there twice.
    """
    present = batch.schema.names
    absent = [name for name in names if name not in present]
    if absent:
        raise InputError(
            f"the data frame must hold the columns {quote(list(names), 300)}; {quote(absent, 300)} are absent: {hint}."
        )
    twice = [name for name in names if present.count(name) > 1]
    if twice:
        raise InputError(f"the data frame must hold each column once; {quote(twice, 300)} are there several times.")


def ddl(columns: Mapping[str, str]) -> str:
    """Return a schema as Spark's DDL.

    >>> ddl({"id": "bigint", "a`b": "string"})
    '`id` bigint, `a``b` string'

    Args:
        columns: Types of Spark by the name of their column.
    """
    return ", ".join(f"`{name.replace('`', '``')}` {kind}" for name, kind in columns.items())
