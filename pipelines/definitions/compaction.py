"""Compacts compiled pipelines: what KFP's compiler repeats for each task is written once for all that are alike.

Kubeflow Pipelines writes a component's interface into the Workflow four times for each task, and eight times with its
default retries. So what nobody reads there is left out: descriptions of parameters, which the component's docstring
and, for the pipeline's own, the file's comments have; parameters that no task sets, for which the component has its
own defaults; defaults of parameters that all tasks set.
"""

import json
from collections.abc import Iterator
from typing import Any

import yaml

from headrace.cluster.api import yaml_documents

Document = dict[str, Any]
_LABEL = "executorLabel"


def compact(text: str) -> str:
    """Return the compiled pipeline with equal components written once, in short lines.

    Args:
        text: Output of KFP's compiler: comments, and one or two documents of the intermediate representation, or the
            objects ``Pipeline`` and ``PipelineVersion``.
    """
    documents = list(yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    spec, platform = _parts(documents)
    parameters = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    comments = "".join(
        f"{_describe_parameter(line, parameters)}\n" for line in text.splitlines() if line.startswith("#")
    )
    _drop_descriptions(spec["root"])
    _merge(spec, _settings(platform))
    for name, component in spec["components"].items():
        _drop_descriptions(component)
        if _LABEL in component:
            _drop_defaults(component, [task for task in _tasks(spec) if task["componentRef"]["name"] == name])
    return comments + yaml_documents.dump_all(documents, short=True)


def _describe_parameter(comment: str, parameters: Document) -> str:
    """Return a line of the compiler's comment, with the description if it names a parameter."""
    name = comment.removeprefix("#").partition(":")[0].strip()
    description = " ".join(str(parameters.get(name, {}).get("description", "")).split())
    return f"{comment}  {description}" if description and comment.startswith("#    ") else comment


def _parts(documents: list[Document]) -> tuple[Document, Document]:
    """Return the pipeline and its part for Kubernetes, which may be empty."""
    for document in documents:
        if document.get("kind") == "PipelineVersion":
            return document["spec"]["pipelineSpec"], document["spec"].get("platformSpec") or {}
    spec, *rest = documents
    return spec, rest[0] if rest else {}


def _settings(platform: Document) -> Document:
    """Return the Kubernetes settings of each executor, by its name."""
    kubernetes = (platform.get("platforms") or {}).get("kubernetes") or {}
    return (kubernetes.get("deploymentSpec") or {}).get("executors") or {}


def _merge(spec: Document, settings: Document) -> None:
    """Let tasks share a component whose interface, container and Kubernetes settings are equal."""
    executors = spec["deploymentSpec"]["executors"]
    first: dict[str, str] = {}
    shared: dict[str, str] = {}
    for name, component in list(spec["components"].items()):
        label = component.get(_LABEL)
        if label is None:
            continue
        interface = {key: value for key, value in component.items() if key != _LABEL}
        alike = json.dumps([interface, executors[label], settings.get(label)], sort_keys=True)
        shared[name] = first.setdefault(alike, name)
        if shared[name] != name:
            del spec["components"][name], executors[label]
            settings.pop(label, None)
    for task in _tasks(spec):
        reference = task["componentRef"]
        reference["name"] = shared.get(reference["name"], reference["name"])


def _tasks(spec: Document) -> Iterator[Document]:
    """Yield the tasks of all graphs."""
    for graph in (spec["root"], *spec["components"].values()):
        yield from graph.get("dag", {}).get("tasks", {}).values()


def _drop_descriptions(component: Document) -> None:
    for side in ("inputDefinitions", "outputDefinitions"):
        for kind in component.get(side, {}).values():
            for definition in kind.values():
                definition.pop("description", None)


def _drop_defaults(component: Document, tasks: list[Document]) -> None:
    """Drop optional parameters that no task sets, and the defaults of those that all tasks set."""
    parameters = component.get("inputDefinitions", {}).get("parameters", {})
    set_by_task = [set(task.get("inputs", {}).get("parameters", {})) for task in tasks]
    for name, definition in list(parameters.items()):
        if not definition.get("isOptional"):
            continue
        if not any(name in names for names in set_by_task):
            del parameters[name]
        elif all(name in names for names in set_by_task):
            definition.pop("defaultValue", None)
            del definition["isOptional"]
    if not parameters:
        component.get("inputDefinitions", {}).pop("parameters", None)
