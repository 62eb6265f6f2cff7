"""What all operators that run a command of Headrace on the worker share."""

import hashlib
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from headrace_provider.hooks.headrace import HeadraceHook
from headrace_provider.local_process import LocalProcess, LogReader, missing_program, start
from headrace_provider.program import HeadraceError, Program, failure, own_folder

_KEY = "headrace_process"
_EVERY_SECONDS = 0.2
_LAST_LINES = 50
_OWN_FILES = ("lock", "pid", "exit", "log")


class HeadraceBaseOperator(BaseOperator):
    """Runs one command of Headrace on the worker, as a process that outlives the task's own.

    What it prints goes to the task's log; if it fails, its one sentence is the task's error. When the task is cleared,
    marked or times out, its process group is ended. When the task's process or its worker is killed, the process goes
    on, and the next try follows it instead of starting a second one.

    The XCom holds addresses: where results lie, never results.

    Args:
        headrace_conn_id: Connection of the type ``headrace``.
        cwd: Folder that the command runs in; None for a folder of its own.
        lost_elsewhere: What a try does whose earlier one was lost on another machine, where its process may still run:
            ``fail``, or ``start`` a new one, which is right where the process dies with its worker (a pod).
        kwargs: Those of any operator.
    """

    template_fields: Sequence[str] = ("headrace_conn_id", "cwd")
    ui_color = "#d9eef7"
    skip_exit_codes: ClassVar[Mapping[int, str]] = {}
    """Exit codes that skip the task, and with it what depends on it, each with a sentence."""

    def __init__(
        self,
        *,
        headrace_conn_id: str = HeadraceHook.default_conn_name,
        cwd: str | None = None,
        lost_elsewhere: Literal["fail", "start"] = "fail",
        **kwargs: Any,
    ) -> None:
        # Each address is an XCom of its own beside the whole, so that `task.output["report"]` is one of them.
        super().__init__(**{"multiple_outputs": True, **kwargs})
        self.headrace_conn_id = headrace_conn_id
        self.cwd = cwd
        self.lost_elsewhere = lost_elsewhere
        self._process: LocalProcess | None = None
        self._killed = False

    def command(self, folder: Path) -> list[str]:
        """Return the command and its arguments; ``folder`` is the run's own, for files that nothing else names."""
        raise NotImplementedError

    def addresses(self, folder: Path) -> dict[str, str]:
        """Return where the results lie: what the task returns."""
        raise NotImplementedError

    def conclude(self, folder: Path) -> None:
        """Look at what the command has left, before the task succeeds."""

    def execute(self, context: Context) -> dict[str, str]:
        """Run the command, or follow the process of an earlier try.

        Raises:
            AirflowException: If it fails, with the sentence of Headrace.
            AirflowSkipException: If it ends with one of ``skip_exit_codes``.
        """
        # Between two tries nobody else knows of the process; Airflow keeps this by task, not by try.
        store = context["task_state_store"]
        try:
            program = HeadraceHook(self.headrace_conn_id).get_conn()
            process = self._found(store.get(_KEY)) or self._started(store, program)
        except HeadraceError as error:
            raise AirflowException(str(error)) from error
        self._process = process
        output = self._follow(process, os.getppid())
        store.delete(_KEY)
        code = process.exit_code()
        for name in _OWN_FILES:
            (process.folder / name).unlink(missing_ok=True)
        if code:
            shutil.rmtree(process.folder, ignore_errors=True)
        if self._killed:
            raise AirflowException("headrace was ended, because the task was cleared, marked or out of time.")
        if code is None:
            raise AirflowException("headrace was killed by somebody else, together with the shell that waited for it.")
        if code in self.skip_exit_codes:
            raise AirflowSkipException(self.skip_exit_codes[code])
        if code:
            raise AirflowException(missing_program(program.command, code) or failure(output, code))
        self.conclude(process.folder)
        if not any(process.folder.iterdir()):
            process.folder.rmdir()
        return self.addresses(process.folder)

    def on_kill(self) -> None:
        """End the process group."""
        self._killed = True
        if self._process:
            self._process.end()

    def _started(self, store: Any, program: Program) -> LocalProcess:
        folder = own_folder(program) / uuid.uuid4().hex
        arguments = self.command(folder)
        # Stored before the start: a worker that is killed between both leaves a folder without a process.
        store.set(_KEY, {"host": socket.gethostname(), "folder": str(folder), "command": _digest(self.command(Path()))})
        self.log.info("headrace %s", " ".join(arguments))
        command = [*program.command, *arguments]
        return start(folder, command, environment=program.environment, cwd=Path(self.cwd) if self.cwd else None)

    def _found(self, lost: Any) -> LocalProcess | None:
        """Return the process of an earlier try that was lost, if it runs or has succeeded."""
        if not isinstance(lost, dict):
            return None
        process = LocalProcess(Path(str(lost["folder"])))
        if lost["host"] != socket.gethostname() and not process.folder.exists():
            if self.lost_elsewhere == "fail":
                raise HeadraceError(
                    f"an earlier try was lost on {lost['host']}, and its process may still run there; this is "
                    f"{socket.gethostname()}: send the task to that worker, or set lost_elsewhere='start' if the "
                    "process cannot outlive its worker."
                )
            return None
        same = lost["command"] == _digest(self.command(Path()))
        if process.is_running() and not same:
            self.log.warning("the process of an earlier try runs another command: it is ended.")
            process.end()
        elif process.is_running():
            self.log.info("the process of an earlier try still runs: this try follows it (%s).", process.folder)
            return process
        elif same and process.exit_code() == 0:
            self.log.info("the process of an earlier try has ended well meanwhile: its results are taken.")
            return process
        shutil.rmtree(process.folder, ignore_errors=True)
        return None

    def _follow(self, process: LocalProcess, supervisor: int) -> str:
        """Log what a process prints until it has ended; return its last lines."""
        reader = LogReader(process.log)
        last: list[str] = []
        try:
            while True:
                running = process.is_running()
                lines = reader.lines(last=not running)
                for line in filter(None, map(str.rstrip, lines)):
                    self.log.info("%s", line)
                    last = [*last[-_LAST_LINES:], line]
                if not running and not lines:
                    return "\n".join(last)
                if os.getppid() != supervisor:
                    # Airflow's supervisor was killed: nobody takes this try's result. The next try follows the process.
                    os._exit(1)
                if running:
                    time.sleep(_EVERY_SECONDS)
        except BaseException:
            process.end()
            raise
        finally:
            reader.close()


def _digest(arguments: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(list(arguments)).encode()).hexdigest()
