"""The two forms of ksqlDB's answer to a query, read line by line.

``application/vnd.ksql.v1+json`` is an array with one object a line: a header, rows (deletions among them), and for a
push query a final message. ``application/vnd.ksqlapi.delimited.v1`` is an object of columns and then an array a line;
it has no final message and leaves deletions out. Errors are objects in both. Source: ksqlDB's
``JsonStreamedRowResponseWriter`` and ``DelimitedQueryStreamResponseWriter`` (2026), and its guide of the REST API.
"""

import re
from typing import Any

import orjson

from headrace.core.base.errors import InputError, StoreError, quote

_MOST_TEXT = 600
_TOKENS = ("continuationToken", "consistencyToken")
_NAME = re.compile(r"\s*(?:`((?:[^`]|``)+)`|([^\s`,]+))\s+")


class KsqlRow(dict[str, Any]):
    """A row by column name, in the order of the columns.

    Attributes:
        deleted: Whether the row of a table was deleted: its key columns have their values, the others are None.
    """

    __slots__ = ("deleted",)

    def __init__(self, columns: list[str], values: list[Any], *, deleted: bool = False) -> None:
        """Pair n columns with n values."""
        super().__init__(zip(columns, values, strict=True))
        self.deleted = deleted


class QueryResponse:
    """Reads the lines of an answer.

    Attributes:
        place: The server, for messages.
        columns: Names of the n columns; empty before the first line.
        types: Their types in SQL.
        query_id: Id of the query; empty if the server gave none.
        final_message: What the server said at the end, such as ``Limit Reached``; empty if nothing.
    """

    def __init__(self, place: str) -> None:
        """Initialize.

        Args:
            place: The server, for messages.
        """
        self.place = place
        self.columns: list[str] = []
        self.types: list[str] = []
        self.query_id = ""
        self.final_message = ""
        self._began = self._is_array = self._closed = False

    def read_line(self, line: bytes) -> KsqlRow | None:
        """Read a line; return its row, or None if it holds something else.

        Args:
            line: The line, without its line feed; the last one may lack it.

        Raises:
            StoreError: If the server reports an error, or this is no answer to a query.
            InputError: If two columns have one name.
        """
        text = line.strip()
        if not self._began and text:
            self._began, self._is_array = True, text.startswith(b"[")
            text = text[1:] if self._is_array else text
        if self._is_array:
            text = text.removesuffix(b",")
            if text.endswith(b"]") and not self._closed:  # each element is an object
                self._closed, text = True, text[:-1].rstrip().removesuffix(b",")
        if not text:
            return None
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise self._strange(text) from error
        return self._read_row(found, text)

    def require_end(self, rest: bytes) -> None:
        """Raise if the answer ends before the server has ended it.

        Args:
            rest: What came after the last line feed, if it was not read as a line.

        Raises:
            StoreError: If a line or the end is missing.
        """
        if not self._began or rest.strip() or (self._is_array and not self._closed):
            where = f" at {quote(rest[:40].decode(errors='replace'))}" if rest.strip() else ""
            raise StoreError(
                f"ksqlDB at {self.place} must end a query with a whole line; the answer broke off{where}: query again."
            )

    def ends_without_line_feed(self, rest: bytes) -> bool:
        """Check whether what came after the last line feed is the whole last line.

        Args:
            rest: It.
        """
        began_array = self._is_array or (not self._began and rest.lstrip().startswith(b"["))
        return began_array and rest.rstrip().endswith(b"]")

    def _read_row(self, found: Any, text: bytes) -> KsqlRow | None:
        if isinstance(found, list) and self.columns and not self._is_array:
            return self._row(found, text)
        if not isinstance(found, dict):
            raise self._strange(text)
        if not self.columns:
            self._read_header(found, text)
        elif isinstance(row := found.get("row"), dict):
            return self._row(row.get("columns"), text, deleted=bool(row.get("tombstone")))
        elif isinstance(found.get("finalMessage"), str):
            self.final_message = found["finalMessage"]
        elif not any(name in found for name in _TOKENS):
            raise self._error(found, text)
        return None

    def _read_header(self, found: dict[str, Any], text: bytes) -> None:
        header = found.get("header")
        try:
            if isinstance(header, dict):
                named = split_schema(header["schema"])
            else:
                header = found
                named = list(zip(found["columnNames"], found["columnTypes"], strict=True))
            self.columns, self.types = [str(name) for name, _ in named], [str(kind) for _, kind in named]
        except (KeyError, TypeError, ValueError) as error:
            raise self._error(found, text) from error
        self.query_id = str(header.get("queryId") or "")
        twice = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if twice:
            raise InputError(f"the columns of a query must have different names; got {twice[0]} twice: use AS.")

    def _row(self, values: Any, text: bytes, *, deleted: bool = False) -> KsqlRow:
        if not isinstance(values, list) or len(values) != len(self.columns):
            raise self._strange(text)
        return KsqlRow(self.columns, values, deleted=deleted)

    def _error(self, found: dict[str, Any], text: bytes) -> StoreError:
        error = found.get("errorMessage", found)
        message = error.get("message") if isinstance(error, dict) else error
        if not isinstance(message, str):
            return self._strange(text)
        return StoreError(f"ksqlDB at {self.place} must carry a query out; it reports: {one_line(message)}.")

    def _strange(self, text: bytes) -> StoreError:
        return StoreError(
            f"ksqlDB at {self.place} must answer with lines of JSON, columns first; got "
            f"{quote(text[:200].decode(errors='replace'))}: is this the address of ksqlDB?"
        )


def split_schema(schema: str) -> list[tuple[str, str]]:
    """Return names and types of the columns in a schema.

    >>> split_schema("`ID` BIGINT KEY, `PAID` DECIMAL(8, 2), `AT` STRUCT<`LAT` DOUBLE, `LON` DOUBLE>")
    [('ID', 'BIGINT'), ('PAID', 'DECIMAL(8, 2)'), ('AT', 'STRUCT<`LAT` DOUBLE, `LON` DOUBLE>')]

    Args:
        schema: As ksqlDB writes it; a grave accent in a name is doubled.

    Raises:
        ValueError: If it has another form.
    """
    parts, depth, quoted, start = [], 0, False, 0
    for place, letter in enumerate(schema):
        if letter == "`":
            quoted = not quoted
        elif not quoted:
            depth += (letter in "<(") - (letter in ">)")
            if letter == "," and depth == 0:
                parts.append(schema[start:place])
                start = place + 1
    found = []
    for part in [*parts, schema[start:]]:
        name = _NAME.match(part)
        if not name:
            raise ValueError(schema)
        kind = part[name.end() :].strip()
        found.append((name[1].replace("``", "`") if name[1] else name[2], kind.removesuffix(" KEY")))
    return found


def one_line(text: str) -> str:
    """Return a message of a server on one line, without its full stop, control characters and what is too long."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return (line if len(line) <= _MOST_TEXT else f"{line[: _MOST_TEXT - 1]}…").rstrip(".")
