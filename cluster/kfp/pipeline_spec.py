"""Compiled pipelines as files: what they are called, what they take, and which steps they have.

The form is KFP's intermediate representation (``pipeline_spec.proto`` of kubeflow/pipelines) as YAML: the pipeline, and
as a second document, if there is one, what only Kubernetes understands.
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
    """What a pipeline takes under a name.

    Attributes:
        name: The name.
        kind: One of ``STRING``, ``NUMBER_INTEGER``, ``NUMBER_DOUBLE``, ``BOOLEAN``, ``LIST`` and ``STRUCT``.
        required: Whether there is no default.
    """

    name: str
    kind: str
    required: bool

    def value(self, given: Any, where: str) -> Any:
        """Return a plain value, as the pipeline takes it; whole numbers are numbers too.

        Args:
            given: What JSON can hold.
            where: What a message calls the pipeline.

        Raises:
            InputError: If it is of another kind.
        """
        found = _cast(self.kind, given)
        if found is None:
            raise InputError(f"{self.name} of {where} must be {_KINDS[self.kind]}; got {quote(given)} instead.")
        return found

    def value_of(self, text: str, where: str) -> Any:
        """Return the value that a text stands for: a text itself, anything else as JSON writes it.

        Raises:
            InputError: If it stands for a value of another kind.
        """
        if self.kind == "STRING":
            return text
        try:
            given = _WORDS[text.lower()] if text.lower() in _WORDS else json.loads(text)
        except ValueError:
            given = text
        return self.value(given, where)


def _cast(kind: str, given: Any) -> Any:
    """Return the value as it is passed on; None if it is of another kind."""
    if kind in {"NUMBER_INTEGER", "NUMBER_DOUBLE"}:
        if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
            return None
        if kind == "NUMBER_DOUBLE":
            return float(given)
        return int(given) if given == int(given) else None
    wanted: type = {"STRING": str, "BOOLEAN": bool, "LIST": list, "STRUCT": dict}[kind]
    return given if isinstance(given, wanted) else None


@dataclass(frozen=True)
class PipelineTask:
    """A step of a pipeline; one inside a condition or a loop is one too.

    Attributes:
        name: Its name in the pipeline.
        runs: What it runs: the name of a component's function, or its own name.
        artifacts: Kinds of the artifacts that it leaves, such as ``system.Model``, by their names.
        groups: The conditions, loops and inner pipelines that it lies in, the outermost first.
    """

    name: str
    runs: str
    artifacts: Mapping[str, str]
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class PipelineFile:
    """A compiled pipeline.

    Attributes:
        source: What messages call it: its file.
        name: Its name.
        text: The file as it is.
        parameters: What it takes, by name.
        steps: Its steps by name, each after those that it waits for.
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
        """Arguments that the pipeline takes, cast to what it wants them to be.

        Raises:
            InputError: If one is unknown or of another kind, or one is missing.
        """
        self.require_parameters(arguments)
        lost = sorted(p.name for p in self.parameters.values() if p.required and p.name not in arguments)
        if lost:
            raise InputError(f"the pipeline {self.source} must be given {', '.join(lost)} too: add what is missing.")
        return {name: self.parameters[name].value(value, self.source) for name, value in arguments.items()}

    def require_parameters(self, names: Mapping[str, Any]) -> None:
        """Refuse names that the pipeline does not have.

        Raises:
            InputError: If there is one.
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
        MissingError: If there is no such file.
        InputError: If it is no compiled pipeline.
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
        source: What messages call it.

    Raises:
        InputError: If it is no compiled pipeline, or takes artifacts.
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
    """The tasks that run something, of this graph and of those inside it."""
    for name in _in_order(dag["tasks"]):
        component = _at(spec, "components", dag["tasks"][name]["componentRef"]["name"]) or {}
        if "dag" in component:
            yield from _steps(spec, component["dag"], (*groups, name))
            continue
        outputs = _at(component, "outputDefinitions", "artifacts") or {}
        kinds = {key: str(_at(value, "artifactType", "schemaTitle") or "") for key, value in outputs.items()}
        yield PipelineTask(name, _function(spec, str(component.get("executorLabel"))) or name, kinds, groups)


def _in_order(tasks: Mapping[str, Any]) -> Iterator[str]:
    """The names of tasks, each after those that it waits for; the compiler writes them by the alphabet."""
    waits = {name: set(_at(task, "dependentTasks") or ()) & set(tasks) for name, task in tasks.items()}
    while waits:
        ready = [name for name, before in waits.items() if not before & set(waits)] or list(waits)
        yield from ready
        waits = {name: before for name, before in waits.items() if name not in ready}


def _function(spec: Mapping[str, Any], executor: str) -> str:
    """Name of the function that an executor runs; empty if it is no Python component."""
    words = _at(spec, "deploymentSpec", "executors", executor, "container", "args") or []
    place = words.index(_FUNCTION) if _FUNCTION in words else len(words)
    return str(words[place + 1]) if place + 1 < len(words) else ""
