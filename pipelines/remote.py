"""Follow a run on a cluster, and tell what its steps do as a run here tells it."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from headrace.cluster.kfp_run import Run, Task
from headrace.core.errors import ClusterError, HeadraceError, InputError, InternalError
from headrace.core.pipeline_file import PipelineFile
from headrace.pipelines.runner import Outcome, Told
from headrace.pipelines.summary import Step

POLL_SECONDS = 3.0
PATIENCE_SECONDS = 300.0
_AT_WORK = {"RUNNING", "SUCCEEDED", "FAILED"}
CACHED = "taken from an earlier run"
_SILENT = "the cluster does not say why: look at the log of its pod."
_PASSING = {"unreachable", "timeout", "busy", "failed", "unauthorized", "forbidden"}


class Api(Protocol):
    """What following asks of Kubeflow Pipelines."""

    def run(self, run: str) -> Run:
        """A run, by its id."""


@dataclass(frozen=True)
class Reason:
    """Why a step failed.

    Attributes:
        text: In one sentence; empty if nobody knows.
        internal: Whether a promise of Headrace's own was broken.
    """

    text: str = ""
    internal: bool = False


class Logs(Protocol):
    """What can be known of a step's log; empty texts where nothing can."""

    def saying(self, run: Run, task: str) -> str:
        """The last words of a step that runs, or what keeps it from starting."""

    def said(self, run: Run, task: str) -> str:
        """The last words of a step that ended well."""

    def reason(self, run: Run, task: str) -> Reason:
        """Why a step failed."""


@dataclass
class _Follower:
    """Turns the states of a run into what a watcher is told, each thing once.

    Attributes:
        pipeline: What is run.
        logs: Where words come from.
        watch: Takes what is told.
        ended: The steps that ended, in order, with their state and time.
    """

    pipeline: PipelineFile
    logs: Logs
    watch: Callable[[Told], None]
    ended: list[Told] = field(default_factory=list)
    _begun: Counter[str] = field(default_factory=Counter)
    _done: Counter[str] = field(default_factory=Counter)
    _heard: dict[str, str] = field(default_factory=dict)

    def look(self, run: Run) -> None:
        """Tell what is new. A step in a loop has several nodes, which nothing but their times tells apart."""
        fresh: list[Task] = []
        for name, step in self.pipeline.steps.items():
            nodes = [task for task in run.tasks if task.name == name and task.state in _AT_WORK]
            for node in nodes[self._begun[name] :]:
                self.watch(Told("start", step.runs, time=node.began))
            ended = sorted((task for task in nodes if task.state != "RUNNING"), key=_when)
            fresh += ended[self._done[name] :]
            self._begun[name], self._done[name] = len(nodes), len(ended)
            if len(ended) < len(nodes):
                self._listen(run, name)
        for task in sorted(fresh, key=_when):
            self._tell(run, task)

    def _listen(self, run: Run, name: str) -> None:
        """Tell what a running step says, if it is something new."""
        text = self.logs.saying(run, name)
        if text and text != self._heard.get(name):
            self._heard[name] = text
            self.watch(Told("progress", self.pipeline.steps[name].runs, text=text))

    def _tell(self, run: Run, task: Task) -> None:
        name, seconds = self.pipeline.steps[task.name].runs, max(task.ended - task.began, 0.0)
        if task.state == "SUCCEEDED":
            text = CACHED if run.cached(task) else self.logs.said(run, task.name)
            told = Told("end", name, seconds, text, time=task.ended)
        else:
            why = self.logs.reason(run, task.name)
            told = Told("fail", name, seconds, why.text, "internal" if why.internal else "user", time=task.ended)
        self.ended.append(told)
        self.watch(told)

    def failure(self, run: Run) -> HeadraceError:
        """Why a run failed: what its first failed step says, or the driver that could not start one."""
        failed = next((told for told in self.ended if told.event == "fail"), None)
        if failed is not None:
            error = InternalError if failed.kind == "internal" else InputError
            return error(f"{failed.step}: {failed.text or _SILENT}")
        driver = next((task for task in run.tasks if task.is_driver and task.state == "FAILED"), None)
        if driver is not None:
            why = self.logs.reason(run, driver.name)
            return InputError(f"{driver.step}: it could not be started; {why.text or _SILENT}")
        if run.state == "CANCELED":
            return InputError(f"the run {run.name} was ended by somebody; start it again.")
        return InputError(f"the run {run.name} failed before a step began; {_SILENT}")


def _when(task: Task) -> tuple[float, float]:
    return task.ended, task.began


def follow(
    api: Api,
    run_id: str,
    *,
    pipeline: PipelineFile,
    logs: Logs,
    watch: Callable[[Told], None],
    poll_seconds: float = POLL_SECONDS,
) -> tuple[Run, Outcome]:
    """Wait for the end of a run.

    Args:
        api: Kubeflow Pipelines.
        run_id: The run's id.
        pipeline: What it runs.
        logs: Where words of steps come from.
        watch: Called with each thing that a step does, as it is seen.
        poll_seconds: Time between two looks.

    Returns:
        The run as it was at its end, and what came of it.

    Raises:
        MissingError: If there is no such run.
        ClusterError: If the API cannot be asked for longer than ``PATIENCE_SECONDS``.
    """
    follower = _Follower(pipeline, logs, watch)
    silent_since = 0.0
    while True:
        try:
            run = api.run(run_id)
        except ClusterError as error:
            now = time.monotonic()
            silent_since = silent_since or now
            if error.reason not in _PASSING or now - silent_since > PATIENCE_SECONDS:
                raise
        else:
            silent_since = 0.0
            follower.look(run)
            if run.has_ended:
                break
        time.sleep(poll_seconds)
    failure = None if run.state in {"SUCCEEDED", "SKIPPED"} else follower.failure(run)
    return run, Outcome(steps=tuple(map(_step, follower.ended)), error=failure)


def _step(told: Told) -> Step:
    status: Literal["succeeded", "failed"] = "succeeded" if told.event == "end" else "failed"
    return Step(name=told.step, status=status, seconds=round(told.seconds, 3))
