"""A component file of KFP v1, as its SDK read it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Usage = Literal["value", "path", "uri"]


@dataclass(frozen=True)
class InputPart:
    """An input in a command line: its value, the path of a file with it, or its URI."""

    name: str
    usage: Usage


@dataclass(frozen=True)
class OutputPart:
    """An output in a command line: the path of the file that the program writes, or its URI."""

    name: str
    usage: Usage


@dataclass(frozen=True)
class ConcatPart:
    """Texts that are joined to one argument."""

    items: "tuple[Part, ...]"


@dataclass(frozen=True)
class IfPart:
    """Arguments that depend on whether an input was given.

    Attributes:
        input_name: The input.
        then: Arguments if it was given.
        otherwise: Arguments if it was not.
    """

    input_name: str
    then: "tuple[Part, ...]"
    otherwise: "tuple[Part, ...]"


Part: TypeAlias = str | InputPart | OutputPart | ConcatPart | IfPart


@dataclass(frozen=True)
class V1Input:
    """An input: every one is a text in v1, whatever its type.

    Attributes:
        type_name: Name of its type; empty if it has none.
        type_properties: Whether the type has properties, as ``{GCSPath: {data_type: CSV}}``.
        default: Its default as the text that the program gets; None if it has none.
    """

    name: str
    type_name: str
    type_properties: bool
    default: str | None
    optional: bool
    description: str
    line: int


@dataclass(frozen=True)
class V1Output:
    """An output: a file that the program writes."""

    name: str
    type_name: str
    type_properties: bool
    description: str
    line: int


@dataclass(frozen=True)
class V1Component:
    """A component.

    Attributes:
        command: The command line, ``command`` and ``args`` apart.
        env: Environment variables, texts.
        file_outputs: Fixed paths by the name of the output.
        annotations: Annotations and labels of its metadata, by ``annotations.KEY`` or ``labels.KEY``, with their lines.
        problems: What v1 could read and v2 has no form for: line, what, why, remedy.
    """

    name: str
    description: str
    inputs: tuple[V1Input, ...]
    outputs: tuple[V1Output, ...]
    image: str
    command: tuple[Part, ...]
    args: tuple[Part, ...]
    env: dict[str, str]
    file_outputs: dict[str, str]
    annotations: dict[str, tuple[Any, int]]
    problems: tuple[tuple[int, str, str, str], ...]
    line: int


def walk_parts(parts: tuple[Part, ...]) -> Iterator[Part]:
    """Yield each part, and those inside."""
    for part in parts:
        yield part
        if isinstance(part, ConcatPart):
            yield from walk_parts(part.items)
        elif isinstance(part, IfPart):
            yield from walk_parts(part.then + part.otherwise)
