"""Turns the states of a run on a cluster into what a watcher of a run here is told."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from headrace.cluster.kfp.pipeline_spec import PipelineFile
from headrace.cluster.kfp.run import PipelineRun, TaskState
from headrace.cluster.kfp.workflow import Workflow
from headrace.core.base.errors import HeadraceError, InputError, InternalError
from headrace.pipelines.kubeflow.run_pods import StartObstacle
from headrace.pipelines.kubeflow.run_sources import TaskLogs
from headrace.pipelines.kubeflow.step_outcomes import StepOutcome, verdict
from headrace.pipelines.local.runner import StepEvent
from headrace.pipelines.local.summary import StepSummary

CACHED = "taken from an earlier run"
CANCELED = "the run was cancelled"
_AT_WORK = {"RUNNING", "SUCCEEDED", "FAILED"}
_DRIVER = "-driver"
_SILENT = "the cluster does not say why: look at the log of its pod."


@dataclass
class RunFollower:
    """Turns the states of a run into what a watcher is told, each thing once.

    Attributes:
        pipeline: What is run.
        logs: Where words come from.
        watch: Takes what is told.
        ended: The steps that ended, in order, with their state and time.
        left: What became of steps of which no end was told, by the components' names.
    """

    pipeline: PipelineFile
    logs: TaskLogs
    watch: Callable[[StepEvent], None]
    ended: list[StepEvent] = field(default_factory=list)
    left: dict[str, StepOutcome] = field(default_factory=dict)
    _begun: Counter[str] = field(default_factory=Counter)
    _done: Counter[str] = field(default_factory=Counter)
    _heard: dict[str, str] = field(default_factory=dict)
    _standing: dict[tuple[str, str], float] = field(default_factory=dict)
    _warned: set[tuple[str, str]] = field(default_factory=set)

    def look(self, run: PipelineRun, *, canceled: bool = False) -> None:
        """Tell what is new. A step in a loop has several nodes, which nothing but their times tells apart."""
        fresh: list[TaskState] = []
        for name, step in self.pipeline.steps.items():
            nodes = [task for task in run.tasks if task.name == name and task.state in _AT_WORK]
            for node in nodes[self._begun[name] :]:
                self.watch(StepEvent("start", step.runs, time=node.began))
            ended = sorted((task for task in nodes if task.state != "RUNNING"), key=_when)
            fresh += ended[self._done[name] :]
            self._begun[name], self._done[name] = len(nodes), len(ended)
            if len(ended) < len(nodes) and not run.has_ended:
                self._listen(run, name)
        for task in sorted(fresh, key=_when):
            self._tell(run, task, canceled=canceled)

    def _listen(self, run: PipelineRun, name: str) -> None:
        """Tell what a running step says, if it is something new."""
        text = self.logs.saying(run, name)
        if text and text != self._heard.get(name):
            self._heard[name] = text
            self.watch(StepEvent("progress", self.pipeline.steps[name].runs, text=text))

    def _tell(self, run: PipelineRun, task: TaskState, *, canceled: bool = False) -> None:
        name, seconds = self.pipeline.steps[task.name].runs, max(task.ended - task.began, 0.0)
        if task.state == "SUCCEEDED":
            text = CACHED if run.is_cached(task) else self.logs.last_words(run, task.name)
            told = StepEvent("end", name, seconds, text, time=task.ended)
        elif canceled:
            told = StepEvent("fail", name, seconds, CANCELED, "canceled", time=task.ended)
        else:
            why = self.logs.reason(run, task.name)
            told = StepEvent("fail", name, seconds, why.text, "internal" if why.internal else "user", time=task.ended)
        self.ended.append(told)
        self.watch(told)

    def warn(self, obstacles: Mapping[str, StartObstacle]) -> None:
        """Tell once what has kept a task from starting for a while."""
        now = time.monotonic()
        found = {(task, one.kind): one for task, one in obstacles.items()}
        self._standing = {key: self._standing.get(key, now) for key in found}
        for (task, kind), one in found.items():
            if now - self._standing[task, kind] >= one.seconds and (task, kind) not in self._warned:
                self._warned.add((task, kind))
                self.watch(waiting(self.pipeline, task, one))

    def settle(self, run: PipelineRun) -> None:
        """Find out, and tell, what became of the steps whose end was not told."""
        open_steps = [step for step in self.pipeline.steps.values() if not self._done[step.name]]
        traces = self.logs.traces(run) if open_steps and run.stale else {}
        for step in open_steps:
            found = verdict(run, step, trace=traces.get(step.name), failed=self.logs.has_failed)
            if found in {"succeeded", "failed"}:
                self._tell(run, _end_task(run, step.name, found))
            elif not any(told.step == step.runs for told in self.ended):
                ranks: list[StepOutcome] = ["skipped", "unknown", "canceled"]
                self.left[step.runs] = max(self.left.get(step.runs, found), found, key=ranks.index)
        for told in self.ended:  # another step that runs the same has come to an end
            self.left.pop(told.step, None)

    def failure(self, run: PipelineRun, workflow: Workflow | None) -> HeadraceError:
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

    def steps(self) -> tuple[StepSummary, ...]:
        """What became of each step, those that ended first."""
        rest = (StepSummary(name=name, status=found, seconds=0.0) for name, found in self.left.items())
        return (*map(_step, self.ended), *rest)


def _when(task: TaskState) -> tuple[float, float]:
    return task.ended, task.began


def _end_task(run: PipelineRun, name: str, found: StepOutcome) -> TaskState:
    """A step of which something else than the API says how it ended; when it did, nobody knows."""
    began = next((task.began for task in run.tasks if task.name == name), 0.0)
    return TaskState(name, found.upper(), began, began)


def waiting(pipeline: PipelineFile, task: str, obstacle: StartObstacle) -> StepEvent:
    """What is told of a task that cannot start: a step, the driver of one, or, without a name, the run."""
    name = task.removesuffix(_DRIVER)
    step = pipeline.steps.get(name)
    driver = "its driver: " if task.endswith(_DRIVER) else ""
    return StepEvent("waiting", step.runs if step else name, text=driver + obstacle.text)


def _step(told: StepEvent) -> StepSummary:
    statuses: dict[bool, Literal["failed", "canceled"]] = {False: "failed", True: "canceled"}
    status: StepOutcome = "succeeded" if told.event == "end" else statuses[told.kind == "canceled"]
    return StepSummary(name=told.step, status=status, seconds=round(told.seconds, 3))
