"""A client of a served model."""

import ipaddress
import json
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit

import urllib3

from headrace.core.base.errors import InputError, quote

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0


@dataclass(frozen=True)
class EndpointReply:
    """The response of an endpoint.

    Attributes:
        status: HTTP status.
        document: The body as JSON; None if it is not JSON.
        milliseconds: Time from the request to the end of the response.
    """

    status: int
    document: Any
    milliseconds: float


@dataclass(frozen=True)
class EndpointClient:
    """A model at an endpoint that speaks the inference protocols.

    Attributes:
        url: URL of V1 predictions.
        name: Name of the model.
        pool: Open connections.
        base: Scheme, host to connect to, and the path before the protocols' own paths.
    """

    url: str
    name: str
    pool: urllib3.PoolManager
    base: str

    @classmethod
    def at(cls, url: str, *, gateway: str = "") -> Self:
        """Return the model behind a V1 URL.

        Args:
            url: The URL; a path may stand before ``/v1/models``.
            gateway: Host and port to connect to instead of the URL's own, such as a gateway's, where that is a name.

        Raises:
            InputError: If the URL has another form.
        """
        parts = urlsplit(url)
        prefix, _, rest = parts.path.rpartition("/v1/models/")
        model = rest.removesuffix(":predict")
        if (
            parts.scheme not in {"http", "https"}
            or not parts.hostname
            or not model
            or "/" in model
            or parts.path != f"{prefix}/v1/models/{model}:predict"
        ):
            raise InputError(f"an endpoint's URL must be http://HOST:PORT/v1/models/NAME:predict; got {quote(url)}.")
        host = gateway if gateway and not _is_address(parts.hostname) else parts.netloc
        return cls(url=url, name=model, pool=_pool(parts, host), base=f"{parts.scheme}://{host}{prefix}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pool.clear()

    def digest(self) -> str:
        """Return the digest of the bundle that the endpoint reports; empty if it reports none.

        Raises:
            InputError: If the endpoint does not answer.
        """
        reply = self._ask("GET", f"/v2/models/{self.name}", None)
        versions = reply.document.get("versions") if isinstance(reply.document, dict) else None
        return str(versions[0]) if isinstance(versions, list) and versions else ""

    def predict(self, instances: list[Any]) -> EndpointReply:
        """Request predictions in V1.

        Args:
            instances: n rows, each an object or an array of the contract's inputs.

        Raises:
            InputError: If the endpoint does not answer.
        """
        return self._ask("POST", f"/v1/models/{self.name}:predict", json.dumps({"instances": instances}).encode())

    def explain(self, instances: list[Any]) -> EndpointReply:
        """Request predictions with what each column contributed to them, in V1.

        Args:
            instances: n rows, as ``predict`` takes them.

        Raises:
            InputError: If the endpoint does not answer.
        """
        return self._ask("POST", f"/v1/models/{self.name}:explain", json.dumps({"instances": instances}).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> EndpointReply:
        headers = {"Content-Type": "application/json", "Host": urlsplit(self.url).netloc}
        start = time.perf_counter()
        try:
            response = self.pool.request(method, f"{self.base}{path}", body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise InputError(f"the endpoint {self.url} does not answer; start it, or correct the URL.") from error
        milliseconds = (time.perf_counter() - start) * 1000
        try:
            document = json.loads(response.data)
        except ValueError:
            document = None
        return EndpointReply(status=response.status, document=document, milliseconds=milliseconds)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _pool(parts: SplitResult, host: str) -> urllib3.PoolManager:
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
    if parts.scheme == "https" and host != parts.netloc:
        # The connection goes to the gateway, but the certificate is the endpoint's.
        hostname = parts.hostname
        return urllib3.PoolManager(timeout=timeout, retries=False, server_hostname=hostname, assert_hostname=hostname)
    return urllib3.PoolManager(timeout=timeout, retries=False)
