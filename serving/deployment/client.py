"""An endpoint from its client's side."""

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
    """What came back.

    Attributes:
        status: HTTP status.
        document: The body as JSON; None if it is not JSON.
        milliseconds: Time from the request to the end of the answer.
    """

    status: int
    document: Any
    milliseconds: float


@dataclass(frozen=True)
class EndpointClient:
    """A model at an endpoint that speaks the inference protocols.

    Attributes:
        url: Where predictions are asked for in V1.
        name: Name of the model.
        pool: Connections that are kept.
        base: What stands before the protocols' own paths, with the host that is connected to.
    """

    url: str
    name: str
    pool: urllib3.PoolManager
    base: str

    @classmethod
    def at(cls, url: str, *, via: str = "") -> Self:
        """The model behind a V1 URL.

        Args:
            url: The URL; a path may stand before ``/v1/models``.
            via: Host and port to connect to instead of the URL's own, such as a gateway's, where that is a name.

        Raises:
            InputError: If it is no such URL.
        """
        parts = urlsplit(url)
        before, _, rest = parts.path.rpartition("/v1/models/")
        model = rest.removesuffix(":predict")
        if (
            parts.scheme not in {"http", "https"}
            or not parts.hostname
            or not model
            or "/" in model
            or parts.path != f"{before}/v1/models/{model}:predict"
        ):
            raise InputError(f"an endpoint's URL must be http://HOST:PORT/v1/models/NAME:predict; got {quote(url)}.")
        host = via if via and not _is_address(parts.hostname) else parts.netloc
        return cls(url=url, name=model, pool=_pool(parts, host), base=f"{parts.scheme}://{host}{before}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pool.clear()

    def digest(self) -> str:
        """Digest of the bundle that the endpoint says it serves; empty if it does not say.

        Raises:
            InputError: If it does not answer.
        """
        reply = self._ask("GET", f"/v2/models/{self.name}", None)
        versions = reply.document.get("versions") if isinstance(reply.document, dict) else None
        return str(versions[0]) if isinstance(versions, list) and versions else ""

    def predict(self, instances: list[Any]) -> EndpointReply:
        """Ask for predictions in V1.

        Raises:
            InputError: If the endpoint does not answer.
        """
        return self._ask("POST", f"/v1/models/{self.name}:predict", json.dumps({"instances": instances}).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> EndpointReply:
        headers = {"Content-Type": "application/json", "Host": urlsplit(self.url).netloc}
        began = time.perf_counter()
        try:
            response = self.pool.request(method, f"{self.base}{path}", body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise InputError(f"the endpoint {self.url} does not answer; start it, or correct the URL.") from error
        took = (time.perf_counter() - began) * 1000
        try:
            document = json.loads(response.data)
        except ValueError:
            document = None
        return EndpointReply(status=response.status, document=document, milliseconds=took)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _pool(parts: SplitResult, host: str) -> urllib3.PoolManager:
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
    if parts.scheme == "https" and host != parts.netloc:
        # The certificate is the endpoint's, whoever it is that is connected to.
        named = parts.hostname
        return urllib3.PoolManager(timeout=timeout, retries=False, server_hostname=named, assert_hostname=named)
    return urllib3.PoolManager(timeout=timeout, retries=False)
