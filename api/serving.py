"""Serve a model on this machine, and request predictions from an endpoint."""

import contextlib
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.api.model_names import model_name
from headrace.api.model_reference import ModelReference, resolve_model
from headrace.api.notebook.result_views import html_or_none
from headrace.api.server_command import server_arguments
from headrace.api.tables import RowsReference, request_rows
from headrace.core.base.errors import InternalError, RequestError, quote
from headrace.core.base.files import read_json
from headrace.core.runtime.processes import lease, running
from headrace.serving.deployment.client import EndpointClient, EndpointReply
from headrace.serving.deployment.local import Endpoint, LocalDeployer

if TYPE_CHECKING:
    from headrace.reports.notebook.fragment import Fragment

_FAULT_STATUS = 500
_ERROR_STATUS = 400


@dataclass(frozen=True, repr=False)
class ModelEndpoint:
    """A live endpoint.

    Attributes:
        deployment: The deployer's record: ``url``, ``name``, ``digest``, where it is and what was live before.
        gateway: Host and port to connect to in place of the URL's own; empty for the URL's.
        log: Log file of a server of this machine; None on a cluster.
        bundle: Folder of its bundle, or its address; empty if that is not known.
    """

    deployment: Endpoint
    gateway: str = field(default="", repr=False)
    log: Path | None = field(default=None, repr=False)
    bundle: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """URL for predictions, in the V1 protocol."""
        return self.deployment.url

    @property
    def name(self) -> str:
        """Name of the model on the endpoint."""
        return self.deployment.name

    @property
    def digest(self) -> str:
        """SHA-256 that names its bundle, as the endpoint itself reports it."""
        return self.deployment.digest

    def predict(self, rows: RowsReference) -> list[dict[str, Any]]:
        """Predict some rows in one request; for whole tables, ``score`` is faster.

        Args:
            rows: Rows (n): a data frame, or a list of mappings by column name or of lists in the contract's order.

        Returns:
            n predictions: ``{"label": ..., "probabilities": {...}}`` each, or ``{"value": ...}`` for a regression.
            Violations of rules that only warn are issued as a ``UserWarning``.

        Raises:
            RequestError: If the endpoint refuses the rows, because they break the contract or are too many.
            InputError: If the rows have no form in JSON, or the endpoint does not respond.
            InternalError: If the endpoint fails.
        """
        with EndpointClient.at(self.url, gateway=self.gateway) as remote:
            document = _checked_document(remote.predict(request_rows(rows)), self.url)
        for text in document.get("warnings", []):
            warnings.warn(str(text), UserWarning, stacklevel=2)
        return list(document["predictions"])

    def explain(self, rows: RowsReference) -> list[dict[str, Any]]:
        """Return what each column contributed to the predictions of some rows (docs/guides/explanations.md).

        Args:
            rows: Rows (n), as ``predict`` takes them, at most 100.

        Returns:
            n explanations, each with ``scale``, ``base`` and ``contributions`` by column.

        Raises:
            RequestError: If the model's family has no exact contributions, shap is not installed where the endpoint
                runs, or the rows are refused.
            InputError: If the rows have no form in JSON, or the endpoint does not respond.
            InternalError: If the endpoint fails.
        """
        with EndpointClient.at(self.url, gateway=self.gateway) as remote:
            document = _checked_document(remote.explain(request_rows(rows)), self.url)
        return list(document.get("explanations", []))

    @property
    def example(self) -> Any:
        """A row that the model takes, from the bundle's test cases; None if the bundle is not on this machine."""
        cases = Path(self.bundle) / "cases.json"
        if not self.bundle or "://" in self.bundle or not cases.exists():
            return None
        found = read_json(cases)["cases"]
        return found[0]["request"] if found else None

    def _repr_html_(self) -> str | None:
        """Return URL, state, model and an example, as a notebook shows them; the endpoint is not asked."""
        return html_or_none(self._describe)

    def _describe(self) -> "Fragment":
        from headrace.reports.notebook.models import describe_endpoint  # noqa: PLC0415 - only a notebook needs it

        return describe_endpoint(
            self.url,
            name=self.name,
            digest=self.digest,
            platform=self.deployment.platform,
            is_live=running(self.deployment.pid) if self.deployment.pid else None,
            example=self.example,
        )

    def __repr__(self) -> str:
        """Return one line: name, URL, and the model's digest."""
        ended = ", ended" if self.deployment.pid and not running(self.deployment.pid) else ""
        return f"<ModelEndpoint {self.name}: {self.url}, model {self.digest[:12]}{ended}>"


def _checked_document(reply: EndpointReply, url: str) -> dict[str, Any]:
    document = reply.document if isinstance(reply.document, dict) else {}
    if reply.status < _ERROR_STATUS and "predictions" in document:
        return document
    message = (
        str(document.get("error", "")) or f"{url} responded with status {reply.status} and {quote(reply.document)}."
    )
    if reply.status >= _FAULT_STATUS:
        raise InternalError(message)
    raise RequestError(message)


@contextlib.contextmanager
def serve(
    model: ModelReference,
    *,
    port: int = 0,
    host: str = "127.0.0.1",
    name: str = "",
    workers: int = 1,
    grpc_port: int = 0,
    verify: str = "digest",
    public_key: str | Path = "",
    identity: str = "",
    issuer: str = "",
    unusual_rows: str = "count",
    access_log: bool = False,
    log_url: str = "",
    verbose: bool = False,
) -> Iterator[ModelEndpoint]:
    """Serve a model on this machine for the length of the block, as ``headrace serve`` does.

    The server is a process of its own. It ends with the block, and with this process, however that ends.

    >>> import headrace.api as hr
    >>> with hr.serve("headrace-out/customers") as endpoint:
    ...     row = {"age": 72, "spend": 20.5, "plan": "basic", "joined": "2024-05-01 10:15:00"}
    ...     (prediction,) = endpoint.predict([row])
    >>> prediction["label"]
    'yes'

    Args:
        model: A ``Run`` or a ``Bundle``, a folder of one, a store URI, or ``NAME@VERSION``.
        port: Port to listen on; 0 for a free one (the command's default is 8080).
        host: Address to listen on; ``0.0.0.0`` for all.
        name: Name of the endpoint; empty for the model's.
        workers: Processes that share the port, 1 to 256.
        grpc_port: Port for gRPC; 0 for no gRPC.
        verify: What is verified before the bundle is served: ``off``, ``digest`` or ``signature``.
        public_key: File of the key that must have signed it, for ``signature``.
        identity: Identity that must have signed it without a key.
        issuer: URL of who vouches for that identity.
        unusual_rows: What becomes of rows unlike the training rows: ``off``, ``count``, ``warn`` or ``refuse``.
        access_log: Whether the log has one line of JSON for each request.
        log_url: Receiver of CloudEvents, or a file, for requests and responses.
        verbose: Whether the server logs more, and tracebacks.

    Yields:
        The live endpoint; its ``log`` exists until the block ends.

    Raises:
        MissingError: If there is no such model.
        InputError: If the server refuses the bundle or an option; the message is the server's.
        InternalError: If the server fails, or is not ready in time.
    """
    arguments = server_arguments(
        port=port,
        host=host,
        workers=workers,
        grpc_port=grpc_port,
        verify=verify,
        public_key=str(public_key),
        identity=identity,
        issuer=issuer,
        unusual_rows=unusual_rows,
        access_log=access_log,
        log_url=log_url,
        verbose=verbose,
    )
    bundle = resolve_model(model)
    folder = Path(tempfile.mkdtemp(prefix="headrace-"))
    try:
        with lease(folder / "lease") as lease_path:
            log = folder / "server.log"
            # A fork of a notebook or a user's program would carry all of its memory and open files.
            deployer = LocalDeployer(lease_path=lease_path, log=log, fork=False, arguments=tuple(arguments))
            endpoint = deployer.deploy(bundle, name=model_name(name) if name else "")
            try:
                yield ModelEndpoint(endpoint, log=log, bundle=bundle)
            finally:
                deployer.undeploy(endpoint)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
