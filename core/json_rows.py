"""Blocks of JSON Lines as frames of plain types."""

import json

import polars as pl

from headrace.core.blocks import Block
from headrace.core.errors import InputError, shown
from headrace.core.plain import frame_of


def is_json_lines(text: bytes) -> bool:
    """Whether a text begins with a line that is a JSON object.

    Args:
        text: The first bytes of the file.
    """
    line = text.lstrip(b"\xef\xbb\xbf \t\r\n").split(b"\n", 1)[0]
    if not line.startswith(b"{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def parse(block: Block, *, name: str, drop: tuple[str, ...] = ()) -> pl.DataFrame:
    """The rows of a block; types are those of its own values.

    Args:
        block: Whole lines.
        name: The file's name, for messages.
        drop: Columns whose values do not count.

    Returns:
        Columns of plain types, or of nulls only, in order of appearance.

    Raises:
        InputError: If a line is no JSON object, or a value is an object or an array.
    """
    rows = _rows(block, name)
    names = list(dict.fromkeys(key for row in rows for key in row))
    return frame_of({key: [row.get(key) for row in rows] for key in names}, drop=drop, table=name)


def _rows(block: Block, name: str) -> list[dict[str, object]]:
    rows = []
    for line, text in enumerate(block.data.split(b"\n"), start=block.line):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except ValueError as error:
            raise InputError(f"line {line:,} of {name} is no JSON ({error}); write one object per line.") from error
        if not isinstance(row, dict):
            raise InputError(
                f'line {line:,} of {name} must be a JSON object such as {{"a": 1}}; got {shown(row, 40)} instead.'
            )
        rows.append(row)
    return rows
