"""Trials of a played Katib as real Jobs on a node, with what Katib's webhook puts into their pods."""

import json
from collections.abc import Mapping
from typing import Any

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import JOBS, PODS, TRIALS
from tests.experiments import jobs
from tests.experiments.katib_controller import Ran, Run
from tests.node.pods import said, somebody, wait_for

TRIAL_LABEL = "katib.kubeflow.org/trial"


def on_node(cluster: Cluster) -> Run:
    """Runs a trial's Job on the node until its pod has ended."""

    def run(job: Mapping[str, Any]) -> Ran:
        made = collected(cluster, job)
        cluster.create(made)
        name = made["metadata"]["name"]
        pod = wait_for(lambda: ended(cluster, name), f"the end of the trial {name}", 300)
        (status,) = pod["status"]["containerStatuses"]
        return int(status["state"]["terminated"]["exitCode"]), said(cluster, pod["metadata"]["name"])

    return run


def collected(cluster: Cluster, job: Mapping[str, Any]) -> dict[str, Any]:
    """The Job as Katib sends it: owned by its Trial, and its command joined for a shell, as the collector wants it."""
    made: dict[str, Any] = json.loads(json.dumps(job))
    name = made["metadata"]["name"]
    trial = cluster.get(TRIALS, name) or {}
    owner = {"apiVersion": trial["apiVersion"], "kind": "Trial", "name": name, "uid": trial["metadata"]["uid"]}
    made["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
    template = made["spec"]["template"]
    template.setdefault("metadata", {}).setdefault("labels", {})[TRIAL_LABEL] = name
    template["spec"]["securityContext"] = {"runAsUser": somebody()}
    (container,) = template["spec"]["containers"]
    container["command"] = ["sh", "-c", jobs.as_collected(container)]
    container.pop("args", None)
    return made


def ended(cluster: Cluster, name: str) -> dict[str, Any] | None:
    """The pod of a trial once it has ended."""
    job = cluster.get(JOBS, name)
    pods = cluster.list(PODS, labels=f"{TRIAL_LABEL}={name}")
    if job is None:  # its Experiment was deleted
        return {
            "status": {"containerStatuses": [{"state": {"terminated": {"exitCode": 137}}}]},
            "metadata": {"name": name},
        }
    return next((pod for pod in pods if pod["status"].get("phase") in {"Succeeded", "Failed"}), None)
