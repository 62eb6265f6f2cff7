"""Options of a server process."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from headrace.core.base.errors import InputError
from headrace.core.bundles.bundle import VerificationLevel, VerificationPolicy
from headrace.core.bundles.signatures import TrustedSigner
from headrace.core.robustness.input_guard import GuardUse
from headrace.serving.model.limits import RequestLimits

_LARGEST_PORT = 65_535
_MOST_WORKERS = 256
OFF = -1
_TRUST = frozenset({"verify", "public_key", "identity", "issuer"})
PayloadMode = Literal["all", "request", "response"]


@dataclass(frozen=True)
class PayloadOptions:
    """Options of the payload log.

    Attributes:
        sink: URL of a receiver of CloudEvents, or a file that takes one JSON document a line.
        mode: Whether to log requests, responses, or both.
        sample_rate: Share of the requests to log, 0 to 1.
        source: The events' source.
        namespace: The events' namespace.
    """

    sink: str
    mode: PayloadMode = "all"
    sample_rate: float = 1.0
    source: str = "headrace"
    namespace: str = ""

    def __post_init__(self) -> None:
        """Raise if the sample rate is invalid.

        Raises:
            InputError: If the sample rate is not from 0 to 1.
        """
        if not 0 <= self.sample_rate <= 1:
            raise InputError(f"--log-sample-rate must be from 0 to 1; got {self.sample_rate} instead.")
        path = Path(self.sink)
        if "://" not in self.sink and (path.is_dir() or not os.access(path.parent, os.W_OK)):
            raise InputError(
                f"--log-url must be a receiver's URL, or a file that can be written; {self.sink} is neither: its "
                "folder must exist."
            )


@dataclass(frozen=True)
class ServerOptions:
    """Options of a server.

    Attributes:
        model: A bundle's folder or store URI.
        name: Name of the model on this endpoint; empty for its own.
        host: Address to listen on.
        port: TCP port for HTTP; 0 for a free one.
        grpc_port: TCP port for gRPC; 0 for a free one, -1 for no gRPC.
        workers: Processes that share the ports.
        threads: Threads of the engine for one request.
        repository: Whether clients may load and unload the model.
        drain_seconds: How long to accept requests after SIGTERM while reporting not ready.
        grace_seconds: How long requests in flight may take after that.
        address_file: JSON file to write once the server answers; empty for none.
        policy: What to verify of a bundle before it serves.
        unusual_rows: What becomes of rows unlike the training rows: ``off``, ``count``, ``warn`` or ``refuse``.
        access_log: Whether to log each request.
        payloads: Options of the payload log; None for no log.
        verbose: Whether to show tracebacks and the server's own log.
        limits: Limits of requests.
    """

    model: str
    name: str = ""
    host: str = "127.0.0.1"
    port: int = 8080
    grpc_port: int = OFF
    workers: int = 1
    threads: int = 1
    repository: bool = False
    drain_seconds: float = 0.0
    grace_seconds: float = 10.0
    address_file: str = ""
    policy: VerificationPolicy = field(default_factory=VerificationPolicy)
    unusual_rows: GuardUse = "count"
    access_log: bool = False
    payloads: PayloadOptions | None = None
    verbose: bool = False
    limits: RequestLimits = field(default_factory=RequestLimits)

    def __post_init__(self) -> None:
        """Raise if an option is out of range; the system would take a port modulo 65,536.

        Raises:
            InputError: If a value is out of range.
        """
        _within("--port", self.port, 0, _LARGEST_PORT)
        _within("--grpc-port", self.grpc_port, OFF, _LARGEST_PORT)
        _within("--workers", self.workers, 1, _MOST_WORKERS)
        _within("--threads", self.threads, 1, _MOST_WORKERS)
        _within("--drain-seconds", self.drain_seconds, 0, 3600)
        _within("--grace-seconds", self.grace_seconds, 0, 3600)


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(f"{name} must be from {low} to {high}; got {value} instead.")


def parser() -> argparse.ArgumentParser:
    """Return the parser of a server's arguments; it also accepts KServe's spellings."""
    result = argparse.ArgumentParser(
        prog="python -m headrace.serving.server",
        description="Serve a bundle over HTTP and gRPC, in the protocols of KServe.",
        epilog="example: python -m headrace.serving.server --model headrace-out/demo/bundle --port 8080 --workers 2",
        allow_abbrev=False,
    )
    add = result.add_argument
    add("--model", "--model-dir", "--model_dir", required=True, help="a bundle's folder or store URI")
    add("--name", "--model-name", "--model_name", default="", help="name of the model on this endpoint")
    add("--host", default=ServerOptions.host, help="address to listen on; 0.0.0.0 for all")
    add(
        "--port",
        "--http-port",
        "--http_port",
        type=int,
        default=ServerOptions.port,
        help="TCP port; 0 for one that is free",
    )
    add(
        "--grpc-port", "--grpc_port", type=int, default=OFF, help="TCP port for gRPC; 0 for a free one; none by default"
    )
    add("--workers", type=int, default=1, help="processes that share the ports")
    add("--threads", type=int, default=1, help="threads of the engine for one request")
    add("--repository", action="store_true", help="open /v2/repository: clients may load and unload the model")
    add("--drain-seconds", type=float, default=0.0, help="serve on, but not ready, for so long after SIGTERM")
    add("--grace-seconds", type=float, default=10.0, help="longest time for requests in flight to end after that")
    add("--address-file", default="", help="JSON file to write once requests are answered")
    add(
        "--verify",
        choices=get_args(VerificationLevel),
        default="digest",
        help="what a bundle must prove before it answers",
    )
    add("--public-key", "--public_key", default="", help="key that must have signed it, for --verify signature")
    add("--identity", default="", help="identity that must have signed it without a key, for --verify signature")
    add("--issuer", default="", help="URL of who vouches for that identity")
    add(
        "--unusual-rows",
        choices=get_args(GuardUse),
        default=ServerOptions.unusual_rows,
        help="rows unlike the training rows: not looked for, counted, answered with a warning, or refused (422)",
    )
    add("--access-log", action="store_true", help="one line of JSON for each request, on standard error")
    add("--log-url", "--log_url", default="", help="receiver of CloudEvents, or a file, for requests and answers")
    add("--log-mode", "--log_mode", choices=get_args(PayloadMode), default="all", help="what is logged there")
    add("--log-sample-rate", type=float, default=1.0, help="share of the requests that is logged there, 0 to 1")
    add("--verbose", action="store_true", help="log more, and tracebacks of failures")
    for bound in fields(RequestLimits):
        flag = f"--max-{bound.name.replace('_', '-')}"
        note = "; inflated too" if bound.name == "body_bytes" else ""
        add(flag, type=type(bound.default), default=bound.default, help=f"limit; default {bound.default}{note}")
    return result


def parse_options(arguments: argparse.Namespace) -> ServerOptions:
    """Return the options from parsed arguments.

    Raises:
        InputError: If a value is out of range.
    """
    values = vars(arguments)
    limits = RequestLimits(**{limit.name: values[f"max_{limit.name}"] for limit in fields(RequestLimits)})
    sink = values["log_url"]
    payloads = PayloadOptions(sink, mode=values["log_mode"], sample_rate=values["log_sample_rate"]) if sink else None
    policy = _policy(values)
    rest = {key: value for key, value in values.items() if not key.startswith(("max_", "log_")) and key not in _TRUST}
    return ServerOptions(limits=limits, payloads=payloads, policy=policy, **rest)


def _policy(values: Mapping[str, Any]) -> VerificationPolicy:
    key, identity, issuer = (values[name] for name in ("public_key", "identity", "issuer"))
    trusted = key or identity or issuer
    return VerificationPolicy(
        values["verify"], TrustedSigner(Path(key) if key else None, identity, issuer) if trusted else None
    )
