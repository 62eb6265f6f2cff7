"""Types of the Go programs behind Kubernetes, and what becomes of a document that is read into them.

Go takes no number for a text and no text for a number, takes 2.0 for a whole number, reads nothing as absent, and
passes over fields that it does not know. Source: ``encoding/json`` and sigs.k8s.io/json.
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
        name: ``string``, ``bool``, ``float64``, ``int32``, ``int64``, or ``any`` for whatever there is.
        texts: Whether a text may stand for it too (ports, quantities).
    """

    name: str
    texts: bool = False


@dataclass(frozen=True)
class GoList:
    """Values of one type."""

    item: "GoType"


@dataclass(frozen=True)
class GoMap:
    """Values of one type by names of the user's own."""

    item: "GoType"


@dataclass(frozen=True)
class GoStruct:
    """Values by fields.

    Attributes:
        fields: The type of each, by name.
        closed: Whether a field that is not among them is a mistake.
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
        source: What messages call the document.
        program: Who has these types, for the reason in a message.
        lost: Why a value, which is given with its type and the name of its field, would not come through; empty if it
            does. Values that are null come here too; by default they count as absent.
    """

    source: str
    program: str
    lost: Callable[[Any, GoType, str], str] = lambda *_: ""

    def read(self, value: Any, kind: GoType, path: str = "") -> Any:
        """The value as the program holds it: whole numbers are whole, what is null is left out.

        Args:
            value: Plain values.
            kind: Their type.
            path: Where they stand in the document.

        Raises:
            InputError: If they are of another type, or a field is unknown; the sentence names the place.
        """
        reason = self.lost(value, kind, path.rpartition(".")[2])
        if reason:
            raise InputError(f"{self._where(path)} {reason}; got {quote(value)}.")
        if isinstance(kind, GoScalar):
            return self._scalar(value, kind, path)
        if isinstance(kind, GoList):
            if not isinstance(value, list):
                raise self._refusal(path, "a list", value)
            return [self.read(item, kind.item, f"{path}[{place}]") for place, item in enumerate(value)]
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
        read: dict[str, Any] = {}
        for key, item in value.items():
            inner = kind.fields.get(key, ANY)
            known = inner() if callable(inner) else inner
            if item is not None:
                read[key] = self.read(item, known, _under(path, key))
            elif self.lost(item, known, key):
                raise InputError(f"{self._where(_under(path, key))} {self.lost(item, known, key)}; got null.")
        return read

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
            if not number or value - value != 0:  # infinite ones and NaN have no place in JSON
                raise self._refusal(path, "a number, without quotes", value)
            return value
        if not number or value != value // 1 or abs(value) > _LARGEST[kind.name]:
            raise self._refusal(path, f"a whole number ({kind.name}), without quotes", value)
        return int(value)

    def _text(self, value: Any, path: str) -> str:
        if isinstance(value, str):
            return value
        raise self._refusal(path, "a text", value, "; put it in quotes" if not isinstance(value, dict | list) else "")

    def _refusal(self, path: str, wanted: str, value: Any, remedy: str = "") -> InputError:
        seen = {bool: "a truth", int: "a number", float: "a number", str: "a text", list: "a list", dict: "a mapping"}
        read = f", which is {seen[type(value)]} in YAML" if type(value) in seen else ""
        return InputError(
            f"{self._where(path)} must be {wanted}, as its type in {self.program} is; got {_yaml(value)}{read}{remedy}."
        )

    def _where(self, path: str) -> str:
        return f"{path} of {self.source}" if path else self.source


def _under(path: str, key: str) -> str:
    return f"{path}.{key}" if path else str(key)


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else quote(value)
