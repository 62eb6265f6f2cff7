"""The V2 inference protocol over gRPC, answered by the same desk as HTTP."""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from grpc import StatusCode

from headrace.core.base.errors import HeadraceError, InputError, RequestError, quote
from headrace.serving.grpc.kserve_messages import without_clients
from headrace.serving.model.executor import RequestExecutor
from headrace.serving.model.explainer_process import ExplainerProcess
from headrace.serving.model.options import ServerOptions
from headrace.serving.model.served_model import ServedModel
from headrace.serving.protocols import grpc_codec, responses, v1, v2
from headrace.serving.telemetry.telemetry import RequestRecord, Telemetry

without_clients()
from kserve.protocol.grpc import grpc_predict_v2_pb2 as messages  # noqa: E402 - see without_clients

SERVICE = "inference.GRPCInferenceService"
_CODES = {
    "absent": StatusCode.NOT_FOUND,
    "busy": StatusCode.RESOURCE_EXHAUSTED,
    "size": StatusCode.RESOURCE_EXHAUSTED,
    "slow": StatusCode.DEADLINE_EXCEEDED,
    "unready": StatusCode.UNAVAILABLE,
    "closed": StatusCode.UNIMPLEMENTED,
    "server": StatusCode.INTERNAL,
}
_LONG_BYTES = 64 << 10
Call = Callable[[Any], Awaitable[tuple[Any, int]]]
"""Takes a request; gives the response and how many rows were scored."""


class InferenceService:
    """The methods of the protocol."""

    def __init__(
        self, desk: RequestExecutor, seen: Telemetry, explaining: ExplainerProcess, *, repository: bool
    ) -> None:
        """Prepare to answer.

        Args:
            desk: Where rows are scored.
            seen: What metrics and logs see.
            explaining: Who explains answers.
            repository: Whether clients may load and unload the model.
        """
        self._desk = desk
        self._seen = seen
        self._explaining = explaining
        self._repository = repository

    def handler(self) -> grpc.GenericRpcHandler:
        """Return all methods, as gRPC wants them."""
        methods: dict[str, Call] = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._server_metadata,
            "ModelMetadata": self._model_metadata,
            "ModelInfer": self._infer,
            "RepositoryModelLoad": self._load,
            "RepositoryModelUnload": self._unload,
        }
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                self._wrap_method(name, call),
                request_deserializer=getattr(messages, f"{name}Request").FromString,
                response_serializer=getattr(messages, f"{name}Response").SerializeToString,
            )
            for name, call in methods.items()
        }
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    def _wrap_method(self, name: str, call: Call) -> Callable[[Any, Any], Awaitable[Any]]:
        """Return a method whose refusals become a status and a sentence, and which is counted."""

        async def answer(request: Any, context: Any) -> Any:
            began, rows, failure = time.perf_counter(), 0, None
            self._seen.began()
            try:
                response, rows = await call(request)
            except Exception as error:  # noqa: BLE001 - the one place that maps them to statuses
                failure = error
            finally:
                reply = responses.refusal(failure) if failure else responses.Response(200, b"")
                seconds = time.perf_counter() - began
                protocol = "grpc" if name == "ModelInfer" else "other"
                self._seen.record_request(
                    RequestRecord(protocol, "POST", name, reply.status, seconds, rows, reply.reason), ()
                )
            if failure is None:
                return response
            told = str(failure) if isinstance(failure, HeadraceError) else "the server failed; its log tells why."
            return await context.abort(_CODES.get(reply.reason, StatusCode.INVALID_ARGUMENT), told)

        return answer

    async def _server_live(self, _: Any) -> tuple[Any, int]:
        return messages.ServerLiveResponse(live=True), 0

    async def _server_ready(self, _: Any) -> tuple[Any, int]:
        return messages.ServerReadyResponse(ready=self._desk.live.ready), 0

    async def _model_ready(self, request: Any) -> tuple[Any, int]:
        self._find_model(request.name, request.version)
        return messages.ModelReadyResponse(ready=self._desk.live.ready), 0

    async def _server_metadata(self, _: Any) -> tuple[Any, int]:
        return messages.ServerMetadataResponse(**v2.server_metadata(repository=self._repository)), 0

    async def _model_metadata(self, request: Any) -> tuple[Any, int]:
        return messages.ModelMetadataResponse(**v2.metadata(self._find_model(request.name, request.version))), 0

    async def _infer(self, request: Any) -> tuple[Any, int]:
        desk = self._desk
        desk.current_model()
        served = self._find_model(request.model_name, request.model_version)
        document = grpc_codec.document(request)
        v2.requested_outputs(document, served)
        contract = served.scorer.contract
        if request.ByteSize() <= _LONG_BYTES:
            asked = grpc_codec.read_columns(request, contract, desk.limits)
        else:
            asked = await desk.aside(grpc_codec.read_columns, request, contract, desk.limits)
        scored = await desk.score(served, asked)
        explanations = None
        if v1.wants_explanations(document):
            explanations = await self._explaining.explain(served, scored, desk.limits)
        self._seen.record_answer(served, asked, scored)
        answer = v2.answer(served, scored, document, explanations)
        response = messages.ModelInferResponse()
        return grpc_codec.fill_response(answer, response, raw=bool(request.raw_input_contents)), len(scored.scores)

    async def _load(self, request: Any) -> tuple[Any, int]:
        self._require_repository(request.model_name)
        served = await self._seen.reload_model()
        self._seen.told_others()
        return messages.RepositoryModelLoadResponse(model_name=served.name, isLoaded=True), 0

    async def _unload(self, request: Any) -> tuple[Any, int]:
        self._require_repository(request.model_name)
        self._desk.live.unload()
        return messages.RepositoryModelUnloadResponse(model_name=request.model_name, isUnloaded=True), 0

    def _require_repository(self, name: str) -> None:
        if not self._repository:
            raise RequestError("models are not loaded and unloaded by clients here.", "closed")
        self._find_model(name, "")

    def _find_model(self, name: str, version: str) -> ServedModel:
        served = self._desk.live.served
        if name != served.name or version not in {"", served.digest}:
            told = f"{name}, version {version}" if version else name
            raise RequestError(f"there is no model {quote(told)} here; its name is {served.name}.", "absent")
        return served


@contextlib.asynccontextmanager
async def serving(service: InferenceService, address: str, options: ServerOptions) -> AsyncIterator[None]:
    """Serve gRPC for the length of the block; requests that have begun are answered.

    Args:
        service: The methods.
        address: Where to listen, such as ``127.0.0.1:8081``.
        options: How to serve; ``limits`` and ``grace_seconds`` are read here.

    Raises:
        InputError: If the address cannot be listened on.
    """
    most = options.limits.body_bytes
    told = [
        ("grpc.so_reuseport", 1),  # the parent holds the port with a socket of its own, even for a single worker
        ("grpc.max_receive_message_length", most),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", options.limits.header_bytes),
    ]
    server = grpc.aio.server(options=told)
    server.add_generic_rpc_handlers((service.handler(),))
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise InputError(f"cannot listen on {address}; choose another port with --grpc-port.") from error
    await server.start()
    try:
        yield
    finally:
        await server.stop(options.grace_seconds)
