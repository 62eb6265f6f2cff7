"""Reader of JSON Lines: blocks of text become frames of plain types."""

import json
import re
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

import polars as pl

from headrace.core.base.errors import InputError, quote
from headrace.core.tables.dtypes import frame_of
from headrace.core.tables.row_blocks import TextBlock
from headrace.core.values.wide_numbers import count_rounded

# Numbers are examined one by one only in a block that has a number of 18 digits.
_LONG_NUMBER = re.compile(rb"[1-9](?:[0-9]{17}|[0-9.]{18})")
_LONGEST_OF_A_FLOAT = 18
_SPACE_AFTER_KEY = re.compile(rb'"\s+:')


def is_json_lines(text: bytes) -> bool:
    """Check whether a text begins with a line that is a JSON object.

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


def parse(block: TextBlock, *, name: str, drop: tuple[str, ...] = (), lost: Counter[str] | None = None) -> pl.DataFrame:
    """Return the rows of a block, with types by its own values.

    Args:
        block: Whole lines.
        name: The file's name, for messages.
        drop: Columns whose values are ignored.
        lost: Receives, by column, the number of decimals with more digits than a 64-bit float distinguishes.

    Returns:
        The columns of n rows, of plain types or all null, in order of appearance.

    Raises:
        InputError: If a line is not a JSON object or has a key twice, or a value is an object or an array.
    """
    has_long_numbers = bool(_LONG_NUMBER.search(block.data))
    rows = _rows(block, name, _decimal_or_float if has_long_numbers else None)
    names = list(dict.fromkeys(key for row in rows for key in row))
    columns = {key: [row.get(key) for row in rows] for key in names}
    if has_long_numbers:
        if lost is not None:
            lost.update({key: count_rounded(values, whole=True) for key, values in columns.items()})
        # A number with a dot or an exponent is a float, however large, such as 1.2345678901234567e+20.
        columns = {key: [_plain(value) for value in values] for key, values in columns.items()}
    return frame_of(columns, drop=drop, table=name)


def _decimal_or_float(text: str) -> Decimal | float:
    return Decimal(text) if len(text) > _LONGEST_OF_A_FLOAT else float(text)


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value


def _rows(block: TextBlock, name: str, parse_float: Callable[[str], object] | None) -> list[dict[str, object]]:
    rows = []
    has_spaces = bool(_SPACE_AFTER_KEY.search(block.data))
    for line, text in enumerate(block.data.split(b"\n"), start=block.line):
        if not text.strip():
            continue
        try:
            row = json.loads(text, parse_float=parse_float)
        except ValueError as error:
            raise InputError(f"line {line:,} of {name} is not JSON ({error}); write one object per line.") from error
        if not isinstance(row, dict):
            raise InputError(
                f'line {line:,} of {name} must be a JSON object such as {{"a": 1}}; got {quote(row, 40)} instead.'
            )
        # A key that stands twice leaves fewer keys than the line has; so does a text that looks like one.
        if has_spaces or text.count(b'":') > len(row):
            _refuse_repeated_keys(text, f"line {line:,} of {name}")
        rows.append(row)
    return rows


def _refuse_repeated_keys(text: bytes, where: str) -> None:
    def check(pairs: list[tuple[str, object]]) -> None:
        repeated = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
        if repeated:
            key = quote(repeated[0], 40)
            raise InputError(f"each key of an object must stand once; {where} has {key} more than once.")

    json.loads(text, object_pairs_hook=check)
