"""Turns the states of a run on a cluster into the step events of a local run."""

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
from headrace.pipelines.kubeflow.step_outcomes import StepOutcome, step_outcome
from headrace.pipelines.local.runner import StepEvent
from headrace.pipelines.local.summary import StepSummary

CACHED = "taken from an earlier run"
CANCELED = "the run was cancelled"
_AT_WORK = {"RUNNING", "SUCCEEDED", "FAILED"}
_DRIVER = "-driver"
_SILENT = "the cluster does not say why: look at the log of its pod."


@dataclass
class RunFollower:
    """Turns the states of a run into step events, each emitted once.

    Attributes:
        pipeline: The run's pipeline.
        logs: Gives the messages of steps.
        watch: Takes the events.
        ended: The last events of the steps that ended, in order.
        unobserved: Outcomes of steps whose end was not observed, by the components' names.
    """

    pipeline: PipelineFile
    logs: TaskLogs
    watch: Callable[[StepEvent], None]
    ended: list[StepEvent] = field(default_factory=list)
    unobserved: dict[str, StepOutcome] = field(default_factory=dict)
    _begun: Counter[str] = field(default_factory=Counter)
    _done: Counter[str] = field(default_factory=Counter)
    _messages: dict[str, str] = field(default_factory=dict)
    _standing: dict[tuple[str, str], float] = field(default_factory=dict)
    _warned: set[tuple[str, str]] = field(default_factory=set)

    def update(self, run: PipelineRun, *, canceled: bool = False) -> None:
        """Emit what is new. A step in a loop has several nodes, which only their times distinguish."""
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
        """Emit the message of a running step, if it is new."""
        text = self.logs.current_message(run, name)
        if text and text != self._messages.get(name):
            self._messages[name] = text
            self.watch(StepEvent("progress", self.pipeline.steps[name].runs, text=text))

    def _tell(self, run: PipelineRun, task: TaskState, *, canceled: bool = False) -> None:
        name, seconds = self.pipeline.steps[task.name].runs, max(task.ended - task.began, 0.0)
        if task.state == "SUCCEEDED":
            text = CACHED if run.is_cached(task) else self.logs.last_words(run, task.name)
            event = StepEvent("end", name, seconds, text, time=task.ended)
        elif canceled:
            event = StepEvent("fail", name, seconds, CANCELED, "canceled", time=task.ended)
        else:
            reason = self.logs.reason(run, task.name)
            event = StepEvent(
                "fail", name, seconds, reason.text, "internal" if reason.internal else "user", time=task.ended
            )
        self.ended.append(event)
        self.watch(event)

    def warn(self, obstacles: Mapping[str, StartObstacle]) -> None:
        """Emit once each obstacle that has lasted long enough."""
        now = time.monotonic()
        current = {(task, obstacle.kind): obstacle for task, obstacle in obstacles.items()}
        self._standing = {key: self._standing.get(key, now) for key in current}
        for (task, kind), obstacle in current.items():
            if now - self._standing[task, kind] >= obstacle.seconds and (task, kind) not in self._warned:
                self._warned.add((task, kind))
                self.watch(waiting(self.pipeline, task, obstacle))

    def settle(self, run: PipelineRun) -> None:
        """Determine and emit the outcomes of the steps whose end was not observed."""
        open_steps = [step for step in self.pipeline.steps.values() if not self._done[step.name]]
        traces = self.logs.traces(run) if open_steps and run.stale else {}
        for step in open_steps:
            outcome = step_outcome(run, step, trace=traces.get(step.name), failed=self.logs.has_failed)
            if outcome in {"succeeded", "failed"}:
                self._tell(run, _end_task(run, step.name, outcome))
            elif not any(event.step == step.runs for event in self.ended):
                ranks: list[StepOutcome] = ["skipped", "unknown", "canceled"]
                self.unobserved[step.runs] = max(self.unobserved.get(step.runs, outcome), outcome, key=ranks.index)
        for event in self.ended:  # another step with the same component has ended
            self.unobserved.pop(event.step, None)

    def failure(self, run: PipelineRun, workflow: Workflow | None) -> HeadraceError:
        """Return why a run failed: cancelled, the error of its first failed step, or why a step could not start."""
        if run.state == "CANCELED":
            return InputError(f"the run {run.name} was cancelled: start it again, if that was not you.")
        failed = next((event for event in self.ended if event.event == "fail"), None)
        if failed is not None:
            error = InternalError if failed.kind == "internal" else InputError
            return error(f"{failed.step}: {failed.text or _SILENT}")
        trouble = workflow.trouble() if workflow else ""
        driver = next((task for task in run.tasks if task.is_driver and task.state == "FAILED"), None)
        if driver is not None:
            reason = self.logs.reason(run, driver.name)
            return InputError(f"{driver.step}: it could not be started; {reason.text or trouble or _SILENT}")
        return InputError(f"the run {run.name} failed before a step began; {trouble or _SILENT}")

    def steps(self) -> tuple[StepSummary, ...]:
        """Return the outcome of each step, those first whose end was observed."""
        others = (StepSummary(name=name, status=outcome, seconds=0.0) for name, outcome in self.unobserved.items())
        return (*map(_step, self.ended), *others)


def _when(task: TaskState) -> tuple[float, float]:
    return task.ended, task.began


def _end_task(run: PipelineRun, name: str, outcome: StepOutcome) -> TaskState:
    """Return the state of a step whose outcome comes from another source than the API; its end time is unknown."""
    began = next((task.began for task in run.tasks if task.name == name), 0.0)
    return TaskState(name, outcome.upper(), began, began)


def waiting(pipeline: PipelineFile, task: str, obstacle: StartObstacle) -> StepEvent:
    """Return the event for a task that cannot start: a step, its driver, or, without a name, the run."""
    name = task.removesuffix(_DRIVER)
    step = pipeline.steps.get(name)
    driver = "its driver: " if task.endswith(_DRIVER) else ""
    return StepEvent("waiting", step.runs if step else name, text=driver + obstacle.text)


def _step(event: StepEvent) -> StepSummary:
    statuses: dict[bool, Literal["failed", "canceled"]] = {False: "failed", True: "canceled"}
    status: StepOutcome = "succeeded" if event.event == "end" else statuses[event.kind == "canceled"]
    return StepSummary(name=event.step, status=status, seconds=round(event.seconds, 3))
