"""A contract built from the plain values of a document; each message names the place in it."""

from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, fields
from typing import Any

from headrace.core.base.errors import InputError
from headrace.core.contracts.columns import column_faults, feature_faults
from headrace.core.contracts.contract import Column, Contract, RowFeature, contract_faults
from headrace.core.contracts.fault_sentences import must_be
from headrace.core.contracts.series import Series, series_faults

FORMAT = 1


def build_contract(document: Any) -> Contract:
    """Build the contract that a document describes.

    Args:
        document: Plain values, as a YAML reader gives them.

    Returns:
        The contract.

    Raises:
        InputError: If a part is unknown, of a wrong type or contradictory.
    """
    entries = dict(_mapping("the document", document))
    number = entries.pop("format", FORMAT)
    if number != FORMAT:
        raise InputError(must_be("format", f"{FORMAT}, the format of this release", number))
    _require_known_keys("the document", Contract, entries)
    entries["columns"] = tuple(_columns(_sequence("columns", entries["columns"])))
    entries["features"] = tuple(_features(_sequence("features", entries.get("features", []))))
    if "rules" in entries:
        entries["rules"] = {
            str(key): _text(f"rules.{key}", item) for key, item in _mapping("rules", entries["rules"]).items()
        }
    for name, read in _readers().items():
        if name in entries:
            entries[name] = read(name, entries[name])
    contract: Contract = _build(Contract, entries, contract_faults)
    return contract


def _readers() -> dict[str, Callable[[str, Any], Any]]:
    """Return what reads each entry that is optional, by its name."""
    return {
        **dict.fromkeys(("keys", "missing_values"), _texts),
        **dict.fromkeys(("name", "task", "positive", "time_column", "group", "objective"), _text),
        **dict.fromkeys(("max_quarantined", "quantile", "intervals"), _number),
        "class_weights": _weights,
        "series": _series,
    }


def _weights(name: str, value: Any) -> str | dict[str, float]:
    if not isinstance(value, dict):
        return _text(name, value)
    return {_text(name, key): _number(f"{name}.{key}", item) for key, item in value.items()}


def _series(_: str, value: Any) -> Series | None:
    if value is None:
        return None
    entry = dict(_mapping("series", value))
    _require_known_keys("series", Series, entry)
    for name in ("time", "target", "step", "gaps"):
        if name in entry:
            entry[name] = _text(f"series.{name}", entry[name])
    for name in ("keys", "known"):
        if name in entry:
            entry[name] = _texts(f"series.{name}", entry[name])
    series: Series = _build(Series, entry, series_faults, "series")
    return series


def _columns(items: list[Any]) -> Iterable[Column]:
    for position, item in enumerate(items):
        where, entry = _entry("columns", position, item, Column)
        for name, value in entry.items():
            if name in {"minimum", "maximum"}:
                entry[name] = None if value is None else _number(f"{where}: {name}", value)
            elif name == "missing":
                entry[name] = _number(f"{where}: {name}", value)
            elif name == "categories":
                entry[name] = None if value is None else _texts(f"{where}: {name}", value)
            elif name in {"height", "width", "channels"}:
                entry[name] = _number(f"{where}: {name}", value)
            elif name == "augment":
                entry[name] = _texts(f"{where}: {name}", value)
            elif name in {"known_at_prediction", "controlled_by_client", "ordered"}:
                entry[name] = _truth(f"{where}: {name}", value)
            else:
                entry[name] = _text(f"{where}: {name}", value)
        yield _build(Column, entry, column_faults, where)


def _features(items: list[Any]) -> Iterable[RowFeature]:
    for position, item in enumerate(items):
        where, entry = _entry("features", position, item, RowFeature)
        for name, value in entry.items():
            entry[name] = (_texts if name == "columns" else _text)(f"{where}: {name}", value)
        yield _build(RowFeature, entry, feature_faults, where)


def _entry(section: str, position: int, item: Any, kind: type) -> tuple[str, dict[str, Any]]:
    where = f"{section}[{position}]"
    entry = dict(_mapping(where, item))
    where = f"{where} ({entry['name']})" if "name" in entry else where
    _require_known_keys(where, kind, entry)
    return where, entry


def _build(kind: type, entry: dict[str, Any], faults: Any, where: str = "") -> Any:
    """Build the dataclass; an error names the place of the first fault in the document."""
    # The constructor would raise without the place in the document, so a bare instance is checked first.
    loose: Any = object.__new__(kind)
    for item in fields(kind):
        object.__setattr__(loose, item.name, entry[item.name] if item.name in entry else field_default(item))
    for fault in faults(loose):
        raise InputError(f"{where}: {fault}" if where else fault)
    return kind(**entry)


def field_default(item: Field[Any]) -> Any:
    """Return the value of a field that a document leaves out."""
    if item.default_factory is not MISSING:
        return item.default_factory()
    return item.default if item.default is not MISSING else None


def _require_known_keys(where: str, kind: type, entry: dict[str, Any]) -> None:
    names = [item.name for item in fields(kind)]
    for name in entry:
        if name not in names:
            raise InputError(must_be(f"{where}: a key", "one of " + ", ".join(names), name))
    for item in fields(kind):
        if item.default is MISSING and item.default_factory is MISSING and item.name not in entry:
            raise InputError(f"{where}: {item.name} must be given; it is absent.")


def _mapping(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(must_be(where, "a mapping of names to values", value))
    return value


def _sequence(where: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(must_be(where, "a list", value))
    return value


def _text(where: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(must_be(where, "a text (put quotes around it)", value))
    return value


def _texts(where: str, value: Any) -> tuple[str, ...]:
    return tuple(_text(f"{where}[{position}]", item) for position, item in enumerate(_sequence(where, value)))


def _truth(where: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InputError(must_be(where, "true or false", value))
    return value


def _number(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(must_be(where, "a number", value))
    return value
