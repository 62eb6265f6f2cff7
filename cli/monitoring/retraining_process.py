"""A retraining in a process of its own, started by the monitor that decided on it.

Whatever happens to it, the monitor goes on; it ends with the monitor, however that ends.
"""

import contextlib
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
from typer.exceptions import TyperException

from headrace.cli.monitoring.retrain import retrain
from headrace.core.base.errors import InputError
from headrace.core.runtime.processes import ChildProcess, lease, start_guarded, stop

_ENDINGS = {
    0: "The retraining has ended; its last lines name the next step.",
    3: "The retraining has ended: the former version stays.",
    4: "The retraining was refused: the rows are not fit for training, and nothing was trained.",
}


def check_arguments(arguments: Sequence[str]) -> None:
    """Raise if ``headrace retrain`` does not take these arguments.

    Raises:
        InputError: If so.
    """
    app = typer.Typer(add_completion=False)
    app.command()(retrain)
    try:
        typer.main.get_command(app).make_context("headrace retrain", list(arguments))
    except TyperException as error:
        problem = str(error).rstrip(".")
        raise InputError(
            f"--retrain-option must be an option of headrace retrain; {problem}: look at headrace retrain --help."
        ) from error


@dataclass
class RetrainingProcess:
    """The retrainings of a monitor, one at a time.

    Attributes:
        arguments: Arguments of ``headrace retrain``.
        lease_path: The lease that the monitor holds.
        process: The one that runs; None if none does.
    """

    arguments: tuple[str, ...]
    lease_path: Path
    process: ChildProcess | None = None

    @property
    def command(self) -> str:
        """The command, as a person would type it."""
        return shlex.join(["headrace", "retrain", *self.arguments])

    def start(self) -> None:
        """Start a retraining, unless one is under way."""
        if self.process is not None:
            typer.echo("  A retraining is under way; no other one is started.")
            return
        typer.echo(f"  Retraining: {self.command}")
        sys.stdout.flush()
        command = [sys.executable, "-m", "headrace.cli.main", "retrain", *self.arguments]
        self.process = start_guarded(command, lease_path=self.lease_path, log=sys.stdout.buffer)

    def report_end(self) -> None:
        """Say how the retraining ended, if it has."""
        code = None if self.process is None else self.process.poll()
        if code is not None:
            self.process = None
            failed = (
                f"The retraining failed with exit code {code}, and the former version stays; repeat it: {self.command}"
            )
            typer.echo(_ENDINGS.get(code, failed))

    def run(self) -> int:
        """Run a retraining to its end, and return its exit code."""
        self.start()
        if self.process is None:
            return 0
        code = self.process.wait()
        self.report_end()
        return code


@contextlib.contextmanager
def retraining_process(arguments: Sequence[str]) -> Iterator[RetrainingProcess]:
    """Yield what starts retrainings; one that still runs at the end of the block is ended.

    Args:
        arguments: Arguments of ``headrace retrain``.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch, lease(Path(scratch) / "lease") as held:
        retraining = RetrainingProcess(tuple(arguments), held)
        try:
            yield retraining
        finally:
            if retraining.process is not None:
                stop(retraining.process)
