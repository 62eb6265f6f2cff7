"""Argo Workflows, played: the Workflow of a run as it stands in a cluster, and as Kubeflow Pipelines tells of it.

In the form that was seen of Kubeflow Pipelines 2.17.0 with Argo Workflows 4.0.5: each node may be tried again, so that
its name ends with the attempt's number beside a node for all attempts; above 1 MiB all nodes are compressed.
"""

import base64
import gzip
import json
import random
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.cluster.kfp.pipeline_spec import PipelineFile

_STATES = {"Failed": "FAILED", "Error": "FAILED", "Omitted": None, "": None}


@dataclass
class Node:
    """A task of a played run.

    Attributes:
        task: Its name.
        state: As Kubeflow Pipelines calls it; ``OMITTED`` for what is left out since something before it failed.
        began: When it began.
        ended: When it ended.
        message: What Argo says of its pod.
        driver: What Argo says of its driver's pod, which cannot start.
        cached: Whether it was taken from an earlier run.
        attempts: How often its pod was made.
    """

    task: str
    state: str
    began: str
    ended: str | None = None
    message: str = ""
    driver: str = ""
    cached: bool = False
    attempts: int = 1
    salt: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True)
class Play:
    """How Argo Workflows plays.

    Attributes:
        retries: Whether nodes have attempts, as since Kubeflow Pipelines 2.17.0.
        compressed: Whether the nodes are more than 1 MiB.
    """

    retries: bool = True
    compressed: bool = False


def identity(name: str, node: str) -> str:
    """Id of a node: the Workflow's name and FNV-1a of the node's, of 32 bits."""
    digest = 0x811C9DC5
    for byte in node.encode():
        digest = ((digest ^ byte) * 0x01000193) % (1 << 32)
    return name if node == name else f"{name}-{digest}"


@dataclass
class _Writer:
    """Writes the nodes of a Workflow."""

    name: str
    retries: bool
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def node(self, place: str, own: str, facts: Mapping[str, Any], *, attempts: int = 1) -> str:
        """Write a node below another; the name under which what is below it stands is returned."""
        above = f"{place}.{own}" if place else own
        failed = facts["phase"] in {"Failed", "Error"}
        if not self.retries or facts["phase"] in {"Skipped", "Omitted"}:
            self._write(above, own, facts, parent=place)
            return above
        rest = {"message": "No more retries left"} if failed else {}
        over = {**facts, "type": "Retry", **rest}
        if facts["phase"] == "Pending":
            over |= {"phase": "Running", "message": ""}
        self._write(above, own, over, parent=place)
        for attempt in range(attempts):
            last = attempt == attempts - 1
            tried = facts if last else {**facts, "phase": "Error"}
            self._write(f"{above}({attempt})", f"{own}({attempt})", tried, parent=above)
        return f"{above}({attempts - 1})"

    def _write(self, name: str, own: str, facts: Mapping[str, Any], *, parent: str) -> None:
        found = identity(self.name, name)
        self.nodes[found] = {"id": found, "name": name, "displayName": own, **{k: v for k, v in facts.items() if v}}
        if parent:
            self.nodes[identity(self.name, parent)].setdefault("children", []).append(found)


def nodes(name: str, pipeline: PipelineFile, tasks: Mapping[str, Node], *, phase: str, play: Play) -> dict[str, Any]:
    """The nodes of a Workflow by their ids.

    Args:
        name: The Workflow's name.
        pipeline: What it runs.
        tasks: The tasks that have begun, or are known to be left out.
        phase: The Workflow's phase.
        play: How Argo plays.
    """
    began = min((one.began for one in tasks.values()), default=None)
    writer = _Writer(name, play.retries)
    whole = {"phase": phase, "startedAt": began, "type": "DAG"}
    top = writer.node("", name, whole)
    writer.node(top, "root-driver", {**whole, "type": "Pod", "phase": "Succeeded", "finishedAt": began})
    places: dict[tuple[str, ...], str] = {(): writer.node(top, "root", whole)}
    for step in pipeline.steps.values():
        task = tasks.get(step.name)
        if task is None and phase != "Succeeded":
            continue
        left_out = {"phase": "Skipped", "type": "Skipped", "startedAt": began, "finishedAt": began}
        for depth in range(len(step.groups)):
            group, outer = step.groups[: depth + 1], places.get(step.groups[:depth])
            if group in places or outer is None:
                continue
            if task is None or task.state == "OMITTED":
                omitted = {"phase": "Omitted", "message": "omitted: depends condition not met"} if task else {}
                writer.node(outer, group[-1], {**left_out, **omitted})
                break
            done = {"phase": "Succeeded", "startedAt": began, "finishedAt": began, "type": "Pod"}
            writer.node(outer, f"{group[-1]}-driver", done)
            places[group] = writer.node(outer, group[-1], whole)
        if task is not None and step.groups in places:
            _task(writer, places[step.groups], task)
    return writer.nodes


def _task(writer: _Writer, place: str, task: Node) -> None:
    times = {"startedAt": task.began, "finishedAt": task.ended}
    if task.state == "OMITTED":
        facts = {"phase": "Omitted", "type": "Skipped", "message": "omitted: depends condition not met", **times}
        writer.node(place, f"{task.task}-driver", facts)
        writer.node(place, task.task, facts)
        return
    waits = "Pending" if task.state == "PENDING" else "Failed"
    driver = {"phase": waits if task.driver else "Succeeded", "message": task.driver}
    writer.node(place, f"{task.task}-driver", {**times, **driver, "type": "Pod"})
    if task.driver:
        return
    phase = task.state.capitalize()
    inner = writer.node(place, task.task, {**times, "phase": "Running" if phase == "Pending" else phase, "type": "DAG"})
    if task.cached:
        message = "when 'true != true' evaluated false"
        writer.node(inner, "executor", {**times, "phase": "Skipped", "type": "Skipped", "message": message})
        return
    told = task.message or ("Error (exit code 1)" if phase == "Failed" else "")
    writer.node(inner, "executor", {**times, "phase": phase, "type": "Pod", "message": told}, attempts=task.attempts)


def workflow(
    name: str,
    run: str,
    found: Mapping[str, Any],
    *,
    phase: str,
    message: str = "",
    stopped: bool = False,
    play: Play | None = None,
) -> dict[str, Any]:
    """The Workflow as an object.

    Args:
        name: Its name.
        run: The run's id.
        found: Its nodes.
        phase: Its phase; empty while Argo has not looked at it.
        message: What Argo says of the whole.
        stopped: Whether Kubeflow Pipelines told it to end.
        play: How Argo plays.
    """
    status: dict[str, Any] = {key: value for key, value in (("phase", phase), ("message", message)) if value}
    if play and play.compressed:
        status["compressedNodes"] = base64.b64encode(gzip.compress(json.dumps(found).encode())).decode()
    elif found:
        status["nodes"] = dict(found)
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name, "namespace": "kubeflow", "labels": {"pipeline/runid": run}},
        "spec": {"entrypoint": "entrypoint", **({"activeDeadlineSeconds": 0} if stopped else {})},
        "status": status,
    }


def task_details(run: str, found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the API of Kubeflow Pipelines tells of nodes: no pod, no state of what was left out, in no order."""
    details = list(_details(run, found))
    random.shuffle(details)
    return details


def _details(run: str, found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for node in found.values():
        state = _STATES.get(node["phase"], node["phase"].upper())
        children = [{"pod_name": child} for child in node.get("children") or []]
        yield {
            "run_id": run,
            "task_id": str(uuid.uuid4()),
            "display_name": node["displayName"],
            "create_time": node.get("startedAt"),
            "start_time": node.get("startedAt"),
            "end_time": node.get("finishedAt") or "1970-01-01T00:00:00Z",
            **({"state": state} if state else {}),
            **({"child_tasks": children} if children else {}),
        }
