"""The HTTP server's ASGI application, with the routes of both protocols.

It is plain ASGI: the routing, middleware and models of a web framework would take more time than the prediction.
"""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from headrace.core.base.errors import RequestError
from headrace.core.base.errors import quote as shown
from headrace.serving.http.predict import PredictHandler
from headrace.serving.http.request_body import ClientDisconnected, read_body
from headrace.serving.model.executor import RequestExecutor
from headrace.serving.protocols import responses, v2
from headrace.serving.protocols.codecs import V1, V2
from headrace.serving.protocols.responses import Response
from headrace.serving.telemetry import trace_context
from headrace.serving.telemetry.telemetry import RequestRecord, Telemetry

if TYPE_CHECKING:
    from headrace.serving.http.connection import FastHandler

Handler = Callable[[Any, Any], Awaitable[Response]]
Route = tuple[str, Handler, str]
"""Method, handler, and the protocol's name in metrics: ``other`` for all but predictions, such as probes."""

_METHODS = {"GET": {"GET", "HEAD"}, "POST": {"POST"}}
_CLIENT_CLOSED = Response(499, b"")


class HttpApplication:
    """Routes requests to their handlers, and records each of them."""

    def __init__(
        self, executor: RequestExecutor, telemetry: Telemetry, predictor: PredictHandler, *, repository: bool = False
    ) -> None:
        """Build the routes.

        Args:
            executor: Runs long requests in threads.
            telemetry: Records requests in metrics and logs.
            predictor: Answers predictions.
            repository: Whether clients may load and unload the model.
        """
        self._executor = executor
        self._telemetry = telemetry
        self._predictor = predictor
        self._repository = repository
        self._routes = self._build_routes()
        executor.holder.changed.append(self._reopen)
        name = quote(executor.holder.name)
        self.fast_handlers: dict[tuple[bytes, bytes], FastHandler] = {
            (b"POST", f"/v1/models/{name}:predict".encode()): partial(predictor.handle_fast, V1),
            (b"POST", f"/v2/models/{name}/infer".encode()): partial(predictor.handle_fast, V2),
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        start = time.perf_counter()
        self._telemetry.count_start()
        protocol, response = "other", _CLIENT_CLOSED
        try:
            route = self._routes.get(scope["path"])
            if route is not None and scope["method"] in _METHODS[route[0]]:
                protocol = route[2]
                response = await route[1](scope, receive)
            else:
                response = _not_found(scope, route)
        except ClientDisconnected:
            return
        except Exception as error:  # noqa: BLE001 - the one place that maps them to replies
            response = responses.error_response(error)
        finally:
            seconds = time.perf_counter() - start
            record = RequestRecord(
                protocol, scope["method"], scope["path"], response.status, seconds, response.rows, response.reason
            )
            self._telemetry.record_request(record, scope["headers"])
        await _send(response, send, trace_context.context(scope["headers"]))

    def _reopen(self) -> None:
        self._routes = self._build_routes()

    def _build_routes(self) -> dict[str, Route]:
        served = self._executor.holder.served
        v1_path, v2_path = f"/v1/models/{served.name}", f"/v2/models/{served.name}"
        version = f"{v2_path}/versions/{served.digest}"
        predict = partial(self._predictor.handle, V1)
        routes: dict[str, Route] = {
            "/": ("GET", _fixed_response({"status": "alive"}), "other"),
            "/metrics": ("GET", self._metrics, "other"),
            "/openapi.json": ("GET", self._openapi, "other"),
            "/ping": ("GET", self._ready, "other"),
            "/invocations": ("POST", predict, "v1"),
            "/v1/models": ("GET", _fixed_response({"models": [served.name]}), "other"),
            v1_path: ("GET", self._model_ready, "other"),
            f"{v1_path}:predict": ("POST", predict, "v1"),
            f"{v1_path}:explain": ("POST", partial(self._predictor.handle, V1, explain=True), "v1"),
            "/v2": ("GET", _fixed_response(v2.server_metadata(repository=self._repository)), "other"),
            "/v2/health/live": ("GET", _fixed_response({"live": True}), "other"),
            "/v2/health/ready": ("GET", self._ready, "other"),
            "/v2/models": ("GET", _fixed_response({"models": [served.name]}), "other"),
            f"{v2_path}/versions": (
                "GET",
                _fixed_response({"name": served.name, "versions": [served.digest]}),
                "other",
            ),
        }
        for path in (v2_path, version):
            routes[path] = ("GET", self._metadata, "other")
            routes[f"{path}/ready"] = ("GET", self._model_ready, "other")
            routes[f"{path}/infer"] = ("POST", partial(self._predictor.handle, V2), "v2")
        if self._repository:
            path = f"/v2/repository/models/{served.name}"
            routes[f"{path}/load"] = ("POST", self._load, "other")
            routes[f"{path}/unload"] = ("POST", self._unload, "other")
        return routes

    async def _model_ready(self, _: Any, __: Any) -> Response:
        self._executor.require_ready()
        return responses.json({"name": self._executor.holder.name, "ready": True})

    async def _ready(self, _: Any, __: Any) -> Response:
        self._executor.require_ready()
        return responses.json({"ready": True})

    async def _metadata(self, _: Any, __: Any) -> Response:
        return responses.json(v2.metadata(self._executor.current_model()))

    async def _metrics(self, scope: Any, _: Any) -> Response:
        accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
        content, content_type = await self._telemetry.render_metrics(accept.decode("latin-1"))
        return Response(200, content, content_type=content_type.encode())

    async def _openapi(self, _: Any, __: Any) -> Response:
        from headrace.serving.protocols.openapi import openapi  # noqa: PLC0415 - seldom asked for

        return responses.json(
            openapi(self._executor.current_model(), self._executor.limits, repository=self._repository)
        )

    async def _load(self, scope: Any, receive: Any) -> Response:
        await read_body(scope, receive, self._executor.limits)
        served = await self._telemetry.reload_model()
        self._telemetry.notify_workers()
        return responses.json({"name": served.name, "load": True, "version": served.digest})

    async def _unload(self, scope: Any, receive: Any) -> Response:
        await read_body(scope, receive, self._executor.limits)
        self._executor.holder.unload()
        return responses.json({"name": self._executor.holder.name, "unload": True})


def _fixed_response(content: object) -> Handler:
    response = responses.json(content)

    async def handle(_: Any, __: Any) -> Response:
        return response

    return handle


def _not_found(scope: Any, route: Route | None) -> Response:
    path = shown(scope["path"])
    if route is not None:
        error = RequestError(f"{path} takes {route[0]}; got {shown(scope['method'], 20)} instead.", "method")
        return Response(
            405, responses.error_response(error).body, headers=((b"allow", route[0].encode()),), reason="method"
        )
    message = f"there is nothing at {path}; POST to /v1/models/NAME:predict or /v2/models/NAME/infer, GET /v2/models."
    return responses.error_response(RequestError(message, "absent"))


async def _send(response: Response, send: Any, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    length = (b"content-length", b"%d" % len(response.body))
    response_headers = [(b"content-type", response.content_type), length, *response.headers, *headers]
    await send({"type": "http.response.start", "status": response.status, "headers": response_headers})
    await send({"type": "http.response.body", "body": response.body})
