"""``headrace serve``: serve a model until interrupted."""

import os
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli.options import run_options
from headrace.cli.options.model_argument import Model
from headrace.cli.options.signature_options import Identity, Issuer, PublicKey
from headrace.core.base.files import write_json

if TYPE_CHECKING:
    from headrace.api.run_result import Run

EXAMPLES = """
Examples:

  headrace serve headrace-out/demo

  headrace serve headrace-out/demo/bundle --port 8080

  headrace serve tumours@production

  headrace serve headrace-out/demo --workers 4 --grpc-port 8081 --access-log

  headrace serve headrace-out/demo --verify signature --public-key key.pub

  headrace serve headrace-out/demo --unusual-rows refuse

  headrace serve s3://headrace/models/tumours/3f…/      (with HEADRACE_S3_ENDPOINT and keys)
"""
DEFAULT_PORT = 8080


def curl_command(url: str, request: Path) -> str:
    """Return a command that sends the request in a file to ``url``, quoted for a shell."""
    return f"curl -s -H 'Content-Type: application/json' -d @{shlex.quote(str(request))} {shlex.quote(url)}"


def wait_until_interrupted(completed: "Run") -> None:
    """Wait with the endpoint up until Ctrl-C or SIGTERM."""
    if not completed.verification or not completed.summary.endpoint:
        typer.echo("\nThe gate rejected the model, so there is no endpoint to keep up.")
        return
    request = completed.home / "request.json"
    write_json(request, completed.verification["request"])
    name = completed.summary.endpoint.url
    typer.echo(f"\nThe endpoint stays up until Ctrl-C. Send it a request:\n\n  {curl_command(name, request)}\n")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        typer.echo("Stopped.")


def serve(
    model: Model,
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = DEFAULT_PORT,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    name: Annotated[str, typer.Option(help="Name of the endpoint.", show_default="the model's")] = "",
    workers: Annotated[int, typer.Option(help="Processes that share the port.", min=1, max=256)] = 1,
    grpc_port: Annotated[int, typer.Option(help="Port for gRPC.", min=0, max=65535, show_default="no gRPC")] = 0,
    verify: Annotated[
        str, typer.Option(help="What to verify before the bundle is served: off, digest or signature.")
    ] = "digest",
    public_key: PublicKey = "",
    identity: Identity = "",
    issuer: Issuer = "",
    unusual_rows: Annotated[
        str, typer.Option(help="What becomes of rows unlike the training rows: off, count, warn or refuse.")
    ] = "count",
    access_log: Annotated[bool, typer.Option("--access-log", help="Write a line of JSON for each request.")] = False,
    log_url: Annotated[
        str, typer.Option(help="Receiver of CloudEvents, or a file, to log requests and responses to.", metavar="URL")
    ] = "",
    verbose: run_options.Verbose = False,
) -> None:
    """Serve MODEL over HTTP (and gRPC) until interrupted; SIGHUP reloads it."""
    from headrace.api.server_command import server_command  # noqa: PLC0415 - keeping an endpoint up needs no command

    command = server_command(
        model,
        name=name,
        port=port,
        host=host,
        workers=workers,
        grpc_port=grpc_port,
        verify=verify,
        public_key=public_key,
        identity=identity,
        issuer=issuer,
        unusual_rows=unusual_rows,
        access_log=access_log,
        log_url=log_url,
        verbose=verbose,
    )
    sys.stdout.flush()  # exec discards what Python has buffered
    os.execv(command[0], command)  # noqa: S606 - the server takes this process's place, and its signals
