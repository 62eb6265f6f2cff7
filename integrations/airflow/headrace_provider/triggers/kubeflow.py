"""The trigger that follows a run on Kubeflow without a worker."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from headrace_provider.hooks.headrace import HeadraceHook
from headrace_provider.kubeflow_run import RunEnd, RunWatch, read_document
from headrace_provider.program import HeadraceError, Program, absence, failure

_SECONDS = 120.0
_cancelling: set[asyncio.Task[None]] = set()


class HeadraceKubeflowRunTrigger(BaseTrigger):
    """Follows a run on Kubeflow until its end, by asking Headrace from time to time.

    Args:
        run_id: The run's id.
        headrace_conn_id: Connection of the type ``headrace``.
        since: When waiting began, in seconds since 1970.
        poll_interval: Seconds between two questions.
        start_timeout: Seconds within which a first step must begin.
        patience: Seconds for which Kubeflow Pipelines may not answer.
        cancel_on_kill: Whether the run is cancelled when a person clears or marks the task.
    """

    def __init__(
        self,
        *,
        run_id: str,
        headrace_conn_id: str,
        since: float,
        poll_interval: float = 15.0,
        start_timeout: float = 50.0,
        patience: float = 300.0,
        cancel_on_kill: bool = True,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.run_id = run_id
        self.headrace_conn_id = headrace_conn_id
        self.since = since
        self.poll_interval = poll_interval
        self.start_timeout = start_timeout
        self.patience = patience
        self.cancel_on_kill = cancel_on_kill

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return how to make it again elsewhere; no secret is part of that."""
        names = (
            "run_id",
            "headrace_conn_id",
            "since",
            "poll_interval",
            "start_timeout",
            "patience",
            "cancel_on_kill",
        )
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, when the run has ended or is given up."""
        try:
            program = await HeadraceHook(self.headrace_conn_id).aget_conn()
            end = await self._follow(program)
        except HeadraceError as error:
            end = RunEnd("failed", str(error))
        event = {"run_id": self.run_id, "outcome": end.outcome, "text": end.text}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Cancel the run, because a person cleared or marked the task."""
        if not self.cancel_on_kill:
            return
        # Airflow 3.3.2 cancels this very call about a second after it has made it, sooner than Headrace has asked.
        task = asyncio.create_task(self._cancel())
        _cancelling.add(task)
        task.add_done_callback(_cancelling.discard)
        await asyncio.shield(task)

    async def _cancel(self) -> None:
        program = await HeadraceHook(self.headrace_conn_id).aget_conn()
        try:
            await _answer(program, "cancel", self.run_id)
        except HeadraceError as error:
            self.log.warning("the run %s was not cancelled: %s", self.run_id, error)

    async def _follow(self, program: Program) -> RunEnd:
        watch = RunWatch(self.since, self.start_timeout, self.patience)
        while True:
            try:
                status = read_document(await _answer(program, "runs", self.run_id, "--json"))
            except HeadraceError as error:
                end = watch.miss(error, time.time())
                self.log.warning("%s", error)
            else:
                end = watch.judge(status, time.time())
                news = watch.news(status)
                if news:
                    self.log.info("%s", news)
            if end:
                return end
            await asyncio.sleep(self.poll_interval)


async def _answer(program: Program, *arguments: str) -> str:
    """Run a short command beside the other triggers, and return its standard output; raises as ``Program.run``."""
    command = [*program.command, *arguments]
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *command, env=dict(program.environment), stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
        )
    except OSError as error:
        raise HeadraceError(absence(program.command[0], error)) from error
    try:
        out, err = await asyncio.wait_for(process.communicate(), _SECONDS)
    except TimeoutError as error:
        raise HeadraceError(f"headrace {arguments[0]} had {_SECONDS:.0f} s to answer and did not.") from error
    finally:
        with suppress(ProcessLookupError):
            if process.returncode is None:
                process.kill()
    if process.returncode:
        raise HeadraceError(failure((err or out).decode(errors="replace"), process.returncode))
    return out.decode(errors="replace")
