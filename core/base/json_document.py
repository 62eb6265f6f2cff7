"""Documents: frozen dataclasses that are written as JSON, and read back with every field checked.

What a field is when it does not apply follows from its declaration: one without a default is written as ``null``, one
whose default is None has no key, and one with ``ABSENT_AS_EMPTY`` as its
metadata is written as ``{}``.
"""

import functools
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, NoReturn, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from headrace.core.base.errors import InputError, quote
from headrace.core.base.files import read_json

T = TypeVar("T")

# Metadata of a field whose None is written as ``{}``.
ABSENT_AS_EMPTY = {"absent_as_empty": True}

_Reader = Callable[[Any], Any]


def is_absent_as_empty(declared: "Field[Any]") -> bool:
    """Return whether a field has ``ABSENT_AS_EMPTY`` as its metadata."""
    return bool(declared.metadata.get("absent_as_empty"))


def as_json(document: Any) -> dict[str, Any]:
    """Return a document as plain values; ``from_json`` is the inverse.

    Args:
        document: An instance of a dataclass whose fields hold plain values, tuples, mappings and other such instances.
    """
    facts = {}
    for declared in fields(document):
        value = getattr(document, declared.name)
        if value is not None:
            facts[declared.name] = _plain(value)
        elif is_absent_as_empty(declared):
            facts[declared.name] = {}
        elif declared.default is MISSING:
            facts[declared.name] = None
    return facts


def _plain(value: Any) -> Any:
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return as_json(value) if is_dataclass(value) else value


def from_json(kind: Callable[..., T], facts: Any, *, expected: str, remedy: str) -> T:
    """Read a document from plain values.

    Args:
        kind: Its dataclass. Fields are of plain types, ``Literal``, ``tuple[X, ...]``, ``Mapping[str, X]``, other such
            dataclasses, or one of these or None.
        facts: What ``as_json`` returned, as a JSON reader gives it.
        expected: What the document must be, for the error's sentence.
        remedy: What to do about another one.

    Raises:
        InputError: If a field is missing, unknown or of another type; the sentence names the first one.
    """
    try:
        document: T = _make_reader(kind)(facts)
    except _DocumentError as fault:
        raise InputError(f"{expected}; {fault}: {remedy}.") from fault
    return document


class JsonDocument:
    """Base of the frozen dataclasses that are stored as JSON.

    Attributes:
        expected: What the document must be, for the error's sentence.
        remedy: What to do about another one.
    """

    expected: ClassVar[str]
    remedy: ClassVar[str]

    def as_json(self) -> dict[str, Any]:
        """Return plain values, as the module's ``as_json`` does."""
        return as_json(self)

    @classmethod
    def from_json(cls, facts: Any) -> Self:
        """Read what ``as_json`` returned.

        Raises:
            InputError: If it is another document.
        """
        return from_json(cls, facts, expected=cls.expected, remedy=cls.remedy)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file of it.

        Raises:
            MissingError: If there is no such file.
            InputError: If it is another document.
        """
        return cls.from_json(read_json(path))


class _DocumentError(ValueError):
    """A value of a document is not what its declaration says.

    Attributes:
        path: Keys and positions that lead to the value, the innermost first.
        fault: What is wrong with it, after "must".
    """

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.path: list[str] = []
        self.fault = fault

    def __str__(self) -> str:
        where = ".".join(reversed(self.path))
        return f"{quote(where)} {self.fault}" if where else f"it {self.fault}"


def _refuse(value: Any, expected: str) -> NoReturn:
    raise _DocumentError(f"must be {expected}; got {quote(value)}")


@functools.cache
def _make_reader(kind: Any) -> _Reader:
    """Return the function that reads a value of a declared type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return _literal_reader(arguments)
    if origin in _UNIONS:
        return _optional_reader(_make_reader(_without_none(kind)))
    if origin is tuple:
        return _list_reader(_make_reader(arguments[0]))
    if origin is not None:
        return _mapping_reader(_make_reader(arguments[1]))
    return _SCALARS[kind] if kind in _SCALARS else _dataclass_reader(kind)


_UNIONS = frozenset({Union, types.UnionType})


def _without_none(kind: Any) -> Any:
    """Return X of ``X | None``; another type unchanged."""
    present = [part for part in get_args(kind) if part is not types.NoneType]
    return present[0] if get_origin(kind) in _UNIONS else kind


def _scalar_reader(accepted: tuple[type, ...], expected: str) -> _Reader:
    def read(value: Any) -> Any:
        # By type and not by isinstance: True is an int.
        return value if type(value) in accepted else _refuse(value, expected)

    return read


_SCALARS: dict[Any, _Reader] = {
    Any: lambda value: value,
    str: _scalar_reader((str,), "a text"),
    bool: _scalar_reader((bool,), "true or false"),
    int: _scalar_reader((int,), "a whole number"),
    float: _scalar_reader((float, int), "a number"),
}


def _literal_reader(values: tuple[Any, ...]) -> _Reader:
    def read(value: Any) -> Any:
        return value if value in values else _refuse(value, f"one of {', '.join(map(str, values))}")

    return read


def _optional_reader(read_present: _Reader) -> _Reader:
    def read(value: Any) -> Any:
        return None if value is None else read_present(value)

    return read


def _list_reader(read_item: _Reader) -> _Reader:
    def read(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            _refuse(value, "a list")
        items: list[Any] = []
        try:
            items.extend(map(read_item, value))
        except _DocumentError as fault:
            fault.path.append(str(len(items)))
            raise
        return tuple(items)

    return read


def _mapping_reader(read_value: _Reader) -> _Reader:
    def read(value: Any) -> Any:
        if not isinstance(value, Mapping):
            _refuse(value, "an object")
        return {key: _read_key(read_value, value, key) for key in value}

    return read


def _dataclass_reader(kind: Any) -> _Reader:
    hints = get_type_hints(kind)
    declared = {one.name: one for one in fields(kind)}
    emptied = [name for name, one in declared.items() if is_absent_as_empty(one)]
    without_null = {*emptied, *(name for name, one in declared.items() if one.default is None)}
    readers = {
        name: _make_reader(_without_none(hints[name]) if name in without_null else hints[name]) for name in declared
    }
    required = [name for name, one in declared.items() if one.default is MISSING and one.default_factory is MISSING]

    def read(value: Any) -> Any:
        if not isinstance(value, Mapping):
            _refuse(value, "an object")
        unknown = [key for key in value if key not in readers]
        if unknown:
            raise _DocumentError(f"has the unknown key {quote(unknown[0])}")
        missing = [name for name in required if name not in value]
        if missing:
            raise _DocumentError(f"lacks the key {quote(missing[0])}")
        absent = {name: None for name in emptied if value[name] == {}}
        read_values = {name: _read_key(readers[name], value, name) for name in value if name not in absent}
        return kind(**read_values, **absent)

    return read


def _read_key(read: _Reader, value: Mapping[str, Any], key: str) -> Any:
    try:
        return read(value[key])
    except _DocumentError as fault:
        fault.path.append(key)
        raise
