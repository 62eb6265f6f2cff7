"""The HTTP side: which routes are open, how much they read, and how they fail."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from kserve.errors import ModelNotFound, ModelNotReady
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.rest.server import metrics_handler
from kserve.protocol.rest.v1_endpoints import V1Endpoints
from kserve.protocol.rest.v2_endpoints import V2Endpoints
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headrace.core.errors import InputError, UserError, shown
from headrace.serving.codec import document
from headrace.serving.model import Call

MAX_BODY_BYTES = 16 << 20


class TooLargeError(InputError):
    """A body is longer than the server takes."""


def add_routes(app: FastAPI, dataplane: DataPlane) -> None:
    """Open the routes that are served, and no others: not KServe's repository, which unloads models for anyone."""
    v1, v2 = V1Endpoints(dataplane), V2Endpoints(dataplane)
    opened: dict[str, Callable[..., Any]] = {
        "/": dataplane.live,
        "/metrics": metrics_handler,
        "/v1/models": v1.models,
        "/v1/models/{model_name}": v1.model_ready,
        "/v2": v2.metadata,
        "/v2/health/live": v2.live,
        "/v2/health/ready": v2.ready,
        "/v2/models": v2.models,
        "/v2/models/{model_name}": v2.model_metadata,
        "/v2/models/{model_name}/ready": v2.model_ready,
    }
    for protocol, path in (("v1", "/v1/models/{model_name}:predict"), ("v2", "/v2/models/{model_name}/infer")):
        app.add_route(path, _handler(dataplane, protocol), methods=["POST"])
    for path, endpoint in opened.items():
        app.add_api_route(path, endpoint, methods=["GET"], response_class=JSONResponse)


def add_limit(app: FastAPI, *, max_body_bytes: int = MAX_BODY_BYTES) -> None:
    """Refuse longer bodies."""
    app.add_middleware(_Limit, max_body_bytes=max_body_bytes)


def add_handlers(app: FastAPI) -> None:
    """Make every failure one sentence without the text of an exception."""
    for kind, handle in _HANDLERS.items():
        app.add_exception_handler(kind, handle)


def _handler(dataplane: DataPlane, protocol: str) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        if "inference-header-content-length" in request.headers:
            raise InputError("tensors must be sent as JSON; binary tensors are not served.")
        call = Call(protocol, document(await request.body()))
        answer, _ = await dataplane.infer(request.path_params["model_name"], call)
        return _json(200, answer)

    return handle


class _Limit:
    """Refuses bodies that are longer than allowed, by their announced length or while they arrive."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self.app = app
        self.most = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > self.most:
            await _json(413, {"error": self._sentence()})(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.most:
                raise TooLargeError(self._sentence())
            return message

        await self.app(scope, counted, send)

    def _sentence(self) -> str:
        return f"a body must have at most {self.most} bytes; send fewer rows at a time."


def _json(status: int, content: Any) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")


async def _user_error(_: Request, error: Exception) -> Response:
    return _json(413 if isinstance(error, TooLargeError) else 400, {"error": str(error)})


async def _not_found(request: Request, _: Exception) -> Response:
    name = shown(request.path_params.get("model_name", ""))
    return _json(404, {"error": f"there is no model {name} here; /v2/models lists those that there are."})


async def _not_ready(_: Request, __: Exception) -> Response:
    return _json(503, {"error": "the model is not ready; ask again shortly."})


async def _http(request: Request, error: Exception) -> Response:
    path = shown(request.url.path)
    status = error.status_code if isinstance(error, HTTPException) else 400
    told = {
        404: f"there is nothing at {path}; POST to /v1/models/NAME:predict or /v2/models/NAME/infer.",
        405: f"{path} does not take {request.method}.",
    }
    return _json(status, {"error": told.get(status, "the request cannot be read.")})


async def _unreadable(_: Request, __: Exception) -> Response:
    return _json(400, {"error": "the request cannot be read."})


async def _internal(_: Request, __: Exception) -> Response:
    return _json(500, {"error": "the server failed; its log tells why."})


_HANDLERS: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
    UserError: _user_error,
    ModelNotFound: _not_found,
    ModelNotReady: _not_ready,
    HTTPException: _http,
    RequestValidationError: _unreadable,
    Exception: _internal,
}
