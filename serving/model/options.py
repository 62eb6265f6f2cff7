"""What a server process is told."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from headrace.core.base.errors import InputError
from headrace.core.bundles.bundle import VerificationLevel, VerificationPolicy
from headrace.core.bundles.signatures import TrustedSigner
from headrace.serving.model.limits import RequestLimits

_LARGEST_PORT = 65_535
_MOST_WORKERS = 256
OFF = -1
_TRUST = frozenset({"verify", "public_key", "identity", "issuer"})
PayloadMode = Literal["all", "request", "response"]


@dataclass(frozen=True)
class PayloadOptions:
    """Where payloads go.

    Attributes:
        sink: URL of a receiver of CloudEvents, or a file that takes one JSON document a line.
        mode: What is logged.
        share: Share of the requests that is logged, 0 to 1.
        source: What the events name as their source.
        namespace: Namespace that the events name.
    """

    sink: str
    mode: PayloadMode = "all"
    share: float = 1.0
    source: str = "headrace"
    namespace: str = ""

    def __post_init__(self) -> None:
        """Refuse a share that is none.

        Raises:
            InputError: If it is not from 0 to 1.
        """
        if not 0 <= self.share <= 1:
            raise InputError(f"--log-share must be from 0 to 1; got {self.share} instead.")


@dataclass(frozen=True)
class ServerOptions:
    """How to serve.

    Attributes:
        model: A bundle's folder or store URI.
        name: Name of the model on this endpoint; empty for its own.
        host: Address to listen on.
        port: TCP port for HTTP; 0 for one that is free.
        grpc_port: TCP port for gRPC; 0 for one that is free, -1 for no gRPC.
        workers: Processes that share the ports.
        threads: Threads of the engine for one request.
        repository: Whether clients may load and unload the model.
        drain_seconds: How long requests are still taken, while readiness is denied, after SIGTERM.
        grace_seconds: How long requests that have begun may take after that.
        address_file: JSON file that is written once requests are answered; empty for none.
        policy: What a bundle must prove before it answers.
        access_log: Whether each request is logged.
        payloads: Where payloads are logged; None for nowhere.
        verbose: Whether tracebacks and the server's own log are shown.
        limits: Bounds on requests.
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
    access_log: bool = False
    payloads: PayloadOptions | None = None
    verbose: bool = False
    limits: RequestLimits = field(default_factory=RequestLimits)

    def __post_init__(self) -> None:
        """Refuse what cannot be; the system would take a port modulo 65,536.

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
    """Return the arguments of a server process; KServe's spellings are understood too."""
    made = argparse.ArgumentParser(
        prog="python -m headrace.serving.server",
        description="Serve a bundle over HTTP and gRPC, in the protocols of KServe.",
        epilog="example: python -m headrace.serving.server --model headrace-out/demo/bundle --port 8080 --workers 2",
        allow_abbrev=False,
    )
    say = made.add_argument
    say("--model", "--model-dir", "--model_dir", required=True, help="a bundle's folder or store URI")
    say("--name", "--model-name", "--model_name", default="", help="name of the model on this endpoint")
    say("--host", default=ServerOptions.host, help="address to listen on; 0.0.0.0 for all")
    say(
        "--port",
        "--http-port",
        "--http_port",
        type=int,
        default=ServerOptions.port,
        help="TCP port; 0 for one that is free",
    )
    say(
        "--grpc-port", "--grpc_port", type=int, default=OFF, help="TCP port for gRPC; 0 for a free one; none by default"
    )
    say("--workers", type=int, default=1, help="processes that share the ports")
    say("--threads", type=int, default=1, help="threads of the engine for one request")
    say("--repository", action="store_true", help="open /v2/repository: clients may load and unload the model")
    say("--drain-seconds", type=float, default=0.0, help="serve on, but not ready, for so long after SIGTERM")
    say("--grace-seconds", type=float, default=10.0, help="longest time for requests in flight to end after that")
    say("--address-file", default="", help="JSON file to write once requests are answered")
    say(
        "--verify",
        choices=get_args(VerificationLevel),
        default="digest",
        help="what a bundle must prove before it answers",
    )
    say("--public-key", "--public_key", default="", help="key that must have signed it, for --verify signature")
    say("--identity", default="", help="identity that must have signed it without a key, for --verify signature")
    say("--issuer", default="", help="URL of who vouches for that identity")
    say("--access-log", action="store_true", help="one line of JSON for each request, on standard error")
    say("--log-url", "--log_url", default="", help="receiver of CloudEvents, or a file, for requests and answers")
    say("--log-mode", "--log_mode", choices=get_args(PayloadMode), default="all", help="what is logged there")
    say("--log-share", type=float, default=1.0, help="share of the requests that is logged there, 0 to 1")
    say("--verbose", action="store_true", help="log more, and tracebacks of failures")
    for bound in fields(RequestLimits):
        flag = f"--max-{bound.name.replace('_', '-')}"
        note = "; inflated too" if bound.name == "body_bytes" else ""
        say(flag, type=type(bound.default), default=bound.default, help=f"limit; {bound.default} unless told{note}")
    return made


def options(arguments: argparse.Namespace) -> ServerOptions:
    """Return the options that parsed arguments mean.

    Raises:
        InputError: If a value is out of range.
    """
    given = vars(arguments)
    limits = RequestLimits(**{bound.name: given[f"max_{bound.name}"] for bound in fields(RequestLimits)})
    sink = given["log_url"]
    payloads = PayloadOptions(sink, mode=given["log_mode"], share=given["log_share"]) if sink else None
    policy = _policy(given)
    rest = {key: value for key, value in given.items() if not key.startswith(("max_", "log_")) and key not in _TRUST}
    return ServerOptions(limits=limits, payloads=payloads, policy=policy, **rest)


def _policy(given: Mapping[str, Any]) -> VerificationPolicy:
    key, identity, issuer = (given[name] for name in ("public_key", "identity", "issuer"))
    trusted = key or identity or issuer
    return VerificationPolicy(
        given["verify"], TrustedSigner(Path(key) if key else None, identity, issuer) if trusted else None
    )
