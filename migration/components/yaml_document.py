"""One YAML document with the line of each value, read within limits."""

from dataclasses import dataclass, field
from typing import Any

import yaml

from headrace.core.base.errors import InputError, quote

MAX_BYTES = 1 << 20
_MAX_VALUES = 50_000
_MAX_DEPTH = 60
_PLAIN = (str, int, float, bool, type(None))


@dataclass
class YamlDocument:
    """A document as plain values.

    Attributes:
        value: Mappings, lists, texts, numbers, booleans and None.
        lines: Line of each value, from 1, by its path of keys and positions.
    """

    value: Any = None
    lines: dict[tuple[object, ...], int] = field(default_factory=dict)

    def line(self, *path: object) -> int:
        """Return the line of a value, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_document(text: str, *, source: str) -> YamlDocument:
    """Read one YAML document; aliases count as what they stand for.

    Args:
        text: The document.
        source: What messages call it.

    Raises:
        InputError: If it is not YAML, is too large or deep, or holds several documents, a key twice or another value.
    """
    try:
        _check_events(text, source)
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            document = YamlDocument()
            if node is not None:
                document.value = _plain(loader, node, document, (), source)
            return document
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise InputError(f"{source} must be YAML; {place}{problem}.") from error
    except (ValueError, RecursionError) as error:
        # Such as a timestamp of month 13, which PyYAML takes for a date.
        if isinstance(error, InputError):
            raise
        raise InputError(f"{source} must be YAML; it holds a value that cannot be read: {error}.") from error


def _check_events(text: str, source: str) -> None:
    """Refuse what would take much time or memory, before anything is built."""
    depth = documents = 0
    for number, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        if depth > _MAX_DEPTH or number > 3 * _MAX_VALUES:
            raise InputError(f"{source} is no component file: it is nested deeper or holds more values than any has.")
        if documents > 1:
            raise InputError(f"{source} must hold one YAML document; it holds several.")


def _plain(
    loader: yaml.SafeLoader, node: yaml.Node, document: YamlDocument, path: tuple[object, ...], source: str
) -> Any:
    line = node.start_mark.line + 1
    document.lines[path] = line
    if len(document.lines) > _MAX_VALUES or len(path) > _MAX_DEPTH:
        raise InputError(
            f"{source} is no component file: with its aliases expanded it has more than {_MAX_VALUES} values."
        )
    if isinstance(node, yaml.MappingNode):
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, _PLAIN) or key is None or key in mapping:
                raise InputError(f"{source} must give each key once, as plain text; line {line} does not.")
            mapping[key] = _plain(loader, value_node, document, (*path, key), source)
            document.lines[(*path, key)] = key_node.start_mark.line + 1
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_plain(loader, item, document, (*path, place), source) for place, item in enumerate(node.value)]
    value = loader.construct_object(node)
    if not isinstance(value, _PLAIN):
        raise InputError(f"{source} must hold texts, numbers and booleans; line {line} is {quote(str(value))}.")
    return value
