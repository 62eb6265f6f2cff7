"""PostgreSQL's times that Python has not: ``infinity``, and years before 1 or after 9999."""

from typing import Any

from headrace.core.tables.source import BEYOND

_TYPES = ("date", "timestamp", "timestamptz")
# Of other errors, such as a text that psycopg cannot parse, nothing is known.
_BEYOND_WORDS = ("too large (after year 10K", "too small (before year 1")


def allow_any_time(connection: Any) -> None:
    """Have a connection give ``BEYOND`` for such a time instead of an error that names no column.

    Args:
        connection: Of psycopg 3, whose own readers raise ``DataError`` ("timestamp too large (after year 10K)").
    """
    from psycopg import DataError  # noqa: PLC0415 - an extra
    from psycopg.adapt import Loader  # noqa: PLC0415

    def reader(inner: type[Any]) -> type[Any]:
        class AnyTime(Loader):
            def __init__(self, oid: int, context: Any = None) -> None:
                super().__init__(oid, context)
                self._inner = inner(oid, context)  # psycopg's own, written in C, which cannot be a base

            def load(self, data: Any) -> Any:
                try:
                    return self._inner.load(data)
                except DataError as error:
                    if not any(words in str(error) for words in _BEYOND_WORDS):
                        raise
                    return BEYOND

        AnyTime.format = inner.format
        return AnyTime

    adapters = connection.adapters
    for name in _TYPES:
        oid = adapters.types[name].oid
        for inner in filter(None, (adapters.get_loader(oid, form) for form in (0, 1))):
            adapters.register_loader(oid, reader(inner))
