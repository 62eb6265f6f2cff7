"""Read compiled pipelines: their names, parameters and steps.

The format is KFP's intermediate representation (``pipeline_spec.proto`` of kubeflow/pipelines) as YAML: the pipeline,
and optionally a second document with options for Kubernetes.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from headrace.core.base.errors import InputError, MissingError, quote

_LARGEST_BYTES = 8 << 20
_KINDS = {
    "STRING": "a text",
    "NUMBER_INTEGER": "a whole number",
    "NUMBER_DOUBLE": "a number",
    "BOOLEAN": "true or false",
    "LIST": "a list",
    "STRUCT": "an object",
}
_FUNCTION = "--function_to_execute"
_WORDS = {"true": True, "false": False}


@dataclass(frozen=True)
class PipelineParameter:
    """A parameter of a pipeline.

    Attributes:
        name: The name.
        kind: One of ``STRING``, ``NUMBER_INTEGER``, ``NUMBER_DOUBLE``, ``BOOLEAN``, ``LIST`` and ``STRUCT``.
        required: Whether there is no default.
    """

    name: str
    kind: str
    required: bool

    def value(self, given: Any, where: str) -> Any:
        """Return a value cast to the type of the parameter; whole numbers are numbers too.

        Args:
            given: A JSON value.
            where: Name of the pipeline in messages.

        Raises:
            InputError: If the value has another type.
        """
        cast_value = _cast(self.kind, given)
        if cast_value is None:
            raise InputError(f"{self.name} of {where} must be {_KINDS[self.kind]}; got {quote(given)} instead.")
        return cast_value

    def value_of(self, text: str, where: str) -> Any:
        """Return the value of a text: the text itself for a text parameter, else its JSON value.

        Raises:
            InputError: If the value has another type.
        """
        if self.kind == "STRING":
            return text
        try:
            parsed = _WORDS[text.lower()] if text.lower() in _WORDS else json.loads(text)
        except ValueError:
            parsed = text
        return self.value(parsed, where)


def _cast(kind: str, value: Any) -> Any:
    """Return a value cast to a type; None if it has another type."""
    if kind in {"NUMBER_INTEGER", "NUMBER_DOUBLE"}:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        if kind == "NUMBER_DOUBLE":
            return float(value)
        return int(value) if value == int(value) else None
    expected_type: type = {"STRING": str, "BOOLEAN": bool, "LIST": list, "STRUCT": dict}[kind]
    return value if isinstance(value, expected_type) else None


@dataclass(frozen=True)
class PipelineTask:
    """A step of a pipeline, also inside a condition or a loop.

    Attributes:
        name: Its name in the pipeline.
        runs: Name of the component function that it runs, or its own name.
        artifacts: Types of its output artifacts, such as ``system.Model``, by their names.
        groups: The conditions, loops and inner pipelines around it, outermost first.
    """

    name: str
    runs: str
    artifacts: Mapping[str, str]
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class PipelineFile:
    """A compiled pipeline.

    Attributes:
        source: Its file, for messages.
        name: Its name.
        text: Content of the file.
        parameters: Its parameters by name.
        steps: Its steps by name, in topological order.
        spec: Its first document.
        platform: Its second document; empty if there is none.
    """

    source: str
    name: str
    text: str
    parameters: Mapping[str, PipelineParameter]
    steps: Mapping[str, PipelineTask]
    spec: Mapping[str, Any] = field(repr=False)
    platform: Mapping[str, Any] = field(repr=False)

    def check_arguments(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments cast to the types of the pipeline's parameters.

        Raises:
            InputError: If one is unknown, has another type, or is missing.
        """
        self.require_parameters(arguments)
        missing = sorted(p.name for p in self.parameters.values() if p.required and p.name not in arguments)
        if missing:
            raise InputError(f"the pipeline {self.source} must be given {', '.join(missing)} too: add what is missing.")
        return {name: self.parameters[name].value(value, self.source) for name, value in arguments.items()}

    def require_parameters(self, names: Mapping[str, Any]) -> None:
        """Raise if a name is not a parameter of the pipeline.

        Raises:
            InputError: If a name is unknown.
        """
        unknown = next((name for name in names if name not in self.parameters), None)
        if unknown is not None:
            raise InputError(
                f"the pipeline {self.source} takes {', '.join(sorted(self.parameters)) or 'nothing'}; got "
                f"{quote(unknown)} instead."
            )


def read(path: Path) -> PipelineFile:
    """Read a compiled pipeline from its file.

    Raises:
        MissingError: If the file does not exist.
        InputError: If it is not a compiled pipeline.
    """
    try:
        size = path.stat().st_size
        if size > _LARGEST_BYTES:
            raise InputError(f"a compiled pipeline must be smaller than 8 MiB; {path} has {size} bytes.")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MissingError(f"there is no file {path}; name the YAML file of a compiled pipeline.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} must be a YAML file that can be read; {error}.") from error
    return parse(text, source=str(path))


def parse(text: str, *, source: str) -> PipelineFile:
    """Read a compiled pipeline from its text.

    Args:
        text: One or two YAML documents.
        source: Its name in messages.

    Raises:
        InputError: If it is not a compiled pipeline, or takes artifacts.
    """
    try:
        spec, *rest = list(yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))) or [None]
    except yaml.YAMLError as error:
        raise InputError(f"{source} must be YAML; {quote(str(error), 200)[1:-1]}.") from error
    if isinstance(spec, Mapping) and str(spec.get("apiVersion", "")).startswith("pipelines.kubeflow.org"):
        raise InputError(
            f"{source} must be a compiled pipeline; it is a Kubernetes object, to be applied with kubectl: compile it "
            "without --native."
        )
    name = _at(spec, "pipelineInfo", "name")
    if not isinstance(name, str) or not isinstance(_at(spec, "root", "dag", "tasks"), Mapping):
        raise InputError(f"{source} must be a compiled pipeline, as headrace compile writes it; got {quote(spec)}.")
    inputs = _at(spec, "root", "inputDefinitions") or {}
    if inputs.get("artifacts"):
        raise InputError(
            f"the pipeline {source} must take parameters only; it takes the artifacts {sorted(inputs['artifacts'])}: "
            "have it import them from an address."
        )
    parameters = inputs.get("parameters") or {}
    return PipelineFile(
        source=source,
        name=name,
        text=text,
        parameters={key: _parameter(key, value, source) for key, value in parameters.items()},
        steps={task.name: task for task in _steps(spec, spec["root"]["dag"])},
        spec=spec,
        platform=rest[0] if rest and isinstance(rest[0], Mapping) else {},
    )


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _parameter(name: str, definition: Mapping[str, Any], source: str) -> PipelineParameter:
    kind = definition.get("parameterType")
    if kind not in _KINDS:
        raise InputError(f"the parameter {name} of {source} must be one of {list(_KINDS)}; got {quote(kind)} instead.")
    return PipelineParameter(
        name, str(kind), required=not definition.get("isOptional") and "defaultValue" not in definition
    )


def _steps(spec: Mapping[str, Any], dag: Mapping[str, Any], groups: tuple[str, ...] = ()) -> Iterator[PipelineTask]:
    """Yield the steps of a graph and of the graphs inside it."""
    for name in _in_order(dag["tasks"]):
        component = _at(spec, "components", dag["tasks"][name]["componentRef"]["name"]) or {}
        if "dag" in component:
            yield from _steps(spec, component["dag"], (*groups, name))
            continue
        outputs = _at(component, "outputDefinitions", "artifacts") or {}
        kinds = {key: str(_at(value, "artifactType", "schemaTitle") or "") for key, value in outputs.items()}
        yield PipelineTask(name, _function(spec, str(component.get("executorLabel"))) or name, kinds, groups)


def _in_order(tasks: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of tasks in topological order; the compiler sorts them alphabetically."""
    dependencies = {name: set(_at(task, "dependentTasks") or ()) & set(tasks) for name, task in tasks.items()}
    while dependencies:
        ready = [name for name, before in dependencies.items() if not before & set(dependencies)] or list(dependencies)
        yield from ready
        dependencies = {name: before for name, before in dependencies.items() if name not in ready}


def _function(spec: Mapping[str, Any], executor: str) -> str:
    """Return the name of the function that an executor runs; empty if it is not a Python component."""
    words = _at(spec, "deploymentSpec", "executors", executor, "container", "args") or []
    index = words.index(_FUNCTION) if _FUNCTION in words else len(words)
    return str(words[index + 1]) if index + 1 < len(words) else ""
