"""One serving process: an event loop with HTTP, gRPC and their background tasks."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import uvloop
from uvicorn import Config, Server

from headrace.core.runtime.signals import is_ignored
from headrace.serving.http.app import HttpApplication
from headrace.serving.http.connection import BoundedConnection, sweep
from headrace.serving.http.predict import PredictHandler
from headrace.serving.model.executor import RequestExecutor
from headrace.serving.model.explainer_process import ExplainerProcess
from headrace.serving.model.model_holder import ModelHolder
from headrace.serving.model.options import OFF, ServerOptions
from headrace.serving.telemetry.telemetry import Telemetry

# Allocations, less deallocations, before a collection.
_COLLECT_AFTER = 50_000
_BACKLOG = 2048


@dataclass(frozen=True)
class ListenAddress:
    """The socket and address of a worker.

    Attributes:
        http: Bound socket.
        grpc: Address for gRPC, such as ``127.0.0.1:8081``; empty for no gRPC.
        alive: File descriptor at whose end of file the worker ends, because its parent is gone; -1 for none.
    """

    http: socket.socket
    grpc: str = ""
    alive: int = OFF


def run(
    live: ModelHolder,
    address: ListenAddress,
    options: ServerOptions,
    *,
    telemetry: Telemetry,
    started: Callable[[], None],
) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are completed.

    Args:
        live: The model.
        address: Where to listen.
        options: How to serve.
        telemetry: Records requests in metrics and logs.
        started: Called once when the server answers.
    """
    # uvicorn handles signals while it serves and raises them again afterwards; by then there is nothing left to stop.
    signal.signal(signal.SIGTERM, lambda *_: None)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(live, address, options, telemetry, started))


async def _serve(
    live: ModelHolder, address: ListenAddress, options: ServerOptions, telemetry: Telemetry, started: Callable[[], None]
) -> None:
    executor = RequestExecutor(live, options.limits)
    explainer = ExplainerProcess()
    app = HttpApplication(
        executor, telemetry, PredictHandler(executor, telemetry, explainer), repository=options.repository
    )
    server = _Http(_config(app, live, options), live, options.drain_seconds)
    _reload_on_hangup(telemetry)
    # The parent never writes to this pipe: it becomes readable only at its end of file, when the parent has died.
    if address.alive != OFF:
        asyncio.get_running_loop().add_reader(address.alive, server.end)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(executor.close)
        stack.callback(explainer.close)
        await stack.enter_async_context(telemetry.run_background())
        if address.grpc:
            from headrace.serving.grpc import server as grpc_server  # noqa: PLC0415 - a server without gRPC does not pay for it

            service = grpc_server.InferenceService(executor, telemetry, explainer, repository=options.repository)
            await stack.enter_async_context(grpc_server.serving(service, address.grpc, options))
        # In a thread: requests on the fast path need none of these imports and are answered meanwhile.
        warm_up = asyncio.get_running_loop().run_in_executor(None, _warm)
        stack.push_async_callback(asyncio.wait_for, warm_up, None)
        _collect_less()
        sweeper = asyncio.create_task(sweep(server.server_state.connections, options.limits))
        report_start = asyncio.create_task(_tell(server, started))
        try:
            await server.serve(sockets=[address.http])
        finally:
            sweeper.cancel()
            report_start.cancel()


def _collect_less() -> None:
    """Exclude objects loaded at the start from garbage collections, and collect seldom: requests create no cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)


def _warm() -> None:
    """Import what the full path needs, so that its first request does not wait for imports."""
    import headrace.core.features.model_matrix  # noqa: PLC0415
    import headrace.core.features.row_features  # noqa: PLC0415
    import headrace.core.validation.records  # noqa: F401, PLC0415


def _config(app: HttpApplication, live: ModelHolder, options: ServerOptions) -> Config:
    attributes = {
        "limits": options.limits,
        "fast_handlers": app.fast_handlers,
        "draining": staticmethod(lambda: live.draining),
    }
    connection_class = type("LimitedConnection", (BoundedConnection,), attributes)
    return Config(
        app,
        http=connection_class,
        ws="none",
        lifespan="off",
        loop="none",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=int(options.limits.idle_seconds) + 1,
        timeout_graceful_shutdown=int(options.grace_seconds),
    )


async def _tell(server: Server, started: Callable[[], None]) -> None:
    while not server.started:  # noqa: ASYNC110 - uvicorn has a flag, not an event
        await asyncio.sleep(0.001)
    started()


class _Http(Server):
    """uvicorn's server, which may serve for a while after SIGTERM while it reports not ready."""

    def __init__(self, config: Config, live: ModelHolder, drain_seconds: float) -> None:
        super().__init__(config)
        self._live = live
        self._drain_seconds = drain_seconds
        self._interruptible = not is_ignored(signal.SIGINT)  # read before uvicorn installs its handler

    def handle_exit(self, sig: int, frame: Any) -> None:
        if sig == signal.SIGINT and not self._interruptible:
            return
        if sig == signal.SIGTERM and self._drain_seconds and not self._live.draining:
            self._live.draining = True
            asyncio.get_running_loop().call_later(self._drain_seconds, self.end)
        else:
            super().handle_exit(sig, frame)

    def end(self) -> None:
        """Accept no more connections, and end with the last request."""
        self.should_exit = True


def _reload_on_hangup(telemetry: Telemetry) -> None:
    """Read the model again on SIGHUP; a bundle that is refused changes nothing."""
    loop = asyncio.get_running_loop()
    reading: set[asyncio.Task[Any]] = set()  # references, since the event loop keeps only weak ones

    def reload() -> None:
        task = loop.create_task(telemetry.reload_or_log())
        reading.add(task)
        task.add_done_callback(reading.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
