"""YAML that people write, read without surprises: plain values only, and no key twice."""

from collections.abc import Hashable
from typing import Any

import yaml

from headrace.core.base.errors import InputError


class _Loader(yaml.CSafeLoader):
    """The safe loader, which raises on a key that is given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated is not None:
            raise yaml.constructor.ConstructorError(None, None, f"the key {repeated!r} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


def parse_yaml(text: str, *, source: str) -> Any:
    """Read plain values from YAML text.

    Args:
        text: The document.
        source: What messages call it.

    Raises:
        InputError: If it is not YAML, or gives a key twice; the message names the line.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - it derives from the safe loader
    except yaml.YAMLError as error:
        raise InputError(f"{source} must be YAML; {' '.join(_reason(error).split())}.") from error


def _reason(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or error)
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem
