"""A compiled pipeline as it lies in its file: the steps, and what each asks of where it runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from headrace.core.base.errors import InputError, MissingError
from headrace.pipelines.compiled_spec.conditions import OutputValues, is_left_out, outcomes

_ADVICE = "compile it with headrace compile, or with kfp's compiler"
Document = dict[str, Any]


@dataclass(frozen=True)
class PlanStep:
    """A task of a compiled pipeline.

    Attributes:
        name: Its name, with the names of the groups that it lies in before it, joined by slashes.
        function: The component's function; empty if it is no lightweight Python component.
        form: ``python``, ``container``, ``importer``, or ``volume`` for one that makes or deletes a claim.
        image: Its image; empty for an importer.
        cached: Whether an earlier result may be taken for it.
        retries: How often it is tried again.
        container: Its container, as the compiler writes it.
        kubernetes: What it asks of Kubernetes, as the compiler writes it.
        inputs: Its inputs' values that are known: constants, and defaults of the pipeline's parameters.
        around: The same of the pipeline or the group that it lies in, by which ``kubernetes`` names things.
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
        workspace: The volume that all steps share, as the compiler writes it; empty for none.
        sdk: What compiled it.
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
        InputError: If it is no compiled pipeline.
    """
    try:
        documents = [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one is not None]
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
    """The same of a pipeline that was read already.

    Args:
        spec: KFP's intermediate representation.
        platform: What only Kubernetes understands; empty for nothing.
        arguments: Arguments of a run, which count instead of defaults, and by which some steps are left out; None for
            the pipeline as it is, with all of its steps.
    """
    kubernetes = (platform.get("platforms") or {}).get("kubernetes") or {}
    settings = (kubernetes.get("deploymentSpec") or {}).get("executors") or {}
    parameters = spec["root"].get("inputDefinitions", {}).get("parameters") or {}
    defaults = {name: one["defaultValue"] for name, one in parameters.items() if "defaultValue" in one}
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
    """The way through groups of tasks down to the steps."""

    components: Document
    executors: Document
    settings: Document
    loops: dict[str, int]
    decided: bool = False

    def steps(self, dag: Document, prefix: str, known: Mapping[str, Any]) -> Iterator[PlanStep]:
        made = self._outcomes(dag, known)
        for name, task in dag["tasks"].items():
            component = self.components[task["componentRef"]["name"]]
            inputs = _constant_inputs(task, known, component) | _produced_inputs(task, made)
            if self.decided and is_left_out(str((task.get("triggerPolicy") or {}).get("condition", "")), inputs):
                continue
            if "parameterIterator" in task or "artifactIterator" in task:
                limit = (task.get("iteratorPolicy") or {}).get("parallelismLimit", 0)
                self.loops[f"{prefix}{name}"] = int(limit)
            if "dag" in component:
                yield from self.steps(component["dag"], f"{prefix}{name}/", inputs)
            else:
                step = self._step(f"{prefix}{name}", task, component["executorLabel"])
                yield replace(step, inputs=_without_outcomes(inputs), around=_without_outcomes(known))

    def _outcomes(self, dag: Document, known: Mapping[str, Any]) -> dict[tuple[str, str], OutputValues]:
        """What the outputs of tasks may be, by task and output, where that is known beforehand."""
        found = {}
        for name, task in dag["tasks"].items():
            component = self.components[task["componentRef"]["name"]]
            container = self.executors[component["executorLabel"]].get("container") if "dag" not in component else None
            for output, values in outcomes(
                _function(container or {}), _constant_inputs(task, known, component)
            ).items():
                found[name, output] = values
        return found

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


def _constant_inputs(task: Document, known: Mapping[str, Any], component: Document) -> dict[str, Any]:
    """The values of a task's inputs that stand in the file."""
    definitions = (component.get("inputDefinitions") or {}).get("parameters") or {}
    found = {name: one["defaultValue"] for name, one in definitions.items() if "defaultValue" in one}
    for name, given in ((task.get("inputs") or {}).get("parameters") or {}).items():
        found.pop(name, None)
        if "constant" in (given.get("runtimeValue") or {}):
            found[name] = given["runtimeValue"]["constant"]
        elif given.get("componentInputParameter") in known:
            found[name] = known[given["componentInputParameter"]]
    return found


def _produced_inputs(task: Document, made: Mapping[tuple[str, str], OutputValues]) -> dict[str, OutputValues]:
    """What those inputs of a task may be that are outputs of other tasks."""
    given = ((task.get("inputs") or {}).get("parameters") or {}).items()
    sources = {name: value.get("taskOutputParameter") or {} for name, value in given}
    places = {name: (one.get("producerTask", ""), one.get("outputParameterKey", "")) for name, one in sources.items()}
    return {name: made[place] for name, place in places.items() if place in made}


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
