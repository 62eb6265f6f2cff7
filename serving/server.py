"""The model server's process: ``python -m headrace.serving.server --model FOLDER_OR_URI``.

Slow imports come after all checks that work without them, so that errors are reported at once.
"""

import contextlib
import json
import logging
import shlex
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.core.base.errors import HeadraceError, InternalError, UserError
from headrace.core.base.files import read_json, write_json
from headrace.core.base.settings import without_blas_threads
from headrace.serving.model.options import OFF, ServerOptions, parser
from headrace.serving.model.options import parse_options as from_arguments
from headrace.serving.sockets import bind_shared, bind_socket, predict_url

if TYPE_CHECKING:
    from headrace.serving.model.model_holder import ModelHolder
    from headrace.serving.telemetry.shared_counters import SharedCounters


def serve(options: ServerOptions) -> int:
    """Serve a bundle until SIGTERM or SIGINT.

    Args:
        options: How to serve.

    Returns:
        The exit code.

    Raises:
        InputError: If a port is taken or the address is not this machine's.
        BundleError: If the bundle is not intact, or its answers differ from its test cases.
    """
    without_blas_threads()
    # Block SIGHUP until a worker has a handler for it; its default action would end the process.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    from headrace.serving.telemetry.shared_counters import SharedCounters  # noqa: PLC0415 - see the module

    with contextlib.ExitStack() as stack:
        listeners = [
            stack.enter_context(listener) for listener in bind_shared(options.host, options.port, options.workers)
        ]
        grpc = (
            stack.enter_context(bind_socket(options.host, options.grpc_port, shared=True))
            if options.grpc_port != OFF
            else None
        )
        _log_to_stderr(verbose=options.verbose)
        plan = _Plan(options, listeners, grpc.getsockname()[1] if grpc else OFF, SharedCounters(options.workers))
        return plan.work(0, OFF, lambda: None) if options.workers == 1 else _supervise(plan)


@dataclass(frozen=True)
class _Plan:
    """The options, sockets and counters that the workers of a server share."""

    options: ServerOptions
    listeners: Sequence[socket.socket]
    grpc_port: int
    counters: "SharedCounters"

    def work(self, number: int, alive: int, ready: Callable[[], None]) -> int:
        """Run one worker; see ``supervisor.Work``."""
        try:
            self._run(number, alive, ready)
        except HeadraceError as error:
            return report_failure(error, verbose=self.options.verbose)
        except KeyboardInterrupt:
            return 130
        return 0

    def _run(self, number: int, alive: int, ready: Callable[[], None]) -> None:
        from headrace.serving.model.model_holder import ModelHolder  # noqa: PLC0415 - see the module
        from headrace.serving.telemetry.telemetry import Telemetry  # noqa: PLC0415
        from headrace.serving.worker import ListenAddress, run  # noqa: PLC0415

        options = self.options
        holder = ModelHolder(
            options.model,
            name=options.name,
            threads=options.threads,
            policy=options.policy,
            guard_use=options.unusual_rows,
        )

        def report_start() -> None:
            if number == options.workers - 1:
                _announce(holder, options, self.listeners[number].getsockname()[1], self.grpc_port)
            ready()

        grpc = f"{options.host}:{self.grpc_port}" if self.grpc_port != OFF else ""
        address = ListenAddress(http=self.listeners[number], grpc=grpc, alive=alive)
        with contextlib.closing(holder):
            telemetry = Telemetry(
                holder, self.counters, number, access_log=options.access_log, payloads=options.payloads
            )
            run(holder, address, options, telemetry=telemetry, started=report_start)


def _supervise(plan: _Plan) -> int:
    import headrace.serving.worker  # noqa: F401, PLC0415 - imported once before the forks, for all workers
    from headrace.core.runtime.forked import may_fork  # noqa: PLC0415
    from headrace.serving.supervisor import WorkerSupervisor  # noqa: PLC0415 - a single worker has none

    if not may_fork():
        raise InternalError("workers must be forked on Linux, before any thread runs; use --workers 1 here.")
    options = plan.options
    grace = options.drain_seconds + options.grace_seconds + 2
    return WorkerSupervisor(plan.work, workers=options.workers, grace_seconds=grace).run(lambda: None)


def _announce(live: "ModelHolder", options: ServerOptions, port: int, grpc_port: int) -> None:
    url = predict_url(options.host, port, live.name)
    print(banner(live, url), flush=True)  # noqa: T201 - the user reads it
    if options.address_file:
        address = {"url": url, "name": live.name, "digest": live.served.digest, "grpc_port": max(grpc_port, 0)}
        write_json(Path(options.address_file), address)


def banner(live: "ModelHolder", url: str) -> str:
    """Return the text to print when the server answers: its model and a command to try."""
    case = read_json(live.served.folder / "cases.json")["cases"][0]["request"]
    body = shlex.quote(json.dumps({"instances": [case]}))
    curl = f"curl -s -H 'Content-Type: application/json' -d {body} {shlex.quote(url)}"
    return f"{live.name} ({live.served.digest[:12]}) answers until Ctrl-C. Ask it:\n\n  {curl}\n"


def _log_to_stderr(*, verbose: bool) -> None:
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(force=True, level=level, format="%(levelname)s %(name)s %(message)s")


def report_failure(error: HeadraceError, *, verbose: bool) -> int:
    """Print an error and return the exit code: 2 for the user's mistakes, 1 for ours."""
    if verbose:
        logging.getLogger(__name__).error("traceback", exc_info=error)
    print(f"headrace: {error}", file=sys.stderr, flush=True)  # noqa: T201
    return 2 if isinstance(error, UserError) else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and serve; return the exit code."""
    parsed = parser().parse_args(arguments)
    try:
        return serve(from_arguments(parsed))
    except HeadraceError as error:
        return report_failure(error, verbose=parsed.verbose)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
