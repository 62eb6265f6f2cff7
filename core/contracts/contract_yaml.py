"""The data contract as YAML, for people to read and edit."""

import re
import textwrap
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import yaml

from headrace.core.base.errors import InputError, MissingError
from headrace.core.base.yaml_text import parse_yaml
from headrace.core.contracts.contract import SEVERITIES, Column, Contract, RowFeature
from headrace.core.contracts.parsing import FORMAT, build_contract, field_default
from headrace.core.contracts.series import Series

# PyYAML quotes what its own YAML 1.1 would not read as text, but 04109 and 1e3 are numbers in YAML 1.2 (10.3.2).
_DOUBTFUL = re.compile(r"[-+]?\.?[0-9][0-9.,_:]*([eE][-+]?[0-9]+)?|0[oxb][0-9a-fA-F]+|[yYnN]|NaN|nan")
_SHORT = 100
_WIDTH = 110
_LARGEST_WHOLE = 2**53
_RULES = "\n".join(
    textwrap.wrap(
        ", ".join(f"{rule}: {severity}" for rule, severity in SEVERITIES.items()),
        width=_WIDTH,
        initial_indent="#              ",
        subsequent_indent="#              ",
    )
)
_HEAD = f"""\
# Data contract: what the table {{name}} must be, in training and at the endpoint alike. Edit it; each line is checked.
#   dtype      integer, number, string, boolean, timestamp or picture
#   role       feature (the default), target, id, group, timestamp or ignore
#   minimum, maximum, categories (in order), missing (largest share of missing values, 0 to 1; 1 is the default)
#   personal   keep, drop or hash, for personal data; unit and description are free text
#   known_at_prediction   true for a feature that may determine the target by itself, since it is known beforehand
#   controlled_by_client  false for an input that no client chooses freely; the robustness to small changes leaves it
#   monotone   increasing or decreasing, for a number that predictions must follow
#   height, width, channels   of a picture, in pixels; augment: changes at random while a network is fitted
#   rules      off, warn, quarantine (the row is set aside) or stop, for a rule that is to differ from:
{_RULES}
"""


class _Dumper(yaml.CSafeDumper):
    """The safe dumper, which quotes each text that a reader of YAML 1.1 or 1.2 could take for something else."""


def _represent_text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'" if _DOUBTFUL.fullmatch(text) else None)


_Dumper.add_representer(str, _represent_text)


def load(path: Path | str) -> Contract:
    """Read a contract.

    Args:
        path: YAML file.

    Returns:
        The contract.

    Raises:
        MissingError: If there is no such file.
        InputError: If it is not YAML, or a part of it is unknown, of a wrong type or contradictory; the message names
            the place.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise MissingError(f"there is no contract {path}; `headrace contract TABLE` writes one.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the contract {path} must be a text file that can be read; {error}.") from error
    return parse(text, source=path.name)


def parse(text: str, *, source: str = "contract") -> Contract:
    """Read a contract from YAML text.

    Args:
        text: The document.
        source: What messages call it.

    Returns:
        The contract.

    Raises:
        InputError: If it is not a valid contract; the message names the place.
    """
    document = parse_yaml(text, source=source)
    try:
        return build_contract(document)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def dump(contract: Contract) -> str:
    """Write a contract as YAML: ``parse(dump(contract)) == contract``.

    Args:
        contract: The contract.

    Returns:
        The document, in a stable order, with comments; values that are the default are left out.
    """
    plain = {item.name: getattr(contract, item.name) for item in fields(Contract)}
    lists = {"columns": plain.pop("columns"), "features": plain.pop("features")}
    needed = {"name", "task"}
    head = {"format": FORMAT}
    for item in fields(Contract):
        if item.name in needed or (item.name in plain and plain[item.name] != field_default(item)):
            head[item.name] = _simple(plain[item.name])
    lines = [_HEAD.format(name=contract.name)]
    lines += [_pair(name, value) for name, value in head.items()]
    for section, items in lists.items():
        lines.append(f"\n{section}:\n" if items else f"\n{section}: []\n")
        lines += [_item(item) for item in items]
    return "".join(lines)


def _item(item: Column | RowFeature) -> str:
    """Return one column or row feature as YAML: on one line if it is short, else a line for each field."""
    entry = {
        part.name: _simple(getattr(item, part.name))
        for part in fields(item)
        if part.default is MISSING or getattr(item, part.name) != field_default(part)
    }
    short = _flow(entry, width=10_000) if len(str(entry)) < 2 * _SHORT else ""
    if 0 < len(short) <= _SHORT and "\n" not in short.strip():
        return f"  - {short}"
    block = "".join(_pair(name, value) for name, value in entry.items()).splitlines()
    return "".join(f"  {'-' if position == 0 else ' '} {line}\n" for position, line in enumerate(block))


def _simple(value: Any) -> Any:
    if isinstance(value, Series):
        plain = {item.name: getattr(value, item.name) for item in fields(Series)}
        return {item.name: _simple(plain[item.name]) for item in fields(Series) if plain[item.name] != item.default}
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_WHOLE:
        return int(value)
    return list(value) if isinstance(value, tuple) else value


def _pair(name: str, value: Any) -> str:
    if isinstance(value, list | dict):
        return f"{name}: {_wrap_list(value)}"
    style = '"' if isinstance(value, str) and not value.isprintable() else None
    text = yaml.dump(value, Dumper=_Dumper, default_style=style, allow_unicode=True, width=10_000)
    return f"{name}: {text.removesuffix(chr(10)).removesuffix('...').rstrip(chr(10))}\n"


def _wrap_list(value: list[str] | dict[str, str]) -> str:
    """Return a list on as many lines as it needs, without breaking a value."""
    whole = _flow(value, width=10_000)
    if len(whole) <= _WIDTH or isinstance(value, dict):
        return whole
    lines = ["["]
    for position, item in enumerate(value):
        text = _flow([item], width=10_000).strip().removeprefix("[").removesuffix("]") + (
            ", " if position + 1 < len(value) else "]"
        )
        if len(lines[-1]) + len(text) > _WIDTH and len(lines[-1]) > 2:
            lines.append("  ")
        lines[-1] += text
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _flow(value: Any, *, width: int) -> str:
    return str(
        yaml.dump(value, Dumper=_Dumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=width)
    )
