"""Reads a v1 component file; anything else is refused with a sentence that says what it is."""

from typing import Any, NoReturn

from headrace.core.base.errors import InputError, quote
from headrace.migration.components.v1_component import (
    ConcatPart,
    IfPart,
    InputPart,
    OutputPart,
    Part,
    Usage,
    V1Component,
    V1Input,
    V1Output,
)
from headrace.migration.components.yaml_document import YamlDocument, read_document

_INPUT_PARTS: dict[str, Usage] = {"inputValue": "value", "inputPath": "path", "inputUri": "uri"}
_OUTPUT_PARTS: dict[str, Usage] = {"outputPath": "path", "outputUri": "uri"}
_NO_V2_PARTS = {
    "executorInput": "KFP 2 gives it in another form",
    "outputMetadata": "KFP 2 has no such file",
    "inputMetadata": "KFP 2 has no such file",
    "inputOutputPortName": "KFP 2 has no such name",
}
_ARGO_PLACEHOLDER = "{{"
_TRUE, _FALSE = {"y", "yes", "t", "true", "on", "1"}, {"n", "no", "f", "false", "off", "0", ""}


class OtherFileError(InputError):
    """A file is none of KFP v1; among others in a folder it is skipped."""


def read_component(text: str, *, source: str) -> V1Component:
    """Read a v1 component.

    Args:
        text: The file.
        source: What messages call it.

    Raises:
        OtherFileError: If it is no v1 component.
        InputError: If it is one that v1 refuses too.
    """
    document = read_document(text, source=source)
    _check_form(document.value, source)
    return _Reader(document, source).component()


def _check_form(value: Any, source: str) -> None:
    """Refuse what is not a component, by its name."""
    if not isinstance(value, dict):
        raise OtherFileError(
            f"{source} must be a v1 component file, a mapping with `implementation`; it is {_kind(value)}."
        )
    if "pipelineInfo" in value or "deploymentSpec" in value or "pipelineSpec" in value:
        raise OtherFileError(f"{source} is compiled for KFP v2 already; nothing is to be migrated.")
    if "apiVersion" in value and "kind" in value:
        kind, version = str(value["kind"]), str(value["apiVersion"])
        if version.startswith("argoproj.io/"):
            raise OtherFileError(
                f"{source} is an Argo {kind}, which the v1 SDK compiled from a pipeline; "
                "migrate the pipeline's Python file instead."
            )
        raise OtherFileError(f"{source} is a Kubernetes object ({quote(kind)}), not a v1 component file.")
    if "implementation" not in value:
        keys = ", ".join(sorted(map(str, value))[:5])
        raise OtherFileError(f"{source} must be a v1 component file with `implementation`; it has {keys or 'no keys'}.")


def _kind(value: object) -> str:
    return {list: "a list", str: "a text", type(None): "empty"}.get(type(value), "a number")


class _Reader:
    """Reads the parts of one document, with the path of each for messages."""

    def __init__(self, document: YamlDocument, source: str) -> None:
        self.document = document
        self.source = source
        self.problems: list[tuple[int, str, str, str]] = []
        self.input_names: set[str] = set()
        self.output_names: set[str] = set()

    def component(self) -> V1Component:
        root = self.document.value
        inputs = tuple(self._input(item, place) for place, item in enumerate(self._list(root, "inputs")))
        outputs = tuple(self._output(item, place) for place, item in enumerate(self._list(root, "outputs")))
        self.input_names = {one.name for one in inputs}
        self.output_names = {one.name for one in outputs}
        for kind, named in (("inputs", inputs), ("outputs", outputs)):
            if len({one.name for one in named}) < len(named):
                self._refuse((kind,), f"{kind} must have different names")
        implementation = self._mapping(root, "implementation")
        container: dict[str, Any] = {}
        if "graph" in implementation:
            line = self.document.line("implementation", "graph")
            why = "KFP 2 has no component files of graphs; its own reader refuses them"
            self.problems.append(
                (line, "implementation.graph", why, "Write it as a @dsl.pipeline that calls its components.")
            )
        else:
            container = self._mapping(root, "implementation", "container")
        path = ("implementation", "container")
        return V1Component(
            name=self._text(root.get("name"), ("name",)),
            description=self._text(root.get("description"), ("description",)),
            inputs=inputs,
            outputs=outputs,
            image="" if "graph" in implementation else self._image(container),
            command=self._parts(container.get("command"), (*path, "command")),
            args=self._parts(container.get("args"), (*path, "args")),
            env=self._texts(container.get("env"), (*path, "env")),
            file_outputs=self._file_outputs(container),
            annotations=self._annotations(root.get("metadata")),
            problems=tuple(self.problems),
            line=self.document.line("implementation"),
        )

    def _refuse(self, path: tuple[object, ...], sentence: str) -> NoReturn:
        raise InputError(f"{self.source}, line {self.document.line(*path)}: {sentence}.")

    def _list(self, root: dict[Any, Any], key: str) -> list[Any]:
        value = root.get(key)
        if value is not None and not isinstance(value, list):
            self._refuse((key,), f"`{key}` must be a list")
        return value or []

    def _mapping(self, root: dict[Any, Any], *path: str) -> dict[Any, Any]:
        value: Any = root
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, dict):
            self._refuse(path, f"`{'.'.join(path)}` must be a mapping")
        return value

    def _text(self, value: Any, path: tuple[object, ...]) -> str:
        if value is not None and not isinstance(value, str):
            self._refuse(path, f"`{path[-1]}` must be a text; got {quote(value)} instead; quote it")
        return value or ""

    def _texts(self, value: Any, path: tuple[object, ...]) -> dict[str, str]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            self._refuse(path, f"`{path[-1]}` must be a mapping")
        for key, text in value.items():
            if not isinstance(key, str) or not isinstance(text, str):
                self._refuse((*path, key), f"`{path[-1]}` must map texts to texts, and {key}: {quote(text)} does not")
            self._check_argo(text, (*path, key))
        return dict(value)

    def _read_name(self, item: Any, path: tuple[object, ...]) -> str:
        name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str) or not name.strip():
            self._refuse(path, f"each of `{path[0]}` must be a mapping with a `name`, a text")
        return name

    def _type(self, value: Any, path: tuple[object, ...]) -> tuple[str, bool]:
        """Return the name of a type and whether it has properties."""
        if value is None or isinstance(value, str):
            return value or "", False
        if isinstance(value, dict) and len(value) == 1 and isinstance(next(iter(value)), str):
            return next(iter(value)), True
        return self._refuse((*path, "type"), "a type must be a name, or a mapping with one name")

    def _input(self, item: Any, place: int) -> V1Input:
        path = ("inputs", place)
        name = self._read_name(item, path)
        type_name, has_properties = self._type(item.get("type"), path)
        default = item.get("default")
        if isinstance(default, list | dict):
            self._refuse((*path, "default"), f"the default of {quote(name)} must be a text, a number or a boolean")
        self._check_argo(str(default), (*path, "default"))
        if not isinstance(item.get("optional", False), bool):
            self._refuse((*path, "optional"), f"`optional` of {quote(name)} must be true or false")
        return V1Input(
            name=name,
            type_name=type_name,
            type_properties=has_properties,
            default=None if default is None else str(default),
            optional=item.get("optional", False),
            description=self._text(item.get("description"), (*path, "description")),
            line=self.document.line(*path),
        )

    def _output(self, item: Any, place: int) -> V1Output:
        path = ("outputs", place)
        name = self._read_name(item, path)
        type_name, has_properties = self._type(item.get("type"), path)
        description = self._text(item.get("description"), (*path, "description"))
        return V1Output(name, type_name, has_properties, description, self.document.line(*path))

    def _image(self, container: dict[Any, Any]) -> str:
        path = ("implementation", "container", "image")
        image = self._text(container.get("image"), path)
        if not image.strip():
            self._refuse(path, "`image` must name the container's image")
        self._check_argo(image, path)
        return image

    def _file_outputs(self, container: dict[Any, Any]) -> dict[str, str]:
        path = ("implementation", "container", "fileOutputs")
        files = self._texts(container.get("fileOutputs"), path)
        for name, file in files.items():
            if name not in self.output_names:
                self._refuse((*path, name), f"`fileOutputs` names {quote(name)}, which is no output")
            why = f"the program writes {quote(name)} to the fixed path {quote(file)}, and KFP 2 chooses the path itself"
            remedy = "Let the program take the path as an option, and pass {outputPath: " + name + "}."
            self.problems.append((self.document.line(*path, name), f"fileOutputs.{name}", why, remedy))
        return files

    def _annotations(self, value: Any) -> dict[str, tuple[Any, int]]:
        found = {}
        for group in ("annotations", "labels"):
            entries = value.get(group) if isinstance(value, dict) else None
            for key, entry in entries.items() if isinstance(entries, dict) else ():
                found[f"{group}.{key}"] = (entry, self.document.line("metadata", group, key))
        return found

    def _parts(self, value: Any, path: tuple[object, ...]) -> tuple[Part, ...]:
        """Read a list of arguments, or a single one."""
        if value is None:
            return ()
        if not isinstance(value, list):
            if path[-1] in {"command", "args", "concat"}:
                self._refuse(path, f"`{path[-1]}` must be a list")
            return self._part(value, path)
        return tuple(part for place, item in enumerate(value) for part in self._part(item, (*path, place)))

    def _part(self, value: Any, path: tuple[object, ...]) -> tuple[Part, ...]:
        """Read one argument; a condition that is known already becomes its arguments."""
        if isinstance(value, str):
            self._check_argo(value, path)
            return (value,)
        if not isinstance(value, dict) or len(value) != 1:
            self._refuse(
                path,
                f"an argument must be a text or a placeholder such as {{inputValue: x}}; got {quote(value)}",
            )
        key, inner = next(iter(value.items()))
        if key in _INPUT_PARTS:
            return (InputPart(self._check_name(inner, self.input_names, "input", path), _INPUT_PARTS[key]),)
        if key in _OUTPUT_PARTS:
            return (OutputPart(self._check_name(inner, self.output_names, "output", path), _OUTPUT_PARTS[key]),)
        if key == "concat":
            return (ConcatPart(self._parts(inner, (*path, key))),)
        if key == "if":
            return self._if(inner, (*path, key))
        if key not in _NO_V2_PARTS:
            self._refuse(path, f"{quote(key)} is no placeholder of v1")
        remedy = "Write the argument in another way."
        self.problems.append((self.document.line(*path), f"{{{key}}}", _NO_V2_PARTS[key], remedy))
        return ()

    def _if(self, value: Any, path: tuple[object, ...]) -> tuple[Part, ...]:
        if (
            not isinstance(value, dict)
            or "cond" not in value
            or "then" not in value
            or set(value) - {"cond", "then", "else"}
        ):
            self._refuse(path, "`if` must have `cond`, `then` and perhaps `else`")
        then = self._parts(value["then"], (*path, "then"))
        otherwise = self._parts(value.get("else"), (*path, "else"))
        condition = value["cond"]
        known = str(condition).lower() if isinstance(condition, str | bool) else None
        if known is not None:
            if known not in _TRUE | _FALSE:
                self._refuse((*path, "cond"), f"`cond` must be true, false or a placeholder; got {quote(condition)}")
            return then if known in _TRUE else otherwise
        if isinstance(condition, dict) and set(condition) == {"isPresent"}:
            name = self._check_name(condition["isPresent"], self.input_names, "input", (*path, "cond"))
            return (IfPart(name, then, otherwise),)
        if isinstance(condition, dict) and set(condition) == {"inputValue"}:
            name = self._check_name(condition["inputValue"], self.input_names, "input", (*path, "cond"))
            why = (
                f"the arguments depend on the value of {quote(name)}, and KFP 2 can ask only whether an input was given"
            )
            remedy = "Pass the value to the program and let it decide, or make the input optional and ask isPresent."
            self.problems.append((self.document.line(*path), "{if: {cond: {inputValue: …}}}", why, remedy))
            return ()
        return self._refuse((*path, "cond"), "`cond` must be true, false, {isPresent: x} or {inputValue: x}")

    def _check_name(self, name: Any, names: set[str], kind: str, path: tuple[object, ...]) -> str:
        if not isinstance(name, str) or name not in names:
            self._refuse(path, f"the command line names the {kind} {quote(name)}, which is not among the {kind}s")
        return name

    def _check_argo(self, text: str, path: tuple[object, ...]) -> None:
        """Note a text with ``{{…}}``: Argo replaced it in v1, and KFP 2 replaces ``{{$…}}``."""
        if _ARGO_PLACEHOLDER in text and any(
            name in text for name in ("{{workflow.", "{{pod.", "{{inputs.", "{{$", "{{node.")
        ):
            why = "Argo replaced {{…}} in v1; KFP 2 leaves it as it is, and replaces {{$…}}"
            remedy = "Give the program what it needs by an input; dsl.PIPELINE_JOB_ID_PLACEHOLDER is the id of a run."
            self.problems.append((self.document.line(*path), quote(text, 60), why, remedy))
        elif text.startswith(('{"Concat": ', '{"IfPresent": ')):
            why = "KFP 2 takes a text that starts so for a placeholder"
            self.problems.append((self.document.line(*path), quote(text, 60), why, "Let it start with a space."))
