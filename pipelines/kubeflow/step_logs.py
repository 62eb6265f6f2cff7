"""Reads the logs of steps on a cluster: from their pods while these exist, else from the object store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from headrace.cluster.api.client import Cluster
from headrace.cluster.kfp.run import PipelineRun
from headrace.cluster.kfp.workflow import Workflow
from headrace.core.base.errors import UserError
from headrace.pipelines.kubeflow.artifacts import RunArtifacts, TaskTrace
from headrace.pipelines.kubeflow.log_patterns import FailureReason, last_line, last_words, stated_reason
from headrace.pipelines.kubeflow.run_pods import LONG_SECONDS, RunPods, StartObstacle, kill_reason

_STARTING = ("ContainerCreating", "PodInitializing")
_EXECUTOR = "executor"
_SECONDS = StartObstacle.seconds
_PHASE_PREFIXES = {"Pending": "waiting, ", "Running": "tried again after: ", "Error": "failed: "}


@dataclass
class StepLogs:
    """Logs of the steps of a run; implements ``TaskLogs``.

    Attributes:
        cluster: Where the pods are; None if it cannot be reached.
        namespaces: Namespaces in which they may be, the likeliest first.
        store: Returns the run's artifacts; raises if the store cannot be reached.
        problems: Why some logs could not be read.
        steps: Names of the pipeline's steps.
    """

    cluster: Cluster | None
    namespaces: tuple[str, ...]
    store: Callable[[PipelineRun], RunArtifacts]
    problems: list[str] = field(default_factory=list)
    steps: tuple[str, ...] = ()
    _pods: RunPods = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the lookup of pods."""
        self._pods = RunPods(self.cluster, self.namespaces, self.steps)

    def text(self, run: PipelineRun, task: str) -> str:
        """Return what a task printed, as far as it can be read; ``problems`` says why not."""
        for source in (self._of_pod, self._of_store):
            try:
                output = source(run, task)
            except UserError as error:
                self._problem(error)
                continue
            if output:
                return output
        return ""

    def last_words(self, run: PipelineRun, task: str) -> str:
        """Return the last message of a step that succeeded."""
        return last_words(self.text(run, task))

    def current_message(self, run: PipelineRun, task: str) -> str:
        """Return a running step's message, from the pod alone: the store has a log only when a step has ended."""
        try:
            pod = self._pods.latest(run.id, task)
            stuck = self._pods.obstacle(pod) if pod else None
            is_urgent = stuck is not None and stuck.seconds < LONG_SECONDS
            return stuck.text if stuck and is_urgent else last_words(self._of_pod(run, task))
        except UserError:
            return ""  # the end of the step will report it

    def reason(self, run: PipelineRun, task: str) -> FailureReason:
        """Return why a step failed: its pod's end, else its message, its Workflow's message, or its last line."""
        outside = self._kill_reason(run, task)
        if outside:
            return FailureReason(outside)
        text = self.text(run, task)
        reason = stated_reason(text)
        if reason.text:
            return reason
        message = next((state.message for state in reversed(run.tasks) if state.name == task and state.message), "")
        reason = FailureReason(message) if message else last_line(text)
        if reason.text or not self.problems:
            return reason
        return FailureReason(f"the cluster does not say why, and its log cannot be read: {self.problems[-1]}")

    def has_failed(self, run: PipelineRun, task: str) -> bool:
        """Return whether the log of a step says that it failed."""
        return stated_reason(self.text(run, task)).text != ""

    def traces(self, run: PipelineRun) -> Mapping[str, TaskTrace]:
        """Return what the object store has of each task."""
        try:
            return self.store(run).traces()
        except UserError as error:
            self._problem(error)
            return {}

    def obstacles(self, run: PipelineRun, workflow: Workflow | None) -> dict[str, StartObstacle]:
        """Return why tasks do not start, from the pods, and from what Argo says of its nodes."""
        obstacles_by_task = _of_workflow(workflow) if workflow else {}
        readable = self.cluster is not None
        try:
            pods = self._pods.all(run.id)
        except UserError as error:
            self._problem(error)
            pods, readable = [], False
        stuck = {self._pods.task_of(pod): self._pods.obstacle(pod) for pod in pods}
        obstacles_by_task |= {
            task: obstacle for task, obstacle in stuck.items() if obstacle
        }  # a pod says more than its node
        if not obstacles_by_task and not any(task.began for task in run.tasks) and not pods:
            obstacles_by_task |= self._silence(workflow, readable=readable)
        return obstacles_by_task

    def _silence(self, workflow: Workflow | None, *, readable: bool) -> dict[str, StartObstacle]:
        """Return the obstacle of a run of which nothing has begun and nothing says why."""
        if workflow is not None:
            if workflow.phase not in {"", "Pending"}:
                return {}
            text = "Argo Workflows has not begun with it: look at the log of workflow-controller"
        elif readable or not self.problems:
            text = "nothing of it has begun, and it has neither a Workflow nor pods yet: look at the log of ml-pipeline"
        else:
            text = f"nothing of it has begun, and its pods cannot be read: {self.problems[-1].rstrip('.')}"
        return {"": StartObstacle("silence", text, LONG_SECONDS)}

    def _problem(self, error: UserError) -> None:
        if str(error) not in self.problems:
            self.problems.append(str(error))

    def _of_pod(self, run: PipelineRun, task: str) -> str:
        pod = self._pods.latest(run.id, task)
        return self._pods.log(pod) if pod else ""

    def _kill_reason(self, run: PipelineRun, task: str) -> str:
        try:
            return kill_reason(self._pods.latest(run.id, task) or {})
        except UserError:
            return ""  # reading the log reports the same problem

    def _of_store(self, run: PipelineRun, task: str) -> str:
        return self.store(run).log(task)


def _of_workflow(workflow: Workflow) -> dict[str, StartObstacle]:
    """Return what Argo says of nodes that wait, or whose pod it could not create and tries again."""
    obstacles = {}
    for node in workflow.nodes or ():
        prefix = _PHASE_PREFIXES.get(node.phase)
        if prefix and node.message:
            name = node.path[-2] if node.name == _EXECUTOR and len(node.path) > 1 else node.name
            seconds = LONG_SECONDS if node.message in _STARTING else _SECONDS
            kind = "start" if node.message in _STARTING else node.message.partition(":")[0]
            waits = node.phase == "Pending"
            obstacles[name] = StartObstacle(kind, prefix + node.message, seconds, waits=waits)
    if workflow.message and workflow.phase in {"", "Pending", "Error"}:
        obstacles.setdefault("", StartObstacle(workflow.message.partition(":")[0], workflow.message))
    return obstacles
