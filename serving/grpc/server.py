"""The V2 inference protocol over gRPC, with the same executor as HTTP."""

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
"""Takes a request; returns the response and the number of scored rows."""


class InferenceService:
    """The methods of the protocol."""

    def __init__(
        self, executor: RequestExecutor, telemetry: Telemetry, explainer: ExplainerProcess, *, repository: bool
    ) -> None:
        """Initialize the service.

        Args:
            executor: Scores rows.
            telemetry: Records requests in metrics and logs.
            explainer: Explains answers.
            repository: Whether clients may load and unload the model.
        """
        self._executor = executor
        self._telemetry = telemetry
        self._explainer = explainer
        self._repository = repository

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the handler of all methods."""
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
        """Return a method that is counted, and whose errors become a status and a sentence."""

        async def answer(request: Any, context: Any) -> Any:
            start, rows, failure = time.perf_counter(), 0, None
            self._telemetry.count_start()
            try:
                response, rows = await call(request)
            except Exception as error:  # noqa: BLE001 - the one place that maps them to statuses
                failure = error
            finally:
                reply = responses.error_response(failure) if failure else responses.Response(200, b"")
                seconds = time.perf_counter() - start
                protocol = "grpc" if name == "ModelInfer" else "other"
                self._telemetry.record_request(
                    RequestRecord(protocol, "POST", name, reply.status, seconds, rows, reply.reason), ()
                )
            if failure is None:
                return response
            message = str(failure) if isinstance(failure, HeadraceError) else "the server failed; its log tells why."
            return await context.abort(_CODES.get(reply.reason, StatusCode.INVALID_ARGUMENT), message)

        return answer

    async def _server_live(self, _: Any) -> tuple[Any, int]:
        return messages.ServerLiveResponse(live=True), 0

    async def _server_ready(self, _: Any) -> tuple[Any, int]:
        return messages.ServerReadyResponse(ready=self._executor.holder.ready), 0

    async def _model_ready(self, request: Any) -> tuple[Any, int]:
        self._find_model(request.name, request.version)
        return messages.ModelReadyResponse(ready=self._executor.holder.ready), 0

    async def _server_metadata(self, _: Any) -> tuple[Any, int]:
        return messages.ServerMetadataResponse(**v2.server_metadata(repository=self._repository)), 0

    async def _model_metadata(self, request: Any) -> tuple[Any, int]:
        return messages.ModelMetadataResponse(**v2.metadata(self._find_model(request.name, request.version))), 0

    async def _infer(self, request: Any) -> tuple[Any, int]:
        executor = self._executor
        executor.current_model()
        served = self._find_model(request.model_name, request.model_version)
        document = grpc_codec.document(request)
        v2.requested_outputs(document, served)
        contract = served.scorer.contract
        if request.ByteSize() <= _LONG_BYTES:
            rows = grpc_codec.read_columns(request, contract, executor.limits)
        else:
            rows = await executor.run_in_thread(grpc_codec.read_columns, request, contract, executor.limits)
        scored = await executor.score(served, rows)
        explanations = None
        if v1.wants_explanations(document):
            explanations = await self._explainer.explain(served, scored, executor.limits)
        self._telemetry.record_answer(served, rows, scored)
        answer = v2.answer(served, scored, document, explanations)
        response = messages.ModelInferResponse()
        return grpc_codec.fill_response(answer, response, raw=bool(request.raw_input_contents)), len(scored.scores)

    async def _load(self, request: Any) -> tuple[Any, int]:
        self._require_repository(request.model_name)
        served = await self._telemetry.reload_model()
        self._telemetry.notify_workers()
        return messages.RepositoryModelLoadResponse(model_name=served.name, isLoaded=True), 0

    async def _unload(self, request: Any) -> tuple[Any, int]:
        self._require_repository(request.model_name)
        self._executor.holder.unload()
        return messages.RepositoryModelUnloadResponse(model_name=request.model_name, isUnloaded=True), 0

    def _require_repository(self, name: str) -> None:
        if not self._repository:
            raise RequestError("models are not loaded and unloaded by clients here.", "closed")
        self._find_model(name, "")

    def _find_model(self, name: str, version: str) -> ServedModel:
        served = self._executor.holder.served
        if name != served.name or version not in {"", served.digest}:
            description = f"{name}, version {version}" if version else name
            raise RequestError(f"there is no model {quote(description)} here; its name is {served.name}.", "absent")
        return served


@contextlib.asynccontextmanager
async def serving(service: InferenceService, address: str, options: ServerOptions) -> AsyncIterator[None]:
    """Serve gRPC for the duration of the block; requests in flight are completed.

    Args:
        service: The methods.
        address: Address to listen on, such as ``127.0.0.1:8081``.
        options: Of these, ``limits`` and ``grace_seconds`` apply.

    Raises:
        InputError: If the address is not available.
    """
    limit = options.limits.body_bytes
    channel_options = [
        ("grpc.so_reuseport", 1),  # the server process keeps a socket bound to the port, even for a single worker
        ("grpc.max_receive_message_length", limit),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", options.limits.header_bytes),
    ]
    server = grpc.aio.server(options=channel_options)
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
