"""Reads times of PostgreSQL that Python cannot represent: ``infinity``, and years before 1 or after 9999."""

from typing import Any

from headrace.core.tables.source import BEYOND

_TYPES = ("date", "timestamp", "timestamptz")
# Other errors, such as a text that psycopg cannot parse, are not expected and stay errors.
_BEYOND_WORDS = ("too large (after year 10K", "too small (before year 1")


def allow_any_time(connection: Any) -> None:
    """Make a connection return ``BEYOND`` for such a time instead of an error that names no column.

    Args:
        connection: Of psycopg 3, whose loaders raise ``DataError`` ("timestamp too large (after year 10K)").
    """
    from psycopg import DataError  # noqa: PLC0415 - an extra
    from psycopg.adapt import Loader  # noqa: PLC0415

    def reader(inner: type[Any]) -> type[Any]:
        class AnyTime(Loader):
            def __init__(self, oid: int, context: Any = None) -> None:
                super().__init__(oid, context)
                self._inner = inner(oid, context)  # psycopg's own loader is written in C and cannot be a base class

            def load(self, data: Any) -> Any:
                try:
                    return self._inner.load(data)
                except DataError as error:
                    if not any(phrase in str(error) for phrase in _BEYOND_WORDS):
                        raise
                    return BEYOND

        AnyTime.format = inner.format
        return AnyTime

    adapters = connection.adapters
    for name in _TYPES:
        oid = adapters.types[name].oid
        for inner in filter(None, (adapters.get_loader(oid, form) for form in (0, 1))):
            adapters.register_loader(oid, reader(inner))
