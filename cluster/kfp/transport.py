"""Requests to the API of Kubeflow Pipelines: credentials, timeouts, retries, errors in one sentence."""

import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import urllib3

from headrace.cluster.api.transport import CONNECT_SECONDS, ApiRequest, send_with_retries
from headrace.cluster.kfp.errors import translate_errors
from headrace.core.base.environment_values import KfpSettings
from headrace.core.base.errors import ClusterError
from headrace.core.runtime.signals import defer_signals

if TYPE_CHECKING:
    from kfp_server_api import ApiClient, Configuration

POD_TOKEN = Path("/var/run/secrets/kubeflow/pipelines/token")
"""Default path of KFP for a token that is projected into a pod."""


@dataclass(frozen=True)
class KfpTransport:
    """The official client, used for its credentials and its connections.

    A signal does not interrupt a request, so that its effect is always known: the signal acts after the answer.

    Attributes:
        api: The client.
        address: URL of the API.
    """

    api: "ApiClient"
    address: str

    def json(self, request: ApiRequest) -> Any:
        """Return the server's answer, as plain values.

        Raises:
            MissingError: If the requested object does not exist.
            ClusterError: If the server does not answer, or refuses.
        """
        data = send_with_retries(lambda: self._once(request), repeat=request.repeat)
        try:
            return json.loads(data or b"{}")
        except ValueError as error:
            raise ClusterError(
                f"Kubeflow Pipelines at {self.address} gave an answer that is not JSON, such as a login page's: set "
                f"HEADRACE_KFP_TOKEN or HEADRACE_KFP_COOKIE, or correct HEADRACE_KFP_ENDPOINT ({request.doing}).",
                "unauthorized",
            ) from error

    def _once(self, request: ApiRequest) -> bytes:
        with defer_signals(), translate_errors(self.address, request.doing):
            response = self.api.call_api(
                request.path,
                request.method,
                query_params=list(request.query.items()),
                header_params={"Accept": "application/json", "Content-Type": request.content_type},
                body=request.body,
                auth_settings=["Bearer"],
                _return_http_data_only=True,
                _preload_content=False,  # otherwise the client logs whole bodies
                _request_timeout=(CONNECT_SECONDS, request.read_seconds),
            )
            try:
                return bytes(response.read())
            finally:
                response.release_conn()


def form(name: str, text: str) -> tuple[bytes, str]:
    """Return a file as a multipart form, and its media type.

    Args:
        name: Name of the file.
        text: Its content.
    """
    return urllib3.encode_multipart_formdata({"uploadfile": (name, text.encode(), "application/octet-stream")})


def transport(settings: KfpSettings) -> KfpTransport:
    """Return a transport for the API without sending a request."""
    from kfp_server_api import ApiClient, Configuration  # noqa: PLC0415 - slow

    configuration = Configuration(host=settings.endpoint)
    configuration.ssl_ca_cert = settings.ca_file or None
    file = settings.token_file or (str(POD_TOKEN) if POD_TOKEN.is_file() else "")
    if settings.token:
        configuration.api_key = _bearer(settings.token)
    elif file:
        configuration.api_key = _bearer("")
        configuration.refresh_api_key_hook = lambda own: _refresh(own, file)
    api = ApiClient(configuration, cookie=settings.cookie or None)
    api.user_agent = f"headrace/{version('headrace')}"
    return KfpTransport(api, settings.endpoint)


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _refresh(configuration: "Configuration", file: str) -> None:
    """Read the token again before a request, because the kubelet renews the file."""
    try:
        token = Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ClusterError(
            f"the token in {file} for Kubeflow Pipelines cannot be read: {error.strerror}; "
            "set HEADRACE_KFP_TOKEN_FILE.",
            "config",
        ) from error
    configuration.api_key = _bearer(token)
