"""The folder of a model that MLflow stored: what its ``MLmodel`` says, and its files within bounds."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from headrace.core.base.errors import InputError, MissingError, quote
from headrace.core.base.files import sha256
from headrace.core.bundles.integrity import list_files

DESCRIPTION = "MLmodel"
MOST_BYTES = 1 << 30
_MOST_FILES = 2_000
_MOST_DESCRIPTION_BYTES = 4 << 20


@dataclass(frozen=True)
class ModelFolder:
    """A folder with ``MLmodel``, of plain files only.

    Attributes:
        path: The folder.
        flavors: What ``MLmodel`` says of each flavour, by its name.
        description: All that ``MLmodel`` says.
        files: Paths of all files in it, with slashes, sorted.
    """

    path: Path
    flavors: Mapping[str, Mapping[str, Any]]
    description: Mapping[str, Any] = field(repr=False)
    files: tuple[str, ...]

    def text(self, key: str) -> str:
        """Return a fact of ``MLmodel`` as text; empty if it does not hold it."""
        value = self.description.get(key)
        return "" if value is None else str(value)

    def read(self, name: str, *, most: int = MOST_BYTES) -> bytes:
        """Read a file that ``MLmodel`` names.

        Args:
            name: Its path in the folder.
            most: The largest number of bytes.

        Raises:
            InputError: If the path leaves the folder, there is no such file, or it is too large.
        """
        path = self.find(name)
        size = path.stat().st_size
        if size > most:
            raise InputError(f"{path} must have at most {most:,} bytes to be imported; it has {size:,}.")
        return path.read_bytes()

    def find(self, name: str) -> Path:
        """Return the path of a file that ``MLmodel`` names.

        Raises:
            InputError: If the path leaves the folder, or there is no such file.
        """
        inner = PurePosixPath(name)
        if not name or inner.is_absolute() or ".." in inner.parts or "\\" in name:
            raise InputError(f"{self.path / DESCRIPTION} must name files of its own folder; it names {quote(name)}.")
        if str(inner) not in self.files:
            raise InputError(f"{self.path} must hold {quote(name)}, which its {DESCRIPTION} names; it does not.")
        return self.path / inner

    def digest(self) -> str:
        """Return the SHA-256 over a line for each file: its own SHA-256 and its path."""
        lines = (f"{sha256(self.path / name)}  {name}\n" for name in self.files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_model_folder(path: Path) -> ModelFolder:
    """Read the ``MLmodel`` of a folder.

    Raises:
        MissingError: If there is no such folder, or no ``MLmodel`` in it.
        InputError: If it is not what MLflow writes, or the folder holds links or too many files.
    """
    described = path / DESCRIPTION
    if not path.is_dir():
        raise MissingError(
            f"{path} must be the folder of a model with the file {DESCRIPTION}; there is no such folder."
        )
    if not described.exists():
        held = ", ".join(sorted(one.name for one in path.iterdir())[:5]) or "nothing"
        raise MissingError(f"{path} must hold the file {DESCRIPTION}, as a model of MLflow does; it holds {held}.")
    files, odd = list_files(path)
    if odd:
        raise InputError(
            f"{path} must hold plain files only; {quote(odd[0])} is a link or a device, and is not followed."
        )
    if len(files) > _MOST_FILES:
        raise InputError(f"{path} must hold at most {_MOST_FILES} files to be imported; it holds {len(files)}.")
    description = _parse(described)
    flavors = description.get("flavors")
    if not isinstance(flavors, dict) or not flavors or not all(isinstance(one, dict) for one in flavors.values()):
        raise InputError(f"{described} must list the model's flavors, each with its facts; it does not.")
    return ModelFolder(path, flavors, description, tuple(files))


def _parse(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    if size > _MOST_DESCRIPTION_BYTES:
        raise InputError(f"{path} must have at most {_MOST_DESCRIPTION_BYTES:,} bytes; it has {size:,}.")
    try:
        text = path.read_text(encoding="utf-8")
        # Aliases of YAML multiply what they name; MLflow writes none.
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, Loader=yaml.CSafeLoader)):
            raise InputError(f"{path} must be YAML without aliases, as MLflow writes it; it has one.")
        document = yaml.load(text, Loader=yaml.CSafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} must be YAML that can be read; {' '.join(str(error).split())}.") from error
    if not isinstance(document, dict):
        raise InputError(f"{path} must be a YAML mapping, as MLflow writes it; it holds {quote(document)}.")
    return document
