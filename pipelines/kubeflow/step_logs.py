"""What steps on a cluster said: from their pods while these are there, else from the object store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from headrace.cluster.api.client import Cluster
from headrace.cluster.kfp.run import PipelineRun
from headrace.cluster.kfp.workflow import Workflow
from headrace.core.base.errors import UserError
from headrace.pipelines.kubeflow.artifacts import RunArtifacts, TaskTrace
from headrace.pipelines.kubeflow.log_patterns import FailureReason, last_line, last_words, said_why
from headrace.pipelines.kubeflow.run_pods import LONG_SECONDS, RunPods, StartObstacle, kill_reason

_STARTING = ("ContainerCreating", "PodInitializing")
_EXECUTOR = "executor"
_TOLD = {"Pending": "waiting, ", "Running": "tried again after: ", "Error": "failed: "}


@dataclass
class StepLogs:
    """Logs of the steps of a run; see ``remote.Logs``.

    Attributes:
        cluster: Where the pods are; None if there is no way to it.
        namespaces: Namespaces in which they may be, the likeliest first.
        store: Gives the run's artifacts; raises if the store cannot be reached.
        problems: Why some could not be read.
        steps: Names of the pipeline's steps.
    """

    cluster: Cluster | None
    namespaces: tuple[str, ...]
    store: Callable[[PipelineRun], RunArtifacts]
    problems: list[str] = field(default_factory=list)
    steps: tuple[str, ...] = ()
    _pods: RunPods = field(init=False)

    def __post_init__(self) -> None:
        """Look for pods where the cluster is."""
        self._pods = RunPods(self.cluster, self.namespaces, self.steps)

    def text(self, run: PipelineRun, task: str) -> str:
        """What a task printed, as far as it can be read; ``problems`` says why not."""
        for source in (self._of_pod, self._of_store):
            try:
                found = source(run, task)
            except UserError as error:
                self._problem(error)
                continue
            if found:
                return found
        return ""

    def last_words(self, run: PipelineRun, task: str) -> str:
        """See ``remote.Logs.said``."""
        return last_words(self.text(run, task))

    def saying(self, run: PipelineRun, task: str) -> str:
        """See ``remote.Logs.saying``: from the pod alone, for the store has a log when a step has ended."""
        try:
            pod = self._pods.latest(run.id, task)
            stuck = self._pods.obstacle(pod) if pod else None
            told = stuck is not None and stuck.seconds < LONG_SECONDS
            return stuck.text if stuck and told else last_words(self._of_pod(run, task))
        except UserError:
            return ""  # who follows a run is told at the end of the step

    def reason(self, run: PipelineRun, task: str) -> FailureReason:
        """See ``remote.Logs.reason``: the pod's end, the step's words, those of its Workflow, its last line."""
        outside = self._kill_reason(run, task)
        if outside:
            return FailureReason(outside)
        text = self.text(run, task)
        found = said_why(text)
        if found.text:
            return found
        told = next((one.message for one in reversed(run.tasks) if one.name == task and one.message), "")
        found = FailureReason(told) if told else last_line(text)
        if found.text or not self.problems:
            return found
        return FailureReason(f"the cluster does not say why, and its log cannot be read: {self.problems[-1]}")

    def has_failed(self, run: PipelineRun, task: str) -> bool:
        """See ``remote.Logs.failed``."""
        return said_why(self.text(run, task)).text != ""

    def traces(self, run: PipelineRun) -> Mapping[str, TaskTrace]:
        """See ``remote.Logs.traces``."""
        try:
            return self.store(run).traces()
        except UserError as error:
            self._problem(error)
            return {}

    def obstacles(self, run: PipelineRun, workflow: Workflow | None) -> dict[str, StartObstacle]:
        """See ``remote.Logs.obstacles``: from the pods, and from what Argo says of its nodes."""
        found = _of_workflow(workflow) if workflow else {}
        readable = self.cluster is not None
        try:
            pods = self._pods.all(run.id)
        except UserError as error:
            self._problem(error)
            pods, readable = [], False
        stuck = {self._pods.task_of(pod): self._pods.obstacle(pod) for pod in pods}
        found |= {task: obstacle for task, obstacle in stuck.items() if obstacle}  # a pod says more than its node
        if not found and not any(task.began for task in run.tasks) and not pods:
            found |= self._silence(workflow, readable=readable)
        return found

    def _silence(self, workflow: Workflow | None, *, readable: bool) -> dict[str, StartObstacle]:
        """What is worth telling of a run of which nothing has begun and nobody says why."""
        if workflow is not None:
            if workflow.phase not in {"", "Pending"}:
                return {}
            text = "Argo Workflows has not begun with it: look at the log of workflow-controller"
        elif readable or not self.problems:
            text = "nothing of it has begun, and it has neither a Workflow nor pods yet: look at the log of ml-pipeline"
        else:
            text = f"nothing of it has begun, and its pods cannot be looked at: {self.problems[-1].rstrip('.')}"
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
            return ""  # the log's own reading tells what is wrong

    def _of_store(self, run: PipelineRun, task: str) -> str:
        return self.store(run).log(task)


def _of_workflow(workflow: Workflow) -> dict[str, StartObstacle]:
    """What Argo says of nodes that wait, or that it could not make a pod of and tries again."""
    found = {}
    for node in workflow.nodes or ():
        begins = _TOLD.get(node.phase)
        if begins and node.message:
            name = node.path[-2] if node.name == _EXECUTOR and len(node.path) > 1 else node.name
            long = {"seconds": LONG_SECONDS} if node.message in _STARTING else {}
            found[name] = StartObstacle(node.message.partition(":")[0], begins + node.message, **long)
    if workflow.message and workflow.phase in {"", "Pending", "Error"}:
        found.setdefault("", StartObstacle(workflow.message.partition(":")[0], workflow.message))
    return found
