"""The Workflow (Argo Workflows) of a run of Kubeflow Pipelines, parsed.

It shows what the API of Kubeflow Pipelines omits: which node belongs to which step, why a node cannot start, and, if
the nodes are compressed (Argo does so above 1 MiB), their states at all. The name of a node is its path through the
graph, ``NAME.root.train.executor``. Since Kubeflow Pipelines 2.17 nodes may be retried; an attempt is named
``NAME(0).root(0).train(0).executor(0)`` with the numbers of attempts, and a node for all attempts omits the last one.
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
"""Final phases of a node or a whole Workflow."""
_ATTEMPT = re.compile(r"\(\d+\)")
_LAST_ATTEMPT = re.compile(r"\(\d+\)$")
_PART = re.compile(r"[^.(]+(?:\([^)]*\))*")
_EXECUTOR = "executor"
# Messages that only say that a node below failed, or with which exit code.
_EMPTY_WORDS = re.compile(
    r"child '.*' (failed|errored)|No more retries left|retryStrategy\.expression evaluated to false"
    r"|Error \(exit code \d+\)|when '.*' evaluated false|omitted: .*"
)


@dataclass(frozen=True)
class WorkflowNode:
    """A node of a Workflow, over all its attempts.

    Attributes:
        path: Its path through the graph below the Workflow, such as ``("root", "train", "executor")``.
        phase: ``Pending``, ``Running``, ``Succeeded``, ``Skipped``, ``Omitted``, ``Failed`` or ``Error``; empty before.
        began: Start, in seconds since 1970; 0 before.
        ended: End, in seconds since 1970; 0 before.
        message: Reason of its phase, from the last attempt that has one; empty if none has.
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
        namespace: Namespace of it and its pods.
        phase: As of a node; empty until Argo handles it.
        message: Argo's message about the whole Workflow; empty if uninformative.
        stopped: Whether somebody terminated it.
        nodes: Its nodes; None if they are stored elsewhere, such as in Argo's database.
    """

    name: str
    namespace: str
    phase: str = ""
    message: str = ""
    stopped: bool = False
    nodes: tuple[WorkflowNode, ...] | None = ()

    @property
    def has_ended(self) -> bool:
        """Whether its phase is final."""
        return self.phase in ENDED

    def is_cached(self, path: tuple[str, ...]) -> bool:
        """Return whether the outputs of a step come from an earlier run: its executor was skipped."""
        return any(node.path == (*path, _EXECUTOR) and node.phase == "Skipped" for node in self.nodes or ())

    def trouble(self) -> str:
        """Return why it fails, from the first failed node or the whole Workflow; empty if neither is informative."""
        bad = sorted((node for node in self.nodes or () if node.phase in {"Error", "Failed"}), key=lambda n: n.began)
        return next((node.message for node in bad if node.message), self.message)


def read(document: Mapping[str, Any]) -> Workflow:
    """Return a Workflow from the object of the API server, or from Kubeflow Pipelines' copy."""
    metadata, spec, status = (document.get(part) or {} for part in ("metadata", "spec", "status"))
    nodes = _nodes(status)
    return Workflow(
        name=str(metadata.get("name", "")),
        namespace=str(metadata.get("namespace", "")),
        phase=str(status.get("phase") or ""),
        message=_words(status.get("message")),
        # Kubeflow Pipelines terminates a run by a deadline of 0 seconds, Argo itself by spec.shutdown.
        stopped=spec.get("activeDeadlineSeconds") == 0 or spec.get("shutdown") in {"Terminate", "Stop"},
        nodes=None if nodes is None else tuple(_join_attempts(nodes)),
    )


def _nodes(status: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Return the nodes as Argo wrote them; None if they are not in the object or cannot be parsed."""
    nodes = status.get("nodes")
    if not nodes and status.get("compressedNodes"):
        try:
            nodes = json.loads(gzip.decompress(base64.b64decode(str(status["compressedNodes"]))))
        except (binascii.Error, OSError, EOFError, zlib.error, ValueError):
            return None
    if not nodes:
        return None if status.get("offloadNodeStatusVersion") else []
    return [node for node in dict(nodes).values() if isinstance(node, dict)]


def path_of(node: str) -> tuple[str, ...]:
    """Return the path of a node below its Workflow from its name, without the numbers of attempts."""
    return tuple(_PART.findall(_ATTEMPT.sub("", node)))[1:]


def _join_attempts(nodes: list[dict[str, Any]]) -> Iterator[WorkflowNode]:
    """Yield one node for all attempts of each node; of a graph that was retried as a whole, the last attempt."""
    attempts: dict[str, list[dict[str, Any]]] = {}
    for facts in sorted(nodes, key=lambda node: (str(node.get("startedAt") or ""), str(node.get("name") or ""))):
        attempts.setdefault(_LAST_ATTEMPT.sub("", str(facts.get("name") or "")), []).append(facts)
    joined: dict[tuple[str, ...], WorkflowNode] = {}
    for name, group in attempts.items():
        path = path_of(name)
        if path:
            joined[path] = _node(name, path, group)
    yield from joined.values()


def _node(name: str, path: tuple[str, ...], attempts: list[dict[str, Any]]) -> WorkflowNode:
    """Return a node from its attempts, earliest first, which may include the node for all attempts."""
    summary = next((attempt for attempt in attempts if attempt.get("name") == name), attempts[-1])
    phase = str(summary.get("phase") or "")
    if phase == "Running" and attempts[-1].get("phase") == "Pending":
        phase = "Pending"  # the last attempt cannot start
    messages = [text for attempt in [summary, *reversed(attempts)] if (text := _words(attempt.get("message")))]
    return WorkflowNode(
        path=path,
        phase=phase,
        began=seconds(summary.get("startedAt")),
        ended=seconds(summary.get("finishedAt")) if phase in ENDED else 0.0,
        message=messages[0] if messages else "",
    )


def _words(message: Any) -> str:
    """Return a message on one line; empty if it is uninformative."""
    text = " ".join(str(message or "").split())
    return "" if _EMPTY_WORDS.fullmatch(text) else text


def of_run(cluster: Cluster, run: str, *, namespace: str) -> Workflow | None:
    """Return the Workflow of a run; None if the namespace has none.

    Args:
        cluster: The cluster.
        run: The run's id.
        namespace: The namespace.

    Raises:
        ClusterError: If the server does not answer, does not allow it, or does not serve Workflows.
    """
    workflows = cluster.list(WORKFLOWS, namespace=namespace, labels=f"{RUN_LABEL}={run}")
    return read(workflows[-1]) if workflows else None


def read_kept_workflow(transport: KfpTransport, run: str) -> Workflow | None:
    """Return the Workflow of a run as last stored by Kubeflow Pipelines; None if it stores or returns none.

    Only its older API returns it, as one text (``api/v1beta1/run.proto``, ``PipelineRuntime.workflow_manifest``).

    Args:
        transport: Sends requests to the API.
        run: The run's id.

    Raises:
        MissingError: If the run or the API does not exist.
        ClusterError: If the API does not answer, or refuses.
    """
    path = f"/apis/v1beta1/runs/{quote(run, safe='')}"
    document = transport.json(ApiRequest("GET", path, f"look at the Workflow of the run {run}"))
    runtime = document.get("pipeline_runtime") if isinstance(document, dict) else None
    try:
        manifest = json.loads((runtime or {}).get("workflow_manifest") or "null")
    except ValueError:
        return None
    return read(manifest) if isinstance(manifest, dict) else None
