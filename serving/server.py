"""The model server's process: ``python -m headrace.serving.server --model FOLDER_OR_URI``.

What takes long to import is imported after everything that can be refused without it was refused.
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
from headrace.serving.model.options import OFF, ServerOptions, options, parser
from headrace.serving.sockets import bound, predict_url, sharing

if TYPE_CHECKING:
    from headrace.serving.model.model_holder import ModelHolder
    from headrace.serving.telemetry.shared_counters import SharedCounters


def serve(told: ServerOptions) -> int:
    """Serve a bundle until SIGTERM or SIGINT.

    Args:
        told: How to serve.

    Returns:
        The exit code.

    Raises:
        InputError: If a port is taken or the address is not this machine's.
        BundleError: If the bundle is not whole, or does not answer as it says.
    """
    without_blas_threads()
    # A hangup that comes before a worker can read the model again waits, instead of ending the process.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    from headrace.serving.telemetry.shared_counters import SharedCounters  # noqa: PLC0415 - see the module

    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(one) for one in sharing(told.host, told.port, told.workers)]
        grpc = stack.enter_context(bound(told.host, told.grpc_port, shared=True)) if told.grpc_port != OFF else None
        _log_to_stderr(verbose=told.verbose)
        plan = _Plan(told, listeners, grpc.getsockname()[1] if grpc else OFF, SharedCounters(told.workers))
        return plan.work(0, OFF, lambda: None) if told.workers == 1 else _supervise(plan)


@dataclass(frozen=True)
class _Plan:
    """What the workers of a server share."""

    told: ServerOptions
    listeners: Sequence[socket.socket]
    grpc_port: int
    board: "SharedCounters"

    def work(self, number: int, alive: int, ready: Callable[[], None]) -> int:
        """What one worker does; see ``supervisor.Work``."""
        try:
            self._run(number, alive, ready)
        except HeadraceError as error:
            return report_failure(error, verbose=self.told.verbose)
        except KeyboardInterrupt:
            return 130
        return 0

    def _run(self, number: int, alive: int, ready: Callable[[], None]) -> None:
        from headrace.serving.model.model_holder import ModelHolder  # noqa: PLC0415 - see the module
        from headrace.serving.telemetry.telemetry import Telemetry  # noqa: PLC0415
        from headrace.serving.worker import ListenAddress, run  # noqa: PLC0415

        told = self.told
        live = ModelHolder(told.model, name=told.name, threads=told.threads, policy=told.policy)

        def report_start() -> None:
            if number == told.workers - 1:
                _announce(live, told, self.listeners[number].getsockname()[1], self.grpc_port)
            ready()

        grpc = f"{told.host}:{self.grpc_port}" if self.grpc_port != OFF else ""
        place = ListenAddress(http=self.listeners[number], grpc=grpc, alive=alive)
        with contextlib.closing(live):
            seen = Telemetry(live, self.board, number, access_log=told.access_log, payloads=told.payloads)
            run(live, place, told, seen=seen, started=report_start)


def _supervise(plan: _Plan) -> int:
    import headrace.serving.worker  # noqa: F401, PLC0415 - imported once, for all workers
    from headrace.core.runtime.forked import may_fork  # noqa: PLC0415
    from headrace.serving.supervisor import WorkerSupervisor  # noqa: PLC0415 - a single worker has none

    if not may_fork():
        raise InternalError("workers must be forked on Linux, before any thread runs; use --workers 1 here.")
    told = plan.told
    grace = told.drain_seconds + told.grace_seconds + 2
    return WorkerSupervisor(plan.work, workers=told.workers, grace_seconds=grace).run(lambda: None)


def _announce(live: "ModelHolder", told: ServerOptions, port: int, grpc_port: int) -> None:
    url = predict_url(told.host, port, live.name)
    print(banner(live, url), flush=True)  # noqa: T201 - what a person started it for
    if told.address_file:
        facts = {"url": url, "name": live.name, "digest": live.served.digest, "grpc_port": max(grpc_port, 0)}
        write_json(Path(told.address_file), facts)


def banner(live: "ModelHolder", url: str) -> str:
    """What is printed when the server answers: its address and a command to try."""
    case = read_json(live.served.folder / "cases.json")["cases"][0]["request"]
    body = shlex.quote(json.dumps({"instances": [case]}))
    curl = f"curl -s -H 'Content-Type: application/json' -d {body} {shlex.quote(url)}"
    return f"{live.name} ({live.served.digest[:12]}) answers until Ctrl-C. Ask it:\n\n  {curl}\n"


def _log_to_stderr(*, verbose: bool) -> None:
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(force=True, level=level, format="%(levelname)s %(name)s %(message)s")


def report_failure(error: HeadraceError, *, verbose: bool) -> int:
    """Say what went wrong; the exit code is 2 for the user's mistakes and 1 for ours."""
    if verbose:
        logging.getLogger(__name__).error("traceback", exc_info=error)
    print(f"Error: {error}", file=sys.stderr, flush=True)  # noqa: T201
    return 2 if isinstance(error, UserError) else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve what the arguments say."""
    given = parser().parse_args(arguments)
    try:
        return serve(options(given))
    except HeadraceError as error:
        return report_failure(error, verbose=given.verbose)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
