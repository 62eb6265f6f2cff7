"""``kserve.ModelServer`` with a chosen address, a digest in its metadata, and a hardened application.

KServe offers no parameter for any of these, so that this module overrides methods of its server, which are not meant
for that: look here first when KServe is raised to another version.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable
from typing import Any

from kserve.constants.constants import FASTAPI_APP_IMPORT_STRING
from kserve.model_server import ModelServer
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.rest.server import RESTServer

from headrace.serving.app import add_handlers, add_limit, add_routes
from headrace.serving.model import HeadraceModel


class _DataPlane(DataPlane):
    async def model_metadata(self, model_name: str) -> dict[str, Any]:
        """KServe's metadata, with the bundle's digest as the version."""
        found = dict(await super().model_metadata(model_name))
        model = self.get_model_from_registry(model_name)
        return {**found, "platform": "headrace", "versions": [model.served.version]}

    async def ready(self) -> bool:
        """Whether every model is loaded."""
        models = self.model_registry.get_models().values()
        return bool(models) and all(model.ready for model in models)

    def metadata(self) -> dict[str, Any]:
        """KServe's metadata without the extension that is closed."""
        return {**super().metadata(), "extensions": []}


class _Rest(RESTServer):
    def _register_endpoints(self, app: Any) -> None:
        add_routes(app, self.dataplane)

    def _add_middlewares(self, app: Any) -> None:
        add_limit(app)

    def _add_exception_handlers(self, app: Any) -> None:
        add_handlers(app)

    async def run_on(self, listener: socket.socket, started: Callable[[], None]) -> None:
        """Serve on a bound socket until told to end, and say when the first request can come."""
        self.create_application()

        async def tell() -> None:
            while not self._server.started:  # noqa: ASYNC110 - uvicorn has a flag, not an event
                await asyncio.sleep(0.01)
            started()

        telling = asyncio.create_task(tell())
        try:
            await self._server.serve(sockets=[listener])
        finally:
            telling.cancel()


class Server(ModelServer):
    """KServe's model server on a socket that is already bound, HTTP only."""

    def __init__(self, listener: socket.socket, *, started: Callable[[], None]) -> None:
        """Prepare to serve.

        Args:
            listener: Bound socket.
            started: Called once when requests are answered.
        """
        super().__init__(
            http_port=listener.getsockname()[1], enable_grpc=False, enable_latency_logging=False, grace_period=10
        )
        self.dataplane = _DataPlane(model_registry=self.registered_models)
        self._listener = listener
        self._started = started

    def start(self, models: list[HeadraceModel]) -> None:
        """Serve until SIGTERM or SIGINT; requests that have begun are answered."""
        self._register_and_check_atleast_one_model_is_ready(models)
        rest = _Rest(
            FASTAPI_APP_IMPORT_STRING,
            self.dataplane,
            self.model_repository_extension,
            self.http_port,
            grace_period=self.grace_period,
        )
        # uvicorn takes signals while it serves and gives them back to this handler afterwards: the work is done then.
        signal.signal(signal.SIGTERM, lambda *_: None)
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(rest.run_on(self._listener, self._started))
