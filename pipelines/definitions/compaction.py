"""A compiled pipeline, said once: what KFP's compiler writes for each task anew is written for all that are alike.

Kubeflow Pipelines writes a component's interface into the Workflow four times for each task, and with the retries that
it ships eight times. So what nobody reads there is left out: what parameters mean, which stands in the component's own
docstring, and of the pipeline's in the file's comments; parameters that no task gives, for which the component has its
own defaults; defaults of those that all give.
"""

import json
from collections.abc import Iterator
from typing import Any

import yaml

from headrace.cluster.api import yaml_documents

Document = dict[str, Any]
_LABEL = "executorLabel"


def compact(text: str) -> str:
    """The compiled pipeline with components that are alike written once, in short lines.

    Args:
        text: What KFP's compiler wrote: comments, and one or two documents of the intermediate representation, or the
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
    """A line of the compiler's comment, with what it says if it tells of a parameter."""
    name = comment.removeprefix("#").partition(":")[0].strip()
    said = " ".join(str(parameters.get(name, {}).get("description", "")).split())
    return f"{comment}  {said}" if said and comment.startswith("#    ") else comment


def _parts(documents: list[Document]) -> tuple[Document, Document]:
    """The pipeline and what only Kubernetes reads, which may be empty."""
    for document in documents:
        if document.get("kind") == "PipelineVersion":
            return document["spec"]["pipelineSpec"], document["spec"].get("platformSpec") or {}
    spec, *rest = documents
    return spec, rest[0] if rest else {}


def _settings(platform: Document) -> Document:
    """What Kubernetes is to give each executor, by its name."""
    kubernetes = (platform.get("platforms") or {}).get("kubernetes") or {}
    return (kubernetes.get("deploymentSpec") or {}).get("executors") or {}


def _merge(spec: Document, settings: Document) -> None:
    """Let tasks share a component that is the same in all: its interface, its container, what Kubernetes gives it."""
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
    """The tasks of all graphs."""
    for graph in (spec["root"], *spec["components"].values()):
        yield from graph.get("dag", {}).get("tasks", {}).values()


def _drop_descriptions(component: Document) -> None:
    for side in ("inputDefinitions", "outputDefinitions"):
        for kind in component.get(side, {}).values():
            for one in kind.values():
                one.pop("description", None)


def _drop_defaults(component: Document, tasks: list[Document]) -> None:
    """Leave optional parameters to the component that no task gives; what all give needs no default."""
    parameters = component.get("inputDefinitions", {}).get("parameters", {})
    given = [set(task.get("inputs", {}).get("parameters", {})) for task in tasks]
    for name, definition in list(parameters.items()):
        if not definition.get("isOptional"):
            continue
        if not any(name in names for names in given):
            del parameters[name]
        elif all(name in names for names in given):
            definition.pop("defaultValue", None)
            del definition["isOptional"]
    if not parameters:
        component.get("inputDefinitions", {}).pop("parameters", None)
