"""The bundle: a model with everything that made it, in a folder that can be checked byte by byte."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.core import intact, manifest
from headrace.core.errors import BundleError
from headrace.core.files import read_json
from headrace.core.manifest import Manifest

if TYPE_CHECKING:
    from headrace.core.model import Model


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files are what its manifest says.

    Attributes:
        folder: Where it lies.
        manifest: Its manifest.
    """

    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.manifest.name

    @property
    def digest(self) -> str:
        """SHA-256 that names the bundle."""
        return self.manifest.digest

    def model(self) -> "Model":
        """The model, ready to predict.

        Raises:
            BundleError: If it cannot be loaded.
        """
        from headrace.core import model as models  # noqa: PLC0415 - whoever only checks a bundle needs no scikit-learn

        fitted = models.load(self.folder)
        if fitted.contract.name != self.name:
            raise BundleError(
                f"the contract in {self.folder} must be named {self.name}, as its manifest says; it is named "
                f"{fitted.contract.name}."
            )
        return fitted

    def json(self, name: str) -> Any:
        """Content of one of its JSON files, such as ``cases.json``.

        Raises:
            BundleError: If the bundle has no such file.
        """
        if name not in {entry.path for entry in self.manifest.files}:
            raise BundleError(f"the bundle in {self.folder} must hold {name}; it does not: package the model again.")
        return read_json(self.folder / name)


def open_bundle(folder: Path) -> Bundle:
    """Read a bundle and check each of its files.

    Args:
        folder: Where it lies.

    Raises:
        BundleError: If it is no bundle, or files are missing, changed or extra.
    """
    found = manifest.read(folder)
    intact.verify(folder, found)
    return Bundle(folder=folder, manifest=found)
