"""Types of the Go programs behind Kubernetes, and how those programs read a document into them.

Go accepts no number for a text and no text for a number, accepts 2.0 as an integer, treats null as absent, and ignores
unknown fields. Source: ``encoding/json`` and sigs.k8s.io/json.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.core.base.errors import InputError, quote

_LARGEST = {"int32": 2**31 - 1, "int64": 2**63 - 1}


@dataclass(frozen=True)
class GoScalar:
    """One value.

    Attributes:
        name: ``string``, ``bool``, ``float64``, ``int32``, ``int64``, or ``any``.
        texts: Whether a text is allowed too (ports, quantities).
    """

    name: str
    texts: bool = False


@dataclass(frozen=True)
class GoList:
    """A list of values of one type."""

    item: "GoType"


@dataclass(frozen=True)
class GoMap:
    """Values of one type, by keys of the user."""

    item: "GoType"


@dataclass(frozen=True)
class GoStruct:
    """Values by fields.

    Attributes:
        fields: The type of each, by name.
        closed: Whether an unknown field is an error.
    """

    fields: Mapping[str, "GoType | Callable[[], GoType]"] = field(default_factory=dict)
    closed: bool = True


GoType = GoScalar | GoList | GoMap | GoStruct
TEXT, TRUTH, NUMBER = GoScalar("string"), GoScalar("bool"), GoScalar("float64")
INT32, INT64, ANY = GoScalar("int32"), GoScalar("int64"), GoScalar("any")
INT_OR_TEXT = GoScalar("int32", texts=True)


@dataclass(frozen=True)
class GoReader:
    """Reads documents into types.

    Attributes:
        source: Name of the document in messages.
        program: Program with these types, named in messages.
        lost: Returns why a value would be lost, by the value, its type and the name of its field; empty if it would
            not. It is called for null too; by default, null counts as absent.
    """

    source: str
    program: str
    lost: Callable[[Any, GoType, str], str] = lambda *_: ""

    def read(self, value: Any, kind: GoType, path: str = "") -> Any:
        """Return the value as the program reads it: 2.0 becomes an integer where one is expected, null is left out.

        Args:
            value: Plain values.
            kind: Their type.
            path: Their path in the document.

        Raises:
            InputError: If they are of another type, or a field is unknown; the sentence names the path.
        """
        reason = self.lost(value, kind, path.rpartition(".")[2])
        if reason:
            raise InputError(f"{self._where(path)} {reason}; got {quote(value)}.")
        if isinstance(kind, GoScalar):
            return self._scalar(value, kind, path)
        if isinstance(kind, GoList):
            if not isinstance(value, list):
                raise self._refusal(path, "a list", value)
            return [self.read(item, kind.item, f"{path}[{index}]") for index, item in enumerate(value)]
        if not isinstance(value, Mapping):
            raise self._refusal(path, "a mapping", value)
        if isinstance(kind, GoMap):
            return {key: self.read(item, kind.item, _under(path, key)) for key, item in value.items()}
        return self._struct(value, kind, path)

    def _struct(self, value: Mapping[str, Any], kind: GoStruct, path: str) -> dict[str, Any]:
        unknown = sorted(set(map(str, value)) - set(kind.fields)) if kind.closed else []
        if unknown:
            raise InputError(
                f"{self._where(path)} may have {sorted(kind.fields)}; got {quote(unknown)}, which {self.program} does "
                "not know."
            )
        fields: dict[str, Any] = {}
        for key, item in value.items():
            inner = kind.fields.get(key, ANY)
            item_type = inner() if callable(inner) else inner
            if item is not None:
                fields[key] = self.read(item, item_type, _under(path, key))
            elif self.lost(item, item_type, key):
                raise InputError(f"{self._where(_under(path, key))} {self.lost(item, item_type, key)}; got null.")
        return fields

    def _scalar(self, value: Any, kind: GoScalar, path: str) -> Any:
        if kind.name == "any" or (kind.texts and isinstance(value, str)):
            return value
        if kind.name == "string":
            return self._text(value, path)
        if kind.name == "bool":
            if not isinstance(value, bool):
                raise self._refusal(path, "true or false, without quotes", value)
            return value
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if kind.name == "float64":
            if not number or value - value != 0:  # JSON has neither infinity nor NaN
                raise self._refusal(path, "a number, without quotes", value)
            return value
        if not number or value != value // 1 or abs(value) > _LARGEST[kind.name]:
            raise self._refusal(path, f"a whole number ({kind.name}), without quotes", value)
        return int(value)

    def _text(self, value: Any, path: str) -> str:
        if isinstance(value, str):
            return value
        raise self._refusal(path, "a text", value, "; put it in quotes" if not isinstance(value, dict | list) else "")

    def _refusal(self, path: str, expected: str, value: Any, remedy: str = "") -> InputError:
        type_names = {
            bool: "a truth",
            int: "a number",
            float: "a number",
            str: "a text",
            list: "a list",
            dict: "a mapping",
        }
        actual = f", which is {type_names[type(value)]} in YAML" if type(value) in type_names else ""
        return InputError(
            f"{self._where(path)} must be {expected}, as its type in {self.program} is; got "
            f"{_yaml(value)}{actual}{remedy}."
        )

    def _where(self, path: str) -> str:
        return f"{path} of {self.source}" if path else self.source


def _under(path: str, key: str) -> str:
    return f"{path}.{key}" if path else str(key)


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else quote(value)
