"""YAML as Kubernetes' clients parse it, which differs from PyYAML.

``kubectl`` converts a document to JSON first, which decides whether a word is a number, a boolean or a text: ``1e-3``
is a number and ``y`` a boolean, both texts for PyYAML, and a date stays a text. Source:
``resolve.go`` of go.yaml.in/yaml/v2, which sigs.k8s.io/yaml and by it ``kubectl`` and Katib use.
"""

import json
import math
import re
from collections.abc import Hashable, Iterable
from typing import Any

import yaml

from headrace.core.base.errors import InputError

_TAG = "tag:yaml.org,2002:"
_TEXT = f"{_TAG}str"
_TRUTHS = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_NOTHING = ("", "~", "null", "Null", "NULL")
_NAMED = {
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_WHOLE = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LINE = 110
_LEAST_WHOLE, _LARGEST_WHOLE = -(2**63), 2**64 - 1


def scalar(text: str) -> bool | int | float | str | None:
    """Return the value of an unquoted word."""
    if text in _NOTHING:
        return None
    if text in _TRUTHS:
        return _TRUTHS[text]
    if text in _NAMED:
        return _NAMED[text]
    if text[0] not in "+-.0123456789":
        return text
    plain = text if text[0] == "." else text.replace("_", "")
    if _WHOLE.fullmatch(plain):
        whole = _whole(plain)
        if _LEAST_WHOLE <= whole <= _LARGEST_WHOLE:
            return whole
    return float(plain) if _NUMBER.fullmatch(plain) else text


def _whole(plain: str) -> int:
    """Return an integer in any base that Go accepts; a leading zero means octal."""
    digits = plain.lstrip("+-")
    if digits[:2].lower() in {"0x", "0o", "0b"}:
        number = int(digits, 0)
    else:
        number = int(digits, 8 if digits.startswith("0") and len(digits) > 1 else 10)
    return -number if plain.startswith("-") else number


def _tag(text: str) -> str:
    if text == "<<":
        return f"{_TAG}merge"
    names: dict[type, str] = {bool: "bool", int: "int", float: "float", str: "str", type(None): "null"}
    return _TAG + names[type(scalar(text))]


class _Loader(yaml.CSafeLoader):
    """Reads unquoted words as Kubernetes does, and refuses duplicate keys."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode and implicit[0]:
            return _tag(value)
        return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call] # its stubs have no types

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: ARG002 - keys are converted, so values come first
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"the key {twice!r} is given twice", node.start_mark)
        return {_key(key): value for key, value in super().construct_mapping(node, deep=True).items()}


def _key(key: Hashable) -> str:
    """Return a key of a mapping as a text, as JSON requires."""
    if isinstance(key, bool):
        return str(key).lower()
    return "null" if key is None else str(key)


def _construct_scalar(_: yaml.Loader, node: yaml.ScalarNode) -> Any:
    return scalar(node.value)


for _name in ("bool", "int", "float", "null"):
    _Loader.add_constructor(_TAG + _name, _construct_scalar)


class _Dumper(yaml.CSafeDumper):
    """Quotes texts that Kubernetes or PyYAML would read as another type."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode and implicit[0] and _tag(value) != _TEXT:
            return _tag(value)
        return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call] # its stubs have no types


class _ShortDumper(_Dumper):
    """Writes a mapping or a list on one line if it fits, and repeated values without aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the same for all data
        return True


def _short_mapping(dumper: _ShortDumper, data: dict[Any, Any]) -> yaml.Node:
    return dumper.represent_mapping(f"{_TAG}map", data, flow_style=_fits(data))


def _short_list(dumper: _ShortDumper, data: list[Any]) -> yaml.Node:
    return dumper.represent_sequence(f"{_TAG}seq", data, flow_style=_fits(data))


def _fits(data: Any) -> bool:
    return len(json.dumps(data)) <= _LINE


_ShortDumper.add_representer(dict, _short_mapping)
_ShortDumper.add_representer(list, _short_list)


def load(text: str, *, source: str) -> Any:
    """Parse one document.

    Args:
        text: YAML.
        source: Its name in messages.

    Raises:
        InputError: If it is not YAML, holds several documents, or has duplicate keys.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - it derives from the safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{source} must be YAML; {_reason(error)}.") from error


def _reason(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem


def dump(document: Any) -> str:
    """Return a document as YAML that ``load``, PyYAML and Kubernetes' clients read alike.

    Args:
        document: Plain values.
    """
    return dump_all([document])


def dump_all(documents: Iterable[Any], *, short: bool = False) -> str:
    """Return documents as one YAML file, in the form of ``dump``.

    Args:
        documents: Plain values.
        short: Whether to write mappings and lists on one line if they fit.
    """
    dumper = _ShortDumper if short else _Dumper
    return yaml.dump_all(documents, Dumper=dumper, sort_keys=False, allow_unicode=True, width=1000)
