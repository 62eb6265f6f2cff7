"""Runs a query on a ksqlDB server over HTTP/1.1.

ksqlDB takes ``/query-stream`` over HTTP/1.1 since 0.24 (its change 8449). The answer comes in chunks, so that an end
differs from a connection that is lost.
"""

import contextlib
import functools
import socket
import ssl
import weakref
from collections.abc import Generator, Iterator, Mapping
from typing import Any, Self
from urllib.parse import urlsplit

import orjson
import urllib3
import urllib3.exceptions

from headrace.core.base.environment_values import KsqlSettings
from headrace.core.base.errors import BusyError, InputError, StoreError, UserError, quote
from headrace.streams.ksqldb.query_response import KsqlRow, QueryResponse, one_line

_CONNECT_SECONDS = 10.0
_CLOSE_SECONDS = 5.0
_MOST_LINE_BYTES = 64 << 20
_OK, _ONLY_HTTP2 = 200, 40004
_LOGIN = "set HEADRACE_KSQLDB_USER and HEADRACE_KSQLDB_PASSWORD"
_BUSY = (BusyError, "have room for the query; try again")
_REFUSALS: dict[int, tuple[type[UserError], str]] = {
    400: (InputError, "understand the query; it says"),
    401: (StoreError, f"accept the login; {_LOGIN}"),
    403: (StoreError, "allow this user the query; it refuses"),
    404: (StoreError, "know /query-stream; correct the address"),
    429: _BUSY,
    503: _BUSY,
}
_ACCEPT = "application/vnd.ksql.v1+json, application/vnd.ksqlapi.delimited.v1;q=0.5"
# A server that is gone without a word is noticed in about two minutes, however seldom rows come.
_KEEP_ALIVE = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
        if hasattr(socket, name)  # Linux has all three
    ),
]


class KsqlQuery:
    """The rows of a query, as they come; they are iterated once.

    The query ends at the server when the last row is read, with ``close``, at the end of a ``with`` block, or when
    nothing refers to it any more.
    """

    def __init__(
        self,
        url: str,
        sql: str,
        *,
        properties: Mapping[str, Any],
        variables: Mapping[str, str],
        seconds: float,
        idle_seconds: float,
        settings: KsqlSettings,
    ) -> None:
        """Start the query, and wait for its columns.

        Args:
            url: The server, such as ``http://127.0.0.1:8088``.
            sql: The query.
            properties: Properties of the query, such as ``auto.offset.reset``.
            variables: Values of variables that the query names as ``${name}``.
            seconds: Longest time to wait for the columns.
            idle_seconds: Longest time between two rows; 0 for any.
            settings: Login and certificates.

        Raises:
            InputError: If the address or the query is wrong.
            BusyError: If the server has no room for the query at the moment.
            StoreError: If the server is not reached, refuses or fails.
        """
        place = _require_url(url)
        if not isinstance(sql, str) or not sql.strip():
            raise InputError(f"a query of ksqlDB must be a text in SQL; got {sql!r} instead.")
        http = _open_pool(place, settings, seconds)
        body = orjson.dumps({"sql": sql, "properties": dict(properties), "sessionVariables": dict(variables)})
        with _translate(place, "before it sent the columns"):
            response = _post(http, f"{place}/query-stream", body)
        self._answer = QueryResponse(place)
        # Nothing of this may refer to the query itself, which would then be kept alive by it.
        self._end = weakref.finalize(self, _end_query, http, response, place, self._answer)
        self._drop = functools.partial(_drop, http, response)
        self._rows = _read_rows(response, self._answer, idle_seconds)
        self._next()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the n columns."""
        return tuple(self._answer.columns)

    @property
    def types(self) -> tuple[str, ...]:
        """Types of the n columns in SQL."""
        return tuple(self._answer.types)

    @property
    def query_id(self) -> str:
        """Id of the query at the server."""
        return self._answer.query_id

    @property
    def final_message(self) -> str:
        """What the server said at the end of a push query, such as ``Limit Reached``; empty before, and if nothing."""
        return self._answer.final_message

    def __iter__(self) -> Iterator[KsqlRow]:
        """Return the rows that were not read yet."""
        return self

    def __next__(self) -> KsqlRow:
        """Return the next row, as soon as it comes.

        Raises:
            StoreError: If the server reports an error, or the answer breaks off before the server ends it.
        """
        row = self._next()
        if row is None:
            raise StopIteration
        return row

    def close(self) -> None:
        """End the query at the server; rows that were not read are lost."""
        self._rows.close()
        self._end()

    def __enter__(self) -> Self:
        """Return the query."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the query at the server."""
        self.close()

    def _next(self) -> KsqlRow | None:
        try:
            return next(self._rows)
        except StopIteration:
            self._release()
            return None
        except BaseException:
            self._release()
            raise

    def _release(self) -> None:
        self._end.detach()
        self._drop()


def _read_rows(
    response: urllib3.BaseHTTPResponse, answer: QueryResponse, idle_seconds: float
) -> Generator[KsqlRow | None, None, None]:
    """Yield None once the columns are known, then each row."""
    _require_answer(response, answer.place)
    known = False
    for line in _read_lines(response, answer):
        row = answer.read_line(line)
        if row is not None:
            yield row
        elif answer.columns and not known:
            known = True
            channel = getattr(response.connection, "sock", None)
            if channel is not None:
                channel.settimeout(idle_seconds or None)
            yield None


def _read_lines(response: urllib3.BaseHTTPResponse, answer: QueryResponse) -> Iterator[bytes]:
    rest = b""
    with _translate(answer.place, "before the server ended the query"):
        for part in response.stream(1 << 16):
            *lines, rest = (rest + part).split(b"\n")
            yield from lines
            if len(rest) > _MOST_LINE_BYTES:
                raise StoreError(f"a row of ksqlDB must have at most {_MOST_LINE_BYTES} bytes; one has more.")
    if answer.ends_without_line_feed(rest):
        yield rest
        rest = b""
    answer.require_end(rest)


def _drop(http: urllib3.PoolManager, response: urllib3.BaseHTTPResponse) -> None:
    response.close()
    http.clear()


@contextlib.contextmanager
def _translate(place: str, when: str) -> Iterator[None]:
    """Turn errors of urllib3 in the block into one sentence each."""
    try:
        yield
    except urllib3.exceptions.HTTPError as error:
        reason = getattr(error, "reason", None) or error
        raise StoreError(f"ksqlDB at {place} {_describe(reason, when)}.") from error


def _describe(error: object, when: str) -> str:
    match error:
        case urllib3.exceptions.SSLError():
            return f"must show a certificate that this machine trusts; HEADRACE_KSQLDB_CA_FILE names others: {error}"
        case urllib3.exceptions.NewConnectionError() | urllib3.exceptions.ConnectTimeoutError():
            return "must be reached; nobody answers: start it, or correct the address"
        case urllib3.exceptions.TimeoutError():
            return f"must answer in time; nothing came for as long as seconds or idle_seconds allows {when}"
        case _:
            return f"must end a query itself; the connection broke off {when}: query again"


def _require_url(url: str) -> str:
    """Return the address of a server without a slash at its end."""
    try:
        parts = urlsplit(url)
        if parts.username or parts.password:
            raise InputError(f"the address of ksqlDB must hold no login; {_LOGIN} instead.")
        usable = parts.scheme in {"http", "https"} and parts.hostname and not parts.query and not parts.fragment
        _ = parts.port
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        usable = False
    if not usable:
        raise InputError(f"the address of ksqlDB must be such as http://127.0.0.1:8088; got {quote(url)} instead.")
    return url.rstrip("/")


def _open_pool(place: str, settings: KsqlSettings, seconds: float) -> urllib3.PoolManager:
    headers = {"Accept": _ACCEPT, "Content-Type": "application/json", "User-Agent": "headrace"}
    if settings.user:
        headers |= urllib3.make_headers(basic_auth=f"{settings.user}:{settings.password}")
    options: dict[str, Any] = {}
    if place.startswith("https"):
        try:
            options["ssl_context"] = ssl.create_default_context(cafile=settings.ca_file or None)
        except OSError as error:
            raise InputError(
                f"HEADRACE_KSQLDB_CA_FILE must be a file of certificates; {settings.ca_file}: {error}."
            ) from error
    return urllib3.PoolManager(
        headers=headers,
        timeout=urllib3.Timeout(connect=min(_CONNECT_SECONDS, seconds), read=seconds),
        retries=False,
        socket_options=_KEEP_ALIVE,
        **options,
    )


def _post(http: urllib3.PoolManager, url: str, body: bytes, **options: Any) -> urllib3.BaseHTTPResponse:
    return http.request("POST", url, body=body, redirect=False, preload_content=False, **options)


def _end_query(
    http: urllib3.PoolManager, response: urllib3.BaseHTTPResponse, place: str, answer: QueryResponse
) -> None:
    """Ask the server to end a query, and end the connection, which ends the query, too."""
    if answer.query_id:
        body = orjson.dumps({"queryId": answer.query_id})
        # A pull query has no id that could be closed, and one that has ended meanwhile has none any more.
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            _post(http, f"{place}/close-query", body, timeout=_CLOSE_SECONDS).close()
    _drop(http, response)


def _require_answer(response: urllib3.BaseHTTPResponse, place: str) -> None:
    """Raise if the server refuses, or its answer has no end that differs from a lost connection."""
    if response.status != _OK:
        raise _refusal(response.status, response.read(1 << 20), place)
    if not getattr(response, "chunked", False) and "Content-Length" not in response.headers:
        raise StoreError(
            f"ksqlDB at {place} must answer in chunks; without them an end is no different from a lost connection: "
            "look for a proxy that speaks HTTP/1.0."
        )


def _refusal(status: int, body: bytes, place: str) -> UserError:
    """Return the error for an answer with another status than 200."""
    try:
        found = orjson.loads(body)
        text, code = one_line(str(found["message"])), found.get("error_code")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        text, code = one_line(body.decode(errors="replace"))[:200] or "no reason", 0
    kind, sentence = _REFUSALS.get(status, (StoreError, f"answer a query with status 200; got {status}"))
    if code == _ONLY_HTTP2:
        kind, sentence = StoreError, "be 0.24 or newer, which answers over HTTP/1.1; it says"
    return kind(f"ksqlDB at {place} must {sentence}: {text}.")
