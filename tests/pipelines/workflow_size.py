"""How large the Workflow of a run becomes, by what Kubeflow Pipelines 2.17 and Argo Workflows 4 write into it.

The two are not to be had here; this adds up what they were read to write (kubeflow/pipelines: ``argocompiler`` and
``driver``; argo-workflows: ``initializeExecutableNode``, ``processNodeRetries``):

* among the Workflow's arguments each component, container and settings once; in the templates each task once;
* for a task's driver a node with component, task, container and settings, and with the patch of the step's pod;
* for the step a graph's node and a pod's node, each with the patch; it holds the launcher's command with the executor's
  input, which tells of every artifact, and the component again;
* for a group of tasks a driver's node with the group's component and task, and the group's own node;
* with a retry strategy, which 2.17 ships for all templates, each node twice, inputs and outputs too.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LIMIT = 1 << 20
"""The largest Workflow that Argo keeps as it is, in bytes; it compresses the nodes of a larger one."""
_NODE = 800  # id, names, template, boundary, phase, times, progress, resources, host, children
_TEMPLATES = 15_000  # of KFP's own: the drivers', the launcher's
_LAUNCHER = [*(f"--an-option-of-the-launcher-{number}={'x' * 12}" for number in range(18))]
_URI = "minio://mlpipeline/v2/artifacts/headrace-training/" + "0" * 36 + "/infer-contract/" + "0" * 36 + "/contract"
_SESSION = json.dumps(
    {
        "Provider": "minio",
        "Params": {
            "accessKeyKey": "accesskey",
            "disableSsl": "true",
            "endpoint": "minio-service.kubeflow:9000",
            "fromEnv": "false",
            "region": "minio",
            "secretKey": "secretkey",
            "secretName": "mlpipeline-minio-artifact",
        },
    }
)
_FACTS = "x" * 190  # the mean of what the steps of a small table tell of an artifact


@dataclass(frozen=True)
class Size:
    """Adds up the bytes of a Workflow all of whose tasks have run.

    Attributes:
        spec: The compiled pipeline.
        platform: What only Kubernetes reads.
        arguments: The run's.
        copies: 2 with a retry strategy, as shipped since 2.17; 1 without.
        left_out: Names of groups that do not run.
    """

    spec: Mapping[str, Any]
    platform: Mapping[str, Any]
    arguments: Mapping[str, Any]
    copies: int
    left_out: frozenset[str] = frozenset()

    def bytes(self) -> int:
        """All of it."""
        root = self.spec["root"]
        arguments = sum(map(_escaped, (*self.spec["components"].values(), root)))
        arguments += sum(map(_escaped, self.spec["deploymentSpec"]["executors"].values()))
        arguments += sum(map(_escaped, self._settings().values()))
        defaults = root["inputDefinitions"]["parameters"]
        given = {**{name: one.get("defaultValue") for name, one in defaults.items()}, **self.arguments}
        entered = self.copies * (2 * _NODE + _escaped(root) + _escaped(given)) + _escaped(given)
        templates = _TEMPLATES + sum(_escaped(task) for _, task in self._tasks(root, everywhere=True))
        return arguments + entered + templates + sum(self._run(task) for _, task in self._tasks(root))

    def _settings(self) -> Mapping[str, Any]:
        kubernetes = self.platform.get("platforms", {}).get("kubernetes", {})
        return dict(kubernetes.get("deploymentSpec", {}).get("executors", {}))

    def _tasks(self, graph: Mapping[str, Any], *, everywhere: bool = False) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for name, task in graph["dag"]["tasks"].items():
            component = self.spec["components"][task["componentRef"]["name"]]
            yield name, task
            if "dag" in component and (everywhere or name not in self.left_out):
                yield from self._tasks(component, everywhere=everywhere)

    def _run(self, task: Mapping[str, Any]) -> int:
        component = self.spec["components"][task["componentRef"]["name"]]
        driver = _NODE + _escaped(component) + _escaped(task)
        if "dag" in component:
            return self.copies * (driver + _NODE)
        label = component["executorLabel"]
        executor, settings = self.spec["deploymentSpec"]["executors"][label], self._settings().get(label, {})
        patch = _escaped(_patch(component, executor["container"], settings))
        return self.copies * (driver + _escaped(executor) + _escaped(settings) + 2 * _NODE + 3 * patch)


def _patch(component: Mapping[str, Any], container: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a driver tells of a step's pod."""
    inputs, outputs = component.get("inputDefinitions", {}), component.get("outputDefinitions", {})
    asked = {
        "inputs": {
            "artifacts": {name: _artifact(name, one, _FACTS) for name, one in inputs.get("artifacts", {}).items()},
            "parameterValues": dict.fromkeys(inputs.get("parameters", {}), "0.123"),
        },
        "outputs": {
            "artifacts": {name: _artifact(name, one, "") for name, one in outputs.get("artifacts", {}).items()},
            "parameters": {
                name: {"outputFile": f"/outputs-of-the-step/{name}"} for name in outputs.get("parameters", {})
            },
            "outputFile": "/outputs-of-the-step/output_metadata.json",
        },
    }
    launched = [*_LAUNCHER, "--executor_input", _text(asked), "--component_spec", _text(component), "--"]
    variables = [
        {"name": one["envVar"], "valueFrom": {"secretKeyRef": {"name": secret["secretName"], "key": one["secretKey"]}}}
        for secret in settings.get("secretAsEnv", [])
        for one in secret["keyToEnv"]
    ]
    main = {**container, "name": "main", "command": [*launched, *container["command"]], "env": variables}
    return {"containers": [main]}


def _artifact(name: str, definition: Mapping[str, Any], facts: str) -> dict[str, Any]:
    metadata = {"facts": facts, "display_name": name, "store_session_info": _SESSION} if facts else {}
    return {"artifacts": [{"name": name, "type": definition["artifactType"], "uri": _URI, "metadata": metadata}]}


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _escaped(value: Any) -> int:
    """Bytes of a value that stands as a text of JSON in the Workflow's own JSON."""
    return len(json.dumps(_text(value)))
