"""A compiled pipeline as its file states it: the steps, and what each requires of the place where it runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from headrace.core.base.errors import InputError, MissingError
from headrace.pipelines.compiled_spec.conditions import OutputValues, is_left_out, possible_outputs

_ADVICE = "compile it with headrace compile, or with kfp's compiler"
Document = dict[str, Any]


@dataclass(frozen=True)
class PlanStep:
    """A task of a compiled pipeline.

    Attributes:
        name: Its name, preceded by the names of the groups around it, joined by slashes.
        function: The component's function; empty unless it is a lightweight Python component.
        form: ``python``, ``container``, ``importer``, or ``volume`` for one that makes or deletes a claim.
        image: Its image; empty for an importer.
        cached: Whether its outputs may come from an earlier run.
        retries: Number of retries.
        container: Its container, in the compiler's form.
        kubernetes: Its Kubernetes settings, in the compiler's form.
        inputs: The known values of its inputs: constants, and defaults of the pipeline's parameters.
        around: The known inputs of the enclosing pipeline or group, to which ``kubernetes`` refers.
    """

    name: str
    function: str
    form: str
    image: str
    cached: bool
    retries: int
    container: Mapping[str, Any] = field(default_factory=dict)
    kubernetes: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    around: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CompiledPlan:
    """A compiled pipeline.

    Attributes:
        name: Its name.
        steps: Its steps.
        loops: Limit of parallel iterations by the name of a loop; 0 for none.
        workspace: The volume that all steps share, in the compiler's form; empty for none.
        sdk: Name and version of the compiler.
    """

    name: str
    steps: tuple[PlanStep, ...]
    loops: Mapping[str, int] = field(default_factory=dict)
    workspace: Mapping[str, Any] = field(default_factory=dict)
    sdk: str = ""


def read_plan(path: Path) -> CompiledPlan:
    """Read a compiled pipeline: KFP's intermediate representation, or a PipelineVersion for Kubernetes.

    Raises:
        MissingError: If there is no such file.
        InputError: If it is not a compiled pipeline.
    """
    try:
        documents = [
            document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document is not None
        ]
    except FileNotFoundError as error:
        raise MissingError(f"there is no file {path}; {_ADVICE}.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())[:200]
        raise InputError(f"{path} must be a compiled pipeline in YAML; {problem}; {_ADVICE}.") from error
    try:
        spec, platform = _specs(documents)
        return plan_of(spec, platform)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            f"{path} must be a compiled pipeline; it has no readable deploymentSpec; {_ADVICE}."
        ) from error


def _specs(documents: list[Any]) -> tuple[Document, Document]:
    for document in documents:
        if document.get("kind") == "PipelineVersion":
            return document["spec"]["pipelineSpec"], document["spec"].get("platformSpec") or {}
    (spec,) = (document for document in documents if "pipelineInfo" in document)
    return spec, next((document for document in documents if "platforms" in document), {})


def plan_of(
    spec: Mapping[str, Any], platform: Mapping[str, Any], arguments: Mapping[str, Any] | None = None
) -> CompiledPlan:
    """Return the plan of a pipeline that has been read already.

    Args:
        spec: KFP's intermediate representation.
        platform: The part of the document for Kubernetes; empty for none.
        arguments: Arguments of a run, which replace defaults and decide which steps are skipped; None for the
            pipeline with all of its steps.
    """
    kubernetes = (platform.get("platforms") or {}).get("kubernetes") or {}
    settings = (kubernetes.get("deploymentSpec") or {}).get("executors") or {}
    parameters = spec["root"].get("inputDefinitions", {}).get("parameters") or {}
    defaults = {
        name: definition["defaultValue"] for name, definition in parameters.items() if "defaultValue" in definition
    }
    decided = arguments is not None
    walk = _Walk(spec.get("components") or {}, spec["deploymentSpec"]["executors"], settings, {}, decided=decided)
    return CompiledPlan(
        name=str(spec["pipelineInfo"]["name"]),
        steps=tuple(walk.steps(spec["root"]["dag"], "", {**defaults, **(arguments or {})})),
        loops=walk.loops,
        workspace=(kubernetes.get("pipelineConfig") or {}).get("workspace") or {},
        sdk=str(spec.get("sdkVersion", "")),
    )


@dataclass(frozen=True)
class _Walk:
    """Walks through groups of tasks down to the steps."""

    components: Document
    executors: Document
    settings: Document
    loops: dict[str, int]
    decided: bool = False

    def steps(self, dag: Document, prefix: str, values: Mapping[str, Any]) -> Iterator[PlanStep]:
        outputs = self._outcomes(dag, values)
        for name, task in dag["tasks"].items():
            component = self.components[task["componentRef"]["name"]]
            inputs = _constant_inputs(task, values, component) | _produced_inputs(task, outputs)
            if self.decided and is_left_out(str((task.get("triggerPolicy") or {}).get("condition", "")), inputs):
                continue
            if "parameterIterator" in task or "artifactIterator" in task:
                limit = (task.get("iteratorPolicy") or {}).get("parallelismLimit", 0)
                self.loops[f"{prefix}{name}"] = int(limit)
            if "dag" in component:
                yield from self.steps(component["dag"], f"{prefix}{name}/", inputs)
            else:
                step = self._step(f"{prefix}{name}", task, component["executorLabel"])
                yield replace(step, inputs=_without_outcomes(inputs), around=_without_outcomes(values))

    def _outcomes(self, dag: Document, parameters: Mapping[str, Any]) -> dict[tuple[str, str], OutputValues]:
        """Return the possible values of outputs, by task and output, where they are known before the run."""
        outputs = {}
        for name, task in dag["tasks"].items():
            component = self.components[task["componentRef"]["name"]]
            container = self.executors[component["executorLabel"]].get("container") if "dag" not in component else None
            for output, values in possible_outputs(
                _function(container or {}), _constant_inputs(task, parameters, component)
            ).items():
                outputs[name, output] = values
        return outputs

    def _step(self, name: str, task: Document, label: str) -> PlanStep:
        executor = self.executors[label]
        container = executor.get("container") or {}
        function = _function(container)
        return PlanStep(
            name=name,
            function=function,
            form=_form(container, function),
            image=str(container.get("image", "")),
            cached=bool((task.get("cachingOptions") or {}).get("enableCache", False)),
            retries=int((task.get("retryPolicy") or {}).get("maxRetryCount", 0)),
            container=container,
            kubernetes=self.settings.get(label) or {},
        )


def _constant_inputs(task: Document, parameters: Mapping[str, Any], component: Document) -> dict[str, Any]:
    """Return the values of a task's inputs that the file states."""
    definitions = (component.get("inputDefinitions") or {}).get("parameters") or {}
    inputs = {
        name: definition["defaultValue"] for name, definition in definitions.items() if "defaultValue" in definition
    }
    for name, value in ((task.get("inputs") or {}).get("parameters") or {}).items():
        inputs.pop(name, None)
        if "constant" in (value.get("runtimeValue") or {}):
            inputs[name] = value["runtimeValue"]["constant"]
        elif value.get("componentInputParameter") in parameters:
            inputs[name] = parameters[value["componentInputParameter"]]
    return inputs


def _produced_inputs(task: Document, outputs: Mapping[tuple[str, str], OutputValues]) -> dict[str, OutputValues]:
    """Return the possible values of the inputs that are outputs of other tasks."""
    inputs = ((task.get("inputs") or {}).get("parameters") or {}).items()
    sources = {name: value.get("taskOutputParameter") or {} for name, value in inputs}
    producers = {
        name: (source.get("producerTask", ""), source.get("outputParameterKey", "")) for name, source in sources.items()
    }
    return {name: outputs[producer] for name, producer in producers.items() if producer in outputs}


def _without_outcomes(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if not isinstance(value, OutputValues)}


def _function(container: Document) -> str:
    arguments = list(container.get("args") or [])
    flag = "--function_to_execute"
    return str(arguments[arguments.index(flag) + 1]) if flag in arguments else ""


def _form(container: Document, function: str) -> str:
    if not container:
        return "importer"
    if function:
        return "python"
    return "volume" if str(container.get("image", "")).startswith("argostub/") else "container"
