"""Query ksqlDB."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.streams.ksqldb.ksql_query import KsqlQuery


def ksql_query(
    url: str,
    sql: str,
    *,
    properties: Mapping[str, Any] | None = None,
    variables: Mapping[str, str] | None = None,
    seconds: float = 60.0,
    idle_seconds: float = 0.0,
) -> "KsqlQuery":
    """Run a query on a ksqlDB server; its rows come as they are made.

    ::

        with hr.ksql_query("http://127.0.0.1:8088", "SELECT * FROM scores EMIT CHANGES LIMIT 100;") as rows:
            for row in rows:
                print(row["LABEL"])

    A pull query ends with its last row, a push query (``EMIT CHANGES``) when the server says that its ``LIMIT`` is
    reached, or with ``close``. Login and certificates come from ``HEADRACE_KSQLDB_USER``,
    ``HEADRACE_KSQLDB_PASSWORD`` and ``HEADRACE_KSQLDB_CA_FILE``.

    Args:
        url: The server, such as ``http://127.0.0.1:8088``.
        sql: The query, with its semicolon.
        properties: Properties of the query, such as ``{"auto.offset.reset": "earliest"}``; None for none.
        variables: Values of variables that the query names as ``${name}``; None for none.
        seconds: Longest time to wait for the columns of the answer.
        idle_seconds: Longest time between two rows; 0 for any.

    Returns:
        The rows: an iterator of dicts by column name, whose ``deleted`` says whether a table's row was deleted. Numbers
        of DECIMAL columns are floats of 64 bits.

    Raises:
        InputError: If the address or the query is wrong.
        BusyError: If the server has no room for the query at the moment.
        StoreError: If the server is not reached, refuses or fails; while rows are read, if it reports an error or the
            connection breaks.
    """
    from headrace.core.base.settings import ksql_settings  # noqa: PLC0415 - importing the API costs milliseconds
    from headrace.streams.ksqldb.ksql_query import KsqlQuery  # noqa: PLC0415 - as above

    return KsqlQuery(
        url,
        sql,
        properties=properties or {},
        variables=variables or {},
        seconds=seconds,
        idle_seconds=idle_seconds,
        settings=ksql_settings(),
    )
