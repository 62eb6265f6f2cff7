"""A contract's nouns from the plain values of a document; each message names the place in it."""

from collections.abc import Iterable
from dataclasses import MISSING, Field, fields
from typing import Any

from headrace.core.base.errors import InputError
from headrace.core.contracts.columns import column_faults, feature_faults
from headrace.core.contracts.contract import Column, Contract, RowFeature, contract_faults
from headrace.core.contracts.fault_sentences import wants

FORMAT = 1


def contract_of(document: Any) -> Contract:
    """Make the contract that a document tells of.

    Args:
        document: Plain values, as a YAML reader gives them.

    Returns:
        The contract.

    Raises:
        InputError: If a part is unknown, of a wrong type or contradictory.
    """
    given = dict(_mapping("the document", document))
    number = given.pop("format", FORMAT)
    if number != FORMAT:
        raise InputError(wants("format", f"{FORMAT}, the format of this release", number))
    _require_known_keys("the document", Contract, given)
    given["columns"] = tuple(_columns(_sequence("columns", given["columns"])))
    given["features"] = tuple(_features(_sequence("features", given.get("features", []))))
    if "rules" in given:
        given["rules"] = {
            str(key): _text(f"rules.{key}", item) for key, item in _mapping("rules", given["rules"]).items()
        }
    for name in ("keys", "missing_values"):
        if name in given:
            given[name] = _texts(name, given[name])
    for name in ("name", "task", "positive", "time_column", "group"):
        if name in given:
            given[name] = _text(name, given[name])
    if "max_quarantined" in given:
        given["max_quarantined"] = _number("max_quarantined", given["max_quarantined"])
    made: Contract = _build(Contract, given, contract_faults)
    return made


def _columns(items: list[Any]) -> Iterable[Column]:
    for place, item in enumerate(items):
        where, given = _entry("columns", place, item, Column)
        for name, value in given.items():
            if name in {"minimum", "maximum"}:
                given[name] = None if value is None else _number(f"{where}: {name}", value)
            elif name == "missing":
                given[name] = _number(f"{where}: {name}", value)
            elif name == "categories":
                given[name] = None if value is None else _texts(f"{where}: {name}", value)
            elif name == "meant":
                given[name] = _truth(f"{where}: {name}", value)
            else:
                given[name] = _text(f"{where}: {name}", value)
        yield _build(Column, given, column_faults, where)


def _features(items: list[Any]) -> Iterable[RowFeature]:
    for place, item in enumerate(items):
        where, given = _entry("features", place, item, RowFeature)
        for name, value in given.items():
            given[name] = (_texts if name == "columns" else _text)(f"{where}: {name}", value)
        yield _build(RowFeature, given, feature_faults, where)


def _entry(section: str, place: int, item: Any, kind: type) -> tuple[str, dict[str, Any]]:
    where = f"{section}[{place}]"
    given = dict(_mapping(where, item))
    where = f"{where} ({given['name']})" if "name" in given else where
    _require_known_keys(where, kind, given)
    return where, given


def _build(kind: type, given: dict[str, Any], faults: Any, where: str = "") -> Any:
    """Make the dataclass, but say where its first fault stands in the document."""
    loose: Any = object.__new__(kind)
    for item in fields(kind):
        object.__setattr__(loose, item.name, given[item.name] if item.name in given else default_of(item))
    for fault in faults(loose):
        raise InputError(f"{where}: {fault}" if where else fault)
    return kind(**given)


def default_of(item: Field[Any]) -> Any:
    """What a field holds when a document does not say."""
    if item.default_factory is not MISSING:
        return item.default_factory()
    return item.default if item.default is not MISSING else None


def _require_known_keys(where: str, kind: type, given: dict[str, Any]) -> None:
    names = [item.name for item in fields(kind)]
    for name in given:
        if name not in names:
            raise InputError(wants(f"{where}: a key", "one of " + ", ".join(names), name))
    for item in fields(kind):
        if item.default is MISSING and item.default_factory is MISSING and item.name not in given:
            raise InputError(f"{where}: {item.name} must be given; it is absent.")


def _mapping(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(wants(where, "a mapping of names to values", value))
    return value


def _sequence(where: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(wants(where, "a list", value))
    return value


def _text(where: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(wants(where, "a text (put quotes around it)", value))
    return value


def _texts(where: str, value: Any) -> tuple[str, ...]:
    return tuple(_text(f"{where}[{place}]", item) for place, item in enumerate(_sequence(where, value)))


def _truth(where: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InputError(wants(where, "true or false", value))
    return value


def _number(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(wants(where, "a number", value))
    return value
