"""The Workflow (Argo Workflows) by which Kubeflow Pipelines carries a run out, read into plain values.

It tells what the API of Kubeflow Pipelines leaves out: which node belongs to which step, why one cannot start, and,
when its nodes are compressed (Argo does so above 1 MiB), what has become of them at all. A node is named by its way
through the graph, ``NAME.root.train.executor``; since Kubeflow Pipelines 2.17 each may be tried again, and is then
``NAME(0).root(0).train(0).executor(0)`` with the attempts' numbers, beside one for all attempts without the last.
"""

import base64
import binascii
import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import WORKFLOWS
from headrace.cluster.api.transport import ApiRequest
from headrace.cluster.kfp.run import seconds
from headrace.cluster.kfp.transport import KfpTransport

RUN_LABEL = "pipeline/runid"
"""Label of a run's Workflow and of its pods: the run's id."""
ENDED = frozenset({"Succeeded", "Skipped", "Omitted", "Failed", "Error"})
"""Phases of a node, or of a whole Workflow, that will not change any more."""
_ATTEMPT = re.compile(r"\(\d+\)")
_LAST_ATTEMPT = re.compile(r"\(\d+\)$")
_PART = re.compile(r"[^.(]+(?:\([^)]*\))*")
_EXECUTOR = "executor"
# What says no more than that something below it failed, or with which code.
_EMPTY_WORDS = re.compile(
    r"child '.*' (failed|errored)|No more retries left|retryStrategy\.expression evaluated to false"
    r"|Error \(exit code \d+\)|when '.*' evaluated false|omitted: .*"
)


@dataclass(frozen=True)
class WorkflowNode:
    """A node of a Workflow, over all its attempts.

    Attributes:
        path: Its way through the graph below the Workflow, such as ``("root", "train", "executor")``.
        phase: ``Pending``, ``Running``, ``Succeeded``, ``Skipped``, ``Omitted``, ``Failed`` or ``Error``; empty before.
        began: When it began, in seconds since 1970; 0 if it has not.
        ended: When it ended, likewise.
        message: Why it is as it is, of its last attempt that says it; empty if none does.
    """

    path: tuple[str, ...]
    phase: str
    began: float = 0.0
    ended: float = 0.0
    message: str = ""

    @property
    def name(self) -> str:
        """Its own name."""
        return self.path[-1]


@dataclass(frozen=True)
class Workflow:
    """The Workflow of a run.

    Attributes:
        name: Its name.
        namespace: Where it and its pods are.
        phase: As of a node; empty while Argo has not looked at it.
        message: What Argo says of it as a whole; empty for nothing of use.
        stopped: Whether somebody told it to end.
        nodes: Its nodes; None if they lie elsewhere, such as in Argo's own database.
    """

    name: str
    namespace: str
    phase: str = ""
    message: str = ""
    stopped: bool = False
    nodes: tuple[WorkflowNode, ...] | None = ()

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it will change any more."""
        return self.phase in ENDED

    def is_cached(self, path: tuple[str, ...]) -> bool:
        """Return whether the outputs of a step were taken from an earlier run: its executor was left out."""
        return any(node.path == (*path, _EXECUTOR) and node.phase == "Skipped" for node in self.nodes or ())

    def trouble(self) -> str:
        """Why it fails, as the first node or the whole of it says; empty if neither says anything of use."""
        bad = sorted((node for node in self.nodes or () if node.phase in {"Error", "Failed"}), key=lambda n: n.began)
        return next((node.message for node in bad if node.message), self.message)


def read(document: Mapping[str, Any]) -> Workflow:
    """Return a Workflow, from the object that the API server has, or that Kubeflow Pipelines kept."""
    metadata, spec, status = (document.get(part) or {} for part in ("metadata", "spec", "status"))
    nodes = _nodes(status)
    return Workflow(
        name=str(metadata.get("name", "")),
        namespace=str(metadata.get("namespace", "")),
        phase=str(status.get("phase") or ""),
        message=_words(status.get("message")),
        # Kubeflow Pipelines ends a run by a deadline of no seconds; Argo itself by a word.
        stopped=spec.get("activeDeadlineSeconds") == 0 or spec.get("shutdown") in {"Terminate", "Stop"},
        nodes=None if nodes is None else tuple(_join_attempts(nodes)),
    )


def _nodes(status: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Return the nodes as Argo wrote them; None if they are not in the object, or cannot be read."""
    told = status.get("nodes")
    if not told and status.get("compressedNodes"):
        try:
            told = json.loads(gzip.decompress(base64.b64decode(str(status["compressedNodes"]))))
        except (binascii.Error, OSError, EOFError, zlib.error, ValueError):
            return None
    if not told:
        return None if status.get("offloadNodeStatusVersion") else []
    return [node for node in dict(told).values() if isinstance(node, dict)]


def path_of(node: str) -> tuple[str, ...]:
    """Return the way of a node below its Workflow, from its name, without the numbers of attempts."""
    return tuple(_PART.findall(_ATTEMPT.sub("", node)))[1:]


def _join_attempts(nodes: list[dict[str, Any]]) -> Iterator[WorkflowNode]:
    """One node for all attempts at one thing; of a graph that was tried again as a whole, the last time."""
    attempts: dict[str, list[dict[str, Any]]] = {}
    for facts in sorted(nodes, key=lambda one: (str(one.get("startedAt") or ""), str(one.get("name") or ""))):
        attempts.setdefault(_LAST_ATTEMPT.sub("", str(facts.get("name") or "")), []).append(facts)
    found: dict[tuple[str, ...], WorkflowNode] = {}
    for name, several in attempts.items():
        path = path_of(name)
        if path:
            found[path] = _node(name, path, several)
    yield from found.values()


def _node(name: str, path: tuple[str, ...], several: list[dict[str, Any]]) -> WorkflowNode:
    """Return a node from its attempts, the earliest first, among which the one over all of them may be."""
    whole = next((one for one in several if one.get("name") == name), several[-1])
    phase = str(whole.get("phase") or "")
    if phase == "Running" and several[-1].get("phase") == "Pending":
        phase = "Pending"  # the last attempt cannot start
    messages = [found for one in [whole, *reversed(several)] if (found := _words(one.get("message")))]
    return WorkflowNode(
        path=path,
        phase=phase,
        began=seconds(whole.get("startedAt")),
        ended=seconds(whole.get("finishedAt")) if phase in ENDED else 0.0,
        message=messages[0] if messages else "",
    )


def _words(message: Any) -> str:
    """Return a message in one line; empty if it says nothing of use."""
    text = " ".join(str(message or "").split())
    return "" if _EMPTY_WORDS.fullmatch(text) else text


def of_run(cluster: Cluster, run: str, *, namespace: str) -> Workflow | None:
    """Return the Workflow of a run, or None if there is none in that namespace.

    Args:
        cluster: Where it is.
        run: The run's id.
        namespace: Where to look.

    Raises:
        ClusterError: If the server cannot be asked, does not allow it, or does not serve Workflows.
    """
    found = cluster.list(WORKFLOWS, namespace=namespace, labels=f"{RUN_LABEL}={run}")
    return read(found[-1]) if found else None


def read_kept_workflow(transport: KfpTransport, run: str) -> Workflow | None:
    """Return the Workflow of a run as Kubeflow Pipelines saw it last; None if it does not keep or tell it.

    Only its older API tells it, as one text (``api/v1beta1/run.proto``, ``PipelineRuntime.workflow_manifest``).

    Args:
        transport: A way to the API.
        run: The run's id.

    Raises:
        MissingError: If there is no such run, or no such API.
        ClusterError: If the API cannot be asked, or refuses.
    """
    path = f"/apis/v1beta1/runs/{quote(run, safe='')}"
    told = transport.json(ApiRequest("GET", path, f"look at the Workflow of the run {run}"))
    runtime = told.get("pipeline_runtime") if isinstance(told, dict) else None
    try:
        found = json.loads((runtime or {}).get("workflow_manifest") or "null")
    except ValueError:
        return None
    return read(found) if isinstance(found, dict) else None
