"""The HTTP side: an ASGI application with the routes of both protocols.

It is plain ASGI: the routing, middlewares and models of a web framework would cost more than the prediction.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from headrace.core.errors import RequestError, shown
from headrace.serving import documents, replies, v1, v2
from headrace.serving.bodies import Disconnected, body
from headrace.serving.connection import Headers, Short
from headrace.serving.desk import Desk
from headrace.serving.replies import Reply
from headrace.serving.seen import Seen
from headrace.serving.served import Scored, Served

Handler = Callable[[Any, Any], Awaitable[Reply]]
Route = tuple[str, Handler, str]
"""Method, handler, and the protocol's name in metrics."""

# A longer body is read in a thread: parsing it would hold up other requests.
_QUICK_BYTES = 64 << 10


class App:
    """The application."""

    def __init__(self, desk: Desk, seen: Seen, *, repository: bool = False) -> None:
        """Open the routes.

        Args:
            desk: Where requests are answered.
            seen: What metrics and logs see.
            repository: Whether clients may load and unload the model.
        """
        self._desk = desk
        self._limits = desk.limits
        self._seen = seen
        self._repository = repository
        self._routes = self._opened()
        self.shorts: dict[tuple[bytes, bytes], Short] = {
            (b"POST", quote(f"/v1/models/{desk.live.name}:predict", safe="/:").encode()): self._short_v1,
            (b"POST", quote(f"/v2/models/{desk.live.name}/infer").encode()): self._short_v2,
        }
        desk.live.changed.append(self._reopen)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        began = time.perf_counter()
        self._seen.began()
        protocol, reply = "other", None
        try:
            route = self._routes.get(scope["path"])
            if route is not None and (route[0] == scope["method"] or (route[0] == "GET" and scope["method"] == "HEAD")):
                protocol = route[2]
                reply = await route[1](scope, receive)
            else:
                reply = _nowhere(scope, route)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - the one place that maps them to replies
            reply = replies.refusal(error)
        finally:
            self._seen.ended(scope, reply, protocol=protocol, seconds=time.perf_counter() - began)
        await _sent(reply, send, self._seen.headers(scope))

    def _reopen(self) -> None:
        self._routes = self._opened()

    def _opened(self) -> dict[str, Route]:
        served = self._desk.live.served
        first, second = f"/v1/models/{served.name}", f"/v2/models/{served.name}"
        version = f"{second}/versions/{served.digest}"
        routes: dict[str, Route] = {
            "/": ("GET", _fixed({"status": "alive"}), "other"),
            "/metrics": ("GET", self._metrics, "other"),
            "/openapi.json": ("GET", self._openapi, "other"),
            "/ping": ("GET", self._ready, "other"),
            "/health": ("GET", self._ready, "other"),
            "/invocations": ("POST", self._v1, "v1"),
            "/v1/models": ("GET", _fixed({"models": [served.name]}), "v1"),
            first: ("GET", self._model_ready, "v1"),
            f"{first}:predict": ("POST", self._v1, "v1"),
            f"{first}:explain": ("POST", self._explain, "v1"),
            "/v2": ("GET", self._server, "v2"),
            "/v2/health/live": ("GET", _fixed({"live": True}), "v2"),
            "/v2/health/ready": ("GET", self._ready, "v2"),
            "/v2/models": ("GET", _fixed({"models": [served.name]}), "v2"),
            f"{second}/versions": ("GET", _fixed({"name": served.name, "versions": [served.digest]}), "v2"),
        }
        for path in (second, version):
            routes[path] = ("GET", self._metadata, "v2")
            routes[f"{path}/ready"] = ("GET", self._model_ready, "v2")
            routes[f"{path}/infer"] = ("POST", self._v2, "v2")
        if self._repository:
            path = f"/v2/repository/models/{served.name}"
            routes[f"{path}/load"] = ("POST", self._load, "v2")
            routes[f"{path}/unload"] = ("POST", self._unload, "v2")
        return routes

    def _short_v1(self, sent: bytes, headers: Headers) -> bytes | None:
        began = time.perf_counter()
        try:
            served = self._desk.served()
            document = documents.read(sent, self._limits)
            if "parameters" in document:
                return None
            scored = served.quick(v1.asked(document, self._limits))
        except RequestError:
            return None  # the long way says why
        if scored is None:
            return None
        return self._shortly(v1.answer(served, scored), served, scored, headers, "v1", began)

    def _short_v2(self, sent: bytes, headers: Headers) -> bytes | None:
        began = time.perf_counter()
        try:
            served = self._desk.served()
            document = documents.read(sent, self._limits)
            if "parameters" in document:
                return None
            scored = served.quick(v2.asked(document, served.scorer.contract, self._limits))
            if scored is None:
                return None
            encoded, binary = v2.encoded(served, scored, document)
        except RequestError:
            return None  # the long way says why
        return None if binary >= 0 else self._shortly(encoded, served, scored, headers, "v2", began)

    def _shortly(
        self, encoded: bytes, served: Served, scored: Scored, headers: Headers, protocol: str, began: float
    ) -> bytes:
        self._seen.answered(served, scored)
        return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
            len(encoded),
            encoded,
        )

    async def _v1(self, scope: Any, receive: Any) -> Reply:
        served = self._desk.served()
        sent = await body(scope, receive, self._limits)
        if len(sent) <= _QUICK_BYTES:
            document = documents.read(sent, self._limits)
            asked = v1.asked(document, self._limits)
        else:
            document = await self._desk.aside(documents.read, sent, self._limits)
            asked = await self._desk.aside(v1.asked, document, self._limits)
        scored = await self._desk.scored(served, asked)
        explanations = None
        if "parameters" in document and v1.explained(document):
            explanations = await self._seen.explanations(served, scored, self._limits)
        self._seen.answered(served, scored)
        encoded = await self._encoded(v1.answer, len(scored.scores), served, scored, explanations)
        return _scored(encoded, scored)

    async def _explain(self, scope: Any, receive: Any) -> Reply:
        served = self._desk.served()
        document = documents.read(await body(scope, receive, self._limits), self._limits)
        scored = await self._desk.scored(served, v1.asked(document, self._limits))
        explanations = await self._seen.explanations(served, scored, self._limits)
        return _scored(v1.answer(served, scored, explanations), scored)

    async def _encoded(self, encode: Callable[..., bytes], rows: int, *arguments: Any) -> bytes:
        if rows <= 256:
            return encode(*arguments)
        return await self._desk.aside(encode, *arguments)

    async def _v2(self, scope: Any, receive: Any) -> Reply:
        served = self._desk.served()
        sent = await body(scope, receive, self._limits)
        length = next((value for name, value in scope["headers"] if name == v2.BINARY_HEADER), None)
        if len(sent) <= _QUICK_BYTES:
            document, asked = v2.parsed(sent, length, served.scorer.contract, self._limits)
        else:
            document, asked = await self._desk.aside(v2.parsed, sent, length, served.scorer.contract, self._limits)
        scored = await self._desk.scored(served, asked)
        explanations = None
        if "parameters" in document and v1.explained(document):
            explanations = await self._seen.explanations(served, scored, self._limits)
        self._seen.answered(served, scored)
        rows = len(scored.scores)
        if rows <= 256:
            encoded, json_bytes = v2.encoded(served, scored, document, explanations)
        else:
            encoded, json_bytes = await self._desk.aside(v2.encoded, served, scored, document, explanations)
        reply = _scored(encoded, scored)
        return reply if json_bytes < 0 else v2.binary_reply(reply, json_bytes)

    async def _model_ready(self, _: Any, __: Any) -> Reply:
        self._require_ready()
        return replies.json({"name": self._desk.live.name, "ready": True})

    async def _ready(self, _: Any, __: Any) -> Reply:
        self._require_ready()
        return replies.json({"ready": True})

    def _require_ready(self) -> None:
        if not self._desk.live.ready:
            raise RequestError(f"the model {self._desk.live.name} is not ready; ask again shortly.", "unready")

    async def _server(self, _: Any, __: Any) -> Reply:
        return replies.json(v2.server_metadata(repository=self._repository))

    async def _metadata(self, _: Any, __: Any) -> Reply:
        return replies.json(v2.metadata(self._desk.served()))

    async def _metrics(self, scope: Any, _: Any) -> Reply:
        content, kind = await self._seen.exposed(scope)
        return Reply(200, content, content_type=kind)

    async def _openapi(self, _: Any, __: Any) -> Reply:
        from headrace.serving.openapi import openapi  # noqa: PLC0415 - seldom asked for

        return replies.json(openapi(self._desk.served(), self._limits, repository=self._repository))

    async def _load(self, scope: Any, receive: Any) -> Reply:
        await body(scope, receive, self._limits)
        served = await self._seen.swapped(self._desk.live)
        return replies.json({"name": served.name, "load": True, "version": served.digest})

    async def _unload(self, scope: Any, receive: Any) -> Reply:
        await body(scope, receive, self._limits)
        self._desk.live.unload()
        return replies.json({"name": self._desk.live.name, "unload": True})


def _fixed(content: object) -> Handler:
    reply = replies.json(content)

    async def handle(_: Any, __: Any) -> Reply:
        return reply

    return handle


def _scored(encoded: bytes, scored: Scored) -> Reply:
    return Reply(200, encoded, rows=len(scored.scores), engine_seconds=scored.engine_seconds)


def _nowhere(scope: Any, route: Route | None) -> Reply:
    path = shown(scope["path"])
    if route is not None:
        error = RequestError(f"{path} takes {route[0]}; got {shown(scope['method'], 20)} instead.", "method")
        reply = replies.refusal(error)
        return Reply(reply.status, reply.body, headers=((b"allow", route[0].encode()),), reason="method")
    told = f"there is nothing at {path}; POST to /v1/models/NAME:predict or /v2/models/NAME/infer, GET /v2/models."
    return replies.refusal(RequestError(told, "absent"))


async def _sent(reply: Reply, send: Any, headers: list[tuple[bytes, bytes]]) -> None:
    told = [
        (b"content-type", reply.content_type),
        (b"content-length", b"%d" % len(reply.body)),
        *reply.headers,
        *headers,
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": told})
    await send({"type": "http.response.body", "body": reply.body})
