"""What steps on a cluster said: from their pods while these are there, else from the object store."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from headrace.cluster import pods
from headrace.cluster.client import Cluster, Document
from headrace.cluster.kfp_run import Run
from headrace.cluster.kinds import PODS
from headrace.core.errors import UserError, shown
from headrace.pipelines.remote import Reason
from headrace.pipelines.remote_artifacts import RunArtifacts

RUN_LABEL = "pipeline/runid"
NODE_ANNOTATION = "workflows.argoproj.io/node-name"
CONTAINER = "main"
_LINES = 2000
_STARTING = ("ContainerCreating", "PodInitializing")
_SAID = re.compile(r"headrace: (?P<step>\w+)(?P<failed> failed(?P<own> by an error of headrace's own)?)?: (?P<text>.+)")
_RAISED = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit): (?P<text>.+)")
# What the launcher, and the glog library that it logs with, say around a step.
_LAUNCHER = re.compile(r"[IWEF]\d{4} |time=|Error: exit status|\s*$")


@dataclass
class StepLogs:
    """Logs of the steps of a run; see ``remote.Logs``.

    Attributes:
        cluster: Where the pods are; None if there is no way to it.
        namespaces: Namespaces in which they may be, the likeliest first.
        store: Gives the run's artifacts; raises if the store cannot be reached.
        problems: Why some could not be read.
    """

    cluster: Cluster | None
    namespaces: tuple[str, ...]
    store: Callable[[Run], RunArtifacts]
    problems: list[str] = field(default_factory=list)

    def text(self, run: Run, task: str) -> str:
        """What a task printed, as far as it can be read; ``problems`` says why not."""
        for source in (self._of_pod, self._of_store):
            try:
                found = source(run, task)
            except UserError as error:
                if str(error) not in self.problems:
                    self.problems.append(str(error))
                continue
            if found:
                return found
        return ""

    def said(self, run: Run, task: str) -> str:
        """See ``remote.Logs.said``."""
        return last_words(self.text(run, task))

    def saying(self, run: Run, task: str) -> str:
        """See ``remote.Logs.saying``: from the pod alone, for the store has a log when a step has ended."""
        try:
            return _waiting(self._pod(run, task) or {}) or last_words(self._of_pod(run, task))
        except UserError:
            return ""  # who follows a run is told at the end of the step

    def reason(self, run: Run, task: str) -> Reason:
        """See ``remote.Logs.reason``."""
        killed = self._killed(run, task)
        found = Reason(killed) if killed else reason_of(self.text(run, task))
        if found.text or not self.problems:
            return found
        return Reason(f"the cluster does not say why, and its log cannot be read: {self.problems[-1]}")

    def _of_pod(self, run: Run, task: str) -> str:
        pod = self._pod(run, task)
        if self.cluster is None or pod is None:
            return ""
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        return pods.logs(self.cluster, name, namespace=namespace, container=CONTAINER, lines=_LINES)

    def _pod(self, run: Run, task: str) -> Document | None:
        """The latest pod of a task, if it is still there and may be looked at."""
        if self.cluster is None:
            return None
        for namespace in self.namespaces:
            labelled = self.cluster.list(PODS, namespace=namespace, labels=f"{RUN_LABEL}={run.id}")
            own = sorted((pod for pod in labelled if _is_of(pod, task)), key=_made)
            if own:
                return own[-1]
        return None

    def _killed(self, run: Run, task: str) -> str:
        """What a log cannot tell: that the kernel or the kubelet ended the step; empty if they did not."""
        try:
            status = (self._pod(run, task) or {}).get("status") or {}
        except UserError:
            return ""  # the log's own reading tells what is wrong
        ended = [one.get("state", {}).get("terminated") or {} for one in status.get("containerStatuses") or []]
        if any(one.get("reason") == "OOMKilled" for one in ended):
            return "it was killed, for it needed more memory than it may have: give it more with --memory."
        if status.get("reason"):
            return f"its pod ended as {status['reason']}: {status.get('message') or 'the cluster says no more'}"
        return ""

    def _of_store(self, run: Run, task: str) -> str:
        return self.store(run).log(task)


def _is_of(pod: Document, task: str) -> bool:
    """Whether a pod is the task's: its executor, or the task itself if that is a driver."""
    node = str((pod["metadata"].get("annotations") or {}).get(NODE_ANNOTATION, ""))
    return re.search(rf"\.{re.escape(task)}(\.executor)?(\(\d+\))*$", node) is not None


def _made(pod: Document) -> Any:
    return pod["metadata"].get("creationTimestamp", "")


def last_words(log: str) -> str:
    """The last words that a step of this suite said of its progress; empty if there are none."""
    found = [match for line in log.splitlines() if (match := _SAID.fullmatch(line.strip()))]
    return next((match["text"] for match in reversed(found) if not match["failed"]), "")


def reason_of(log: str) -> Reason:
    """Why a step failed: its own sentence, or the last line of a traceback; else what it printed last."""
    lines = [line.strip() for line in log.splitlines()]
    for line in reversed(lines):
        if (match := _SAID.fullmatch(line)) and match["failed"]:
            return Reason(match["text"], internal=match["own"] is not None)
    for line in reversed(lines):
        if match := _RAISED.fullmatch(line):
            return Reason(match["text"])
    last = next((line for line in reversed(lines) if not _LAUNCHER.match(line)), "")
    return Reason(f"it ended without saying why; its last line is {shown(last, 200)}." if last else "")


def _waiting(pod: Document) -> str:
    """What keeps a container from starting, such as an image that cannot be pulled; empty if nothing does."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    waiting = [one.get("state", {}).get("waiting") or {} for one in statuses]
    stuck = next((one for one in waiting if one.get("reason") not in {None, *_STARTING}), None)
    return f"waiting, {stuck['reason']}: {stuck.get('message', '')}".rstrip(": ") if stuck else ""
