"""Follow a run on a cluster, and tell what its steps do as a run here tells it."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from headrace.cluster.kfp_run import Run, Task
from headrace.cluster.workflow import Workflow
from headrace.core.errors import ClusterError, HeadraceError, InputError, InternalError
from headrace.core.pipeline_file import PipelineFile
from headrace.pipelines.log_words import Reason
from headrace.pipelines.remote_artifacts import Trace
from headrace.pipelines.run_pods import Obstacle
from headrace.pipelines.run_workflow import with_workflow
from headrace.pipelines.runner import Outcome, Told
from headrace.pipelines.summary import Step
from headrace.pipelines.verdicts import Verdict, verdict

POLL_SECONDS = 3.0
PATIENCE_SECONDS = 300.0
GONE_SECONDS = 30.0
_AT_WORK = {"RUNNING", "SUCCEEDED", "FAILED"}
_DRIVER = "-driver"
CACHED = "taken from an earlier run"
CANCELED = "the run was cancelled"
_SILENT = "the cluster does not say why: look at the log of its pod."
_PASSING = {"unreachable", "timeout", "busy", "failed", "unauthorized", "forbidden"}


class Api(Protocol):
    """What following asks of Kubeflow Pipelines."""

    def run(self, run: str) -> Run:
        """A run, by its id."""


class Logs(Protocol):
    """What can be known of the steps of a run beside their states; empty where nothing can."""

    def saying(self, run: Run, task: str) -> str:
        """The last words of a step that runs, or what keeps it from starting."""

    def said(self, run: Run, task: str) -> str:
        """The last words of a step that ended well."""

    def reason(self, run: Run, task: str) -> Reason:
        """Why a step failed."""

    def failed(self, run: Run, task: str) -> bool:
        """Whether the log of a step says that it failed."""

    def traces(self, run: Run) -> Mapping[str, Trace]:
        """What each task left in the object store."""

    def obstacles(self, run: Run, workflow: Workflow | None) -> Mapping[str, Obstacle]:
        """What keeps tasks from starting, by their names; under an empty name, the run."""


class Workflows(Protocol):
    """The Workflow of a run."""

    def of(self, run: Run) -> Workflow | None:
        """The Workflow, as it is now; None if it cannot be had."""

    def is_gone(self) -> bool:
        """Whether it was there and somebody deleted it."""


class NoWorkflows:
    """Nothing but what the API of Kubeflow Pipelines tells."""

    def of(self, _: Run) -> Workflow | None:
        """None."""
        return None

    def is_gone(self) -> bool:
        """False: nobody knows."""
        return False


@dataclass
class _Follower:
    """Turns the states of a run into what a watcher is told, each thing once.

    Attributes:
        pipeline: What is run.
        logs: Where words come from.
        watch: Takes what is told.
        ended: The steps that ended, in order, with their state and time.
        left: What became of steps of which no end was told, by the components' names.
    """

    pipeline: PipelineFile
    logs: Logs
    watch: Callable[[Told], None]
    ended: list[Told] = field(default_factory=list)
    left: dict[str, Verdict] = field(default_factory=dict)
    _begun: Counter[str] = field(default_factory=Counter)
    _done: Counter[str] = field(default_factory=Counter)
    _heard: dict[str, str] = field(default_factory=dict)
    _standing: dict[tuple[str, str], float] = field(default_factory=dict)
    _warned: set[tuple[str, str]] = field(default_factory=set)

    def look(self, run: Run, *, canceled: bool = False) -> None:
        """Tell what is new. A step in a loop has several nodes, which nothing but their times tells apart."""
        fresh: list[Task] = []
        for name, step in self.pipeline.steps.items():
            nodes = [task for task in run.tasks if task.name == name and task.state in _AT_WORK]
            for node in nodes[self._begun[name] :]:
                self.watch(Told("start", step.runs, time=node.began))
            ended = sorted((task for task in nodes if task.state != "RUNNING"), key=_when)
            fresh += ended[self._done[name] :]
            self._begun[name], self._done[name] = len(nodes), len(ended)
            if len(ended) < len(nodes) and not run.has_ended:
                self._listen(run, name)
        for task in sorted(fresh, key=_when):
            self._tell(run, task, canceled=canceled)

    def _listen(self, run: Run, name: str) -> None:
        """Tell what a running step says, if it is something new."""
        text = self.logs.saying(run, name)
        if text and text != self._heard.get(name):
            self._heard[name] = text
            self.watch(Told("progress", self.pipeline.steps[name].runs, text=text))

    def _tell(self, run: Run, task: Task, *, canceled: bool = False) -> None:
        name, seconds = self.pipeline.steps[task.name].runs, max(task.ended - task.began, 0.0)
        if task.state == "SUCCEEDED":
            text = CACHED if run.cached(task) else self.logs.said(run, task.name)
            told = Told("end", name, seconds, text, time=task.ended)
        elif canceled:
            told = Told("fail", name, seconds, CANCELED, "canceled", time=task.ended)
        else:
            why = self.logs.reason(run, task.name)
            told = Told("fail", name, seconds, why.text, "internal" if why.internal else "user", time=task.ended)
        self.ended.append(told)
        self.watch(told)

    def warn(self, obstacles: Mapping[str, Obstacle]) -> None:
        """Tell once what has kept a task from starting for a while."""
        now = time.monotonic()
        found = {(task, one.kind): one for task, one in obstacles.items()}
        self._standing = {key: self._standing.get(key, now) for key in found}
        for (task, kind), one in found.items():
            if now - self._standing[task, kind] >= one.seconds and (task, kind) not in self._warned:
                self._warned.add((task, kind))
                self.watch(Told("waiting", self._runs(task), text=self._of_driver(task, one.text)))

    def _runs(self, task: str) -> str:
        """What a person calls a task, whether it is a step or the driver of one."""
        step = self.pipeline.steps.get(task.removesuffix(_DRIVER))
        return step.runs if step else task.removesuffix(_DRIVER)

    @staticmethod
    def _of_driver(task: str, text: str) -> str:
        return f"its driver: {text}" if task.endswith(_DRIVER) else text

    def settle(self, run: Run) -> None:
        """Find out, and tell, what became of the steps whose end was not told."""
        open_steps = [step for step in self.pipeline.steps.values() if not self._done[step.name]]
        traces = self.logs.traces(run) if open_steps and run.stale else {}
        for step in open_steps:
            found = verdict(run, step, trace=traces.get(step.name), failed=self.logs.failed)
            if found in {"succeeded", "failed"}:
                self._tell(run, _ended(run, step.name, found))
            elif not any(told.step == step.runs for told in self.ended):
                ranks: list[Verdict] = ["skipped", "unknown", "canceled"]
                self.left[step.runs] = max(self.left.get(step.runs, found), found, key=ranks.index)
        for told in self.ended:  # another step that runs the same has come to an end
            self.left.pop(told.step, None)

    def failure(self, run: Run, workflow: Workflow | None) -> HeadraceError:
        """Why a run failed: somebody ended it, what its first failed step says, or what could not start one."""
        if run.state == "CANCELED":
            return InputError(f"the run {run.name} was cancelled: start it again, if that was not you.")
        failed = next((told for told in self.ended if told.event == "fail"), None)
        if failed is not None:
            error = InternalError if failed.kind == "internal" else InputError
            return error(f"{failed.step}: {failed.text or _SILENT}")
        trouble = workflow.trouble() if workflow else ""
        driver = next((task for task in run.tasks if task.is_driver and task.state == "FAILED"), None)
        if driver is not None:
            why = self.logs.reason(run, driver.name)
            return InputError(f"{driver.step}: it could not be started; {why.text or trouble or _SILENT}")
        return InputError(f"the run {run.name} failed before a step began; {trouble or _SILENT}")

    def steps(self) -> tuple[Step, ...]:
        """What became of each step, those that ended first."""
        rest = (Step(name=name, status=found, seconds=0.0) for name, found in self.left.items())
        return (*map(_step, self.ended), *rest)


def _when(task: Task) -> tuple[float, float]:
    return task.ended, task.began


def _ended(run: Run, name: str, found: Verdict) -> Task:
    """A step of which something else than the API says how it ended; when it did, nobody knows."""
    began = next((task.began for task in run.tasks if task.name == name), 0.0)
    return Task(name, found.upper(), began, began)


def follow(
    api: Api,
    run_id: str,
    *,
    pipeline: PipelineFile,
    logs: Logs,
    watch: Callable[[Told], None],
    workflows: Workflows | None = None,
    poll_seconds: float = POLL_SECONDS,
) -> tuple[Run, Outcome]:
    """Wait for the end of a run.

    Args:
        api: Kubeflow Pipelines.
        run_id: The run's id.
        pipeline: What it runs.
        logs: Where words of steps come from.
        watch: Called with each thing that a step does, as it is seen.
        workflows: Where the run's Workflow comes from; None to do without.
        poll_seconds: Time between two looks.

    Returns:
        The run as it was at its end, and what came of it.

    Raises:
        MissingError: If there is no such run.
        ClusterError: If the API cannot be asked for longer than ``PATIENCE_SECONDS``, or its Workflow was deleted.
    """
    follower, source = _Follower(pipeline, logs, watch), workflows or NoWorkflows()
    silent_since = gone_since = 0.0
    canceled, workflow = False, None
    while True:
        now = time.monotonic()
        try:
            run = api.run(run_id)
        except ClusterError as error:
            silent_since = silent_since or now
            if error.reason not in _PASSING or now - silent_since > PATIENCE_SECONDS:
                raise
        else:
            silent_since = 0.0
            workflow = source.of(run)
            run = with_workflow(run, workflow)
            canceled = canceled or run.state in {"CANCELING", "CANCELED"} or (workflow is not None and workflow.stopped)
            if canceled and run.state == "FAILED":
                run = replace(run, state="CANCELED")
            follower.look(run, canceled=canceled)
            if run.has_ended:
                break
            follower.warn(logs.obstacles(run, workflow))
            gone_since = (gone_since or now) if source.is_gone() else 0.0
            if gone_since and now - gone_since > GONE_SECONDS:
                raise ClusterError(
                    f"the run {run.name} must have its Workflow; somebody deleted it, though Kubeflow calls the run "
                    f"{run.state.lower()}: start it again.",
                    "gone",
                )
        time.sleep(poll_seconds)
    follower.settle(run)
    failure = None if run.state in {"SUCCEEDED", "SKIPPED"} else follower.failure(run, workflow)
    return run, Outcome(steps=follower.steps(), error=failure)


def _step(told: Told) -> Step:
    statuses: dict[bool, Literal["failed", "canceled"]] = {False: "failed", True: "canceled"}
    status: Verdict = "succeeded" if told.event == "end" else statuses[told.kind == "canceled"]
    return Step(name=told.step, status=status, seconds=round(told.seconds, 3))
