"""What is seen of a server from outside: metrics, logs, traces."""

import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

from headrace.core.errors import HeadraceError, RequestError
from headrace.serving.limits import Limits
from headrace.serving.live import Live
from headrace.serving.replies import Reply
from headrace.serving.served import Scored, Served

_logger = logging.getLogger(__name__)


class Seen:
    """What the application tells about each request."""

    def began(self) -> None:
        """A request came in."""

    def ended(self, scope: Any, reply: Reply | None, *, protocol: str, seconds: float) -> None:
        """A request was answered, or its client left (no reply)."""

    def answered(self, served: Served, scored: Scored) -> None:
        """Rows were scored."""

    def headers(self, scope: Any) -> list[tuple[bytes, bytes]]:
        """Further headers of the reply."""
        return []

    async def explanations(self, served: Served, scored: Scored, limits: Limits) -> list[Any]:
        raise RequestError("explanations are not there yet.")

    async def exposed(self, scope: Any) -> tuple[bytes, bytes]:
        return b"", b"text/plain"

    async def swapped(self, live: Live) -> Served:
        return await live.load()

    async def swapped_quietly(self, live: Live) -> None:
        try:
            await live.load()
        except HeadraceError as error:
            _logger.error("the model was not changed: %s", error)

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        yield
