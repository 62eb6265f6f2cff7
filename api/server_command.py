"""The command line of a server process; a module of its own, so that ``headrace serve`` imports little."""

import sys
from typing import Any

from headrace.api.model_names import model_name
from headrace.api.model_reference import ModelReference, resolve_model


def server_command(model: ModelReference, *, name: str = "", **options: Any) -> list[str]:
    """Return the command line of a server process.

    Args:
        model: See ``resolve_model``.
        name: Name of the endpoint; empty for the model's.
        **options: See ``server_arguments``.
    """
    command = [sys.executable, "-m", "headrace.serving.server", "--model", resolve_model(model)]
    command += ["--name", model_name(name)] if name else []
    return [*command, *server_arguments(**options)]


def server_arguments(
    *,
    port: int,
    host: str,
    workers: int,
    grpc_port: int,
    verify: str,
    public_key: str,
    identity: str,
    issuer: str,
    unusual_rows: str,
    access_log: bool,
    log_url: str,
    verbose: bool,
) -> list[str]:
    """Return the arguments of a server process for the options of ``serve``."""
    arguments = ["--host", host, "--port", str(port), "--workers", str(workers), "--verify", verify]
    trust = (("--public-key", public_key), ("--identity", identity), ("--issuer", issuer))
    arguments += [part for flag, value in trust if value for part in (flag, value)]
    arguments += ["--unusual-rows", unusual_rows] if unusual_rows else []
    arguments += ["--grpc-port", str(grpc_port)] if grpc_port else []
    arguments += ["--log-url", log_url] if log_url else []
    arguments += ["--access-log"] if access_log else []
    return [*arguments, *(["--verbose"] if verbose else [])]
