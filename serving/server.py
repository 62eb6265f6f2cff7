"""The model server's process: ``python -m headrace.serving.server --model FOLDER_OR_URI``.

Everything that can be refused is refused before KServe is imported, which takes seconds.
"""

import argparse
import json
import logging
import shlex
import socket
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.core.bundle import Bundle, open_bundle
from headrace.core.errors import HeadraceError, InputError, UserError
from headrace.core.files import write_json
from headrace.serving.slim import without_clients

_LARGEST_PORT = 65_535


@dataclass(frozen=True)
class Address:
    """Where a server listens.

    Attributes:
        host: Address of the interface; ``127.0.0.1`` for this machine alone.
        port: TCP port; 0 for one that is free.
    """

    host: str = "127.0.0.1"
    port: int = 8080

    def __post_init__(self) -> None:
        """Refuse a port that there is not; the system would take it modulo 65,536.

        Raises:
            InputError: If it is out of range.
        """
        if not 0 <= self.port <= _LARGEST_PORT:
            raise InputError(f"--port must be from 0 to {_LARGEST_PORT}; got {self.port} instead.")


def serve(
    model: str,
    *,
    name: str = "",
    host: str = "127.0.0.1",
    port: int = 8080,
    address_file: str = "",
    verbose: bool = False,
) -> None:
    """Serve a bundle until SIGTERM or SIGINT.

    Args:
        model: A bundle's folder or store URI.
        name: Name of the model on this endpoint; empty for its own.
        host: Address to listen on.
        port: TCP port; 0 for one that is free.
        address_file: JSON file that is written with ``url``, ``name`` and ``digest`` once requests are answered; empty
            for none.
        verbose: Whether requests are logged.

    Raises:
        InputError: If the port is taken or the address is not this machine's.
        BundleError: If the bundle is not whole.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch, bound(Address(host, port)) as listener:
        bundle = open_bundle(_folder(model, Path(scratch)))
        called = name or bundle.name
        url = predict_url(host, listener.getsockname()[1], called)
        _log_to_stderr(verbose=verbose)

        def started() -> None:
            print(banner(bundle, called, url), flush=True)  # noqa: T201 - what a person started it for
            if address_file:
                write_json(Path(address_file), {"url": url, "name": called, "digest": bundle.digest})

        fitted = bundle.model()
        # KServe parses the arguments of the process when it is imported.
        sys.argv[1:] = []
        without_clients()
        from headrace.serving.kserve_server import Server  # noqa: PLC0415
        from headrace.serving.model import HeadraceModel  # noqa: PLC0415

        Server(listener, started=started).start([HeadraceModel(fitted, name=called, digest=bundle.digest)])


def bound(address: Address) -> socket.socket:
    """A socket bound to an address, not yet listening.

    Raises:
        InputError: If the port is taken, may not be used, or the host is not this machine's.
    """
    try:
        family, kind, number, _, place = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, number)
    except OSError as error:
        raise InputError(f"--host must be an address of this machine; got {address.host}: {error.strerror}.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
    except OSError as error:
        listener.close()
        raise InputError(
            f"cannot listen on {address.host}:{address.port}: {error.strerror}; choose another port with --port."
        ) from error
    return listener


def predict_url(host: str, port: int, name: str) -> str:
    """Where predictions are asked for in V1; a host that stands for all interfaces is given as this machine."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}/v1/models/{name}:predict"


def banner(bundle: Bundle, name: str, url: str) -> str:
    """What is printed when the server answers: its address and a command to try."""
    case = bundle.json("cases.json")["cases"][0]["request"]
    body = shlex.quote(json.dumps({"instances": [case]}))
    curl = f"curl -s -H 'Content-Type: application/json' -d {body} {shlex.quote(url)}"
    return f"{name} ({bundle.digest[:12]}) answers until Ctrl-C. Ask it:\n\n  {curl}\n"


def _folder(model: str, scratch: Path) -> Path:
    if "://" not in model:
        return Path(model)
    from headrace.stores.bundles import fetch  # noqa: PLC0415 - a folder needs no client

    return fetch(model, scratch / "bundle")


def _log_to_stderr(*, verbose: bool) -> None:
    logging.basicConfig(
        force=True, level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(name)s %(message)s"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve what the arguments say; the exit code is 2 for the user's mistakes and 1 for ours."""
    parser = argparse.ArgumentParser(prog="headrace.serving.server", description=__doc__)
    parser.add_argument("--model", required=True, help="a bundle's folder or store URI")
    parser.add_argument("--name", default="", help="name of the model on this endpoint")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 for all")
    parser.add_argument("--port", type=int, default=8080, help="TCP port; 0 for one that is free")
    parser.add_argument("--address-file", default="", help="JSON file to write once requests are answered")
    parser.add_argument("--verbose", action="store_true", help="log requests, and tracebacks of failures")
    given = parser.parse_args(arguments)
    try:
        serve(
            given.model,
            name=given.name,
            host=given.host,
            port=given.port,
            address_file=given.address_file,
            verbose=given.verbose,
        )
    except HeadraceError as error:
        if given.verbose:
            raise
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201
        return 2 if isinstance(error, UserError) else 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
