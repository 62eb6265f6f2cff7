"""The archive of a MOJO: checked before Java sees it, and without what differs from one run of H2O to the next.

H2O writes a ZIP with times, an identifier, identifiers of keys that count runs, and a copy of the whole model as JSON
that no scorer reads. Here the JSON is dropped, identifiers and times are constant, entries are sorted and stored
uncompressed: equal models give equal bytes, and no entry can be larger than the file says.
"""

import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

from headrace.core.base.errors import BundleError, quote
from headrace.core.mojo.mojo_description import H2O_VERSION, MODEL, MojoDescription

ALGORITHMS = frozenset({"deeplearning", "drf", "gbm", "glm", "isolationforest", "stackedensemble"})
"""Algorithms whose MOJOs are made and scored, by H2O's names."""
_INI = "model.ini"
_MOST_BYTES = 1 << 30
_MOST_ENTRIES = 200_000
_MOST_INI_BYTES = 1 << 28
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
_NAME = re.compile(r"(models/([A-Za-z0-9_]+/)*)?(model\.ini|(domains|trees)/[A-Za-z0-9_]+\.(txt|bin))")
_UNUSED = re.compile(r"(.*/)?experimental/.*")
# AutoML names models by the number and the time of its run.
_RUN = re.compile(r"_AutoML_\d+_\d{8}_\d+")
_CHANGING = re.compile(r"^(uuid|timestamp) = .*$", re.MULTILINE)
_REMEDY = "train the model again, or fetch its bundle again"


@dataclass(frozen=True)
class MojoFacts:
    """What the archive of a MOJO says of it.

    Attributes:
        version: Version of H2O that wrote it.
        algorithm: H2O's name of its algorithm.
        category: H2O's name of what it predicts.
        inputs: Its columns in order, without the response.
        response: Name of the column that follows them; None if it was fitted without one.
        domains: Levels of each column of categories, by its place.
    """

    version: str
    algorithm: str
    category: str
    inputs: tuple[str, ...]
    response: str | None
    domains: Mapping[int, tuple[str, ...]]


def normalize(content: bytes) -> bytes:
    """Return a MOJO that H2O has just written, in the form that is kept: equal models give equal bytes.

    Args:
        content: The archive as H2O wrote it.

    Raises:
        BundleError: If it is no archive of a MOJO.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as source:
            entries = {
                _RUN.sub("", name): _normalize_entry(name, source.read(name))
                for name in source.namelist()
                if not _UNUSED.fullmatch(name)
            }
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise BundleError(f"H2O must give a MOJO; it gave something else: {quote(str(error))}.") from error
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression=zipfile.ZIP_STORED) as archive:
        for name in sorted(entries):
            archive.writestr(zipfile.ZipInfo(name, _FIRST_DAY), entries[name])
    return target.getvalue()


def _normalize_entry(name: str, content: bytes) -> bytes:
    if not name.endswith(_INI):
        return content
    return _CHANGING.sub(r"\1 = 0", _RUN.sub("", content.decode())).encode()


def read(content: bytes) -> MojoFacts:
    """Check a MOJO that a store or a folder gave, and read what it says of itself; Java must not see it before.

    Args:
        content: The archive, in the form of ``normalize``.

    Raises:
        BundleError: If it is damaged, holds what such an archive does not, or is of another version of H2O.
    """
    if len(content) > _MOST_BYTES:
        raise BundleError(f"{MODEL} must have at most {_MOST_BYTES} bytes; it has {len(content)}.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_entries(archive, len(content))
            damaged = archive.testzip()
            if damaged:
                raise BundleError(f"{MODEL} must be whole; {quote(damaged)} in it is damaged: {_REMEDY}.")
            texts = {name: archive.read(name).decode() for name in archive.namelist() if name.endswith(_INI)}
            facts = {name: _read_info(name, text) for name, text in texts.items()}
            return _read_facts(archive, texts[_INI], facts[_INI])
    except (zipfile.BadZipFile, UnicodeDecodeError, KeyError, IndexError, ValueError, NotImplementedError) as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError(f"{MODEL} must be a MOJO that Headrace kept; {quote(str(error))}: {_REMEDY}.") from error


def read_info(content: bytes) -> dict[str, str]:
    """Return what a MOJO that ``read`` has checked says of its model, by name: also its coefficients, as texts."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return dict(_pair(line, " = ") for line in _section(archive.read(_INI).decode(), "info"))


def _check_entries(archive: zipfile.ZipFile, size: int) -> None:
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    strange = [name for name in names if not _NAME.fullmatch(name)]
    if strange:
        raise BundleError(f"{MODEL} must hold files of a MOJO only; it holds {quote(strange[0])}: {_REMEDY}.")
    if len(entries) > _MOST_ENTRIES or len(set(names)) < len(names):
        raise BundleError(
            f"{MODEL} must hold at most {_MOST_ENTRIES} files, each once; it holds {len(entries)} of {len(set(names))} "
            f"names: {_REMEDY}."
        )
    stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
    if not stored or sum(entry.file_size for entry in entries) > size:
        raise BundleError(f"{MODEL} must not be compressed; it is: {_REMEDY}.")
    if _INI not in names:
        raise BundleError(f"{MODEL} must hold {_INI}; it does not: {_REMEDY}.")


def _read_info(name: str, text: str) -> dict[str, str]:
    """Read the section ``[info]`` of a model, and raise if it is of another version or of an unknown algorithm."""
    if len(text) > _MOST_INI_BYTES:
        raise BundleError(f"{name} in {MODEL} must have at most {_MOST_INI_BYTES} bytes; it has {len(text)}.")
    info = dict(_pair(line, " = ") for line in _section(text, "info"))
    version, algorithm = info.get("h2o_version", ""), info.get("algo", "")
    if version != H2O_VERSION:
        raise BundleError(
            f"{MODEL} must be a MOJO of H2O {H2O_VERSION}; it is of version {quote(version)}: train the model again."
        )
    if algorithm not in ALGORITHMS:
        raise BundleError(
            f"{MODEL} must be of {quote(sorted(ALGORITHMS))}; it is of {quote(algorithm)}: train another family."
        )
    return info


def _read_facts(archive: zipfile.ZipFile, text: str, info: Mapping[str, str]) -> MojoFacts:
    columns = tuple(_section(text, "columns"))
    domains = {}
    for line in _section(text, "domains"):
        place, rest = _pair(line, ": ")
        count, file = _pair(rest, " ")
        levels = tuple(archive.read(f"domains/{file}").decode().splitlines())
        if len(levels) != int(count) or not 0 <= int(place) < len(columns):
            raise BundleError(f"{MODEL} must hold the levels of its columns; {file} holds others: {_REMEDY}.")
        domains[int(place)] = levels
    is_supervised = info["supervised"] == "true"
    inputs, response = (columns[:-1], columns[-1]) if is_supervised else (columns, None)
    return MojoFacts(info["h2o_version"], info["algo"], info["category"], inputs, response, domains)


def _section(text: str, name: str) -> list[str]:
    _, _, rest = text.partition(f"[{name}]\n")
    lines = []
    for line in rest.split("\n"):
        if line.startswith("["):
            break
        if line:
            lines.append(line)
    return lines


def _pair(line: str, separator: str) -> tuple[str, str]:
    first, found, second = line.partition(separator)
    if not found:
        raise ValueError(f"{_INI} holds the line {line[:80]!r}")
    return first, second


def is_described(facts: MojoFacts, description: MojoDescription) -> bool:
    """Return whether a description is of a MOJO: its columns, the number of their levels, and of its classes."""
    described = (description.h2o_version, description.algorithm, description.category)
    names = tuple(one.name for one in description.inputs)
    levels = [None if one.levels is None else _count_known(one.levels) for one in description.inputs]
    own = [len(facts.domains[place]) if place in facts.domains else None for place in range(len(names))]
    classes = len(facts.domains.get(len(names), ()))
    return (
        described == (facts.version, facts.algorithm, facts.category)
        and names == facts.inputs
        and levels == own
        and classes == _count_known(description.classes)
    )


def _count_known(places: tuple[int | None, ...]) -> int:
    return sum(place is not None for place in places)
