"""The bundle: a model with everything that made it, in a folder that can be checked byte by byte."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from headrace.core.base.errors import BundleError, InputError, quote
from headrace.core.base.files import read_json
from headrace.core.bundles import integrity, manifest, signatures
from headrace.core.bundles.manifest import Manifest
from headrace.core.bundles.signatures import TrustedSigner

if TYPE_CHECKING:
    from headrace.core.models.fitted_model import Model

VerificationLevel = Literal["off", "digest", "signature"]


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files are what its manifest says.

    Attributes:
        folder: Where it lies.
        manifest: Its manifest.
    """

    folder: Path
    manifest: Manifest = field(repr=False)

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
        from headrace.core.models import fitted_model as models  # noqa: PLC0415 - whoever only checks a bundle needs no scikit-learn

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


@dataclass(frozen=True)
class VerificationPolicy:
    """What a bundle must prove before it is used.

    Attributes:
        level: ``digest``: its files are those of its manifest, byte for byte. ``signature``: besides, somebody who is
            trusted has signed them. ``off``: nothing, for a folder that was verified just now.
        trust: Whose signature is wanted, for ``signature``.
    """

    level: VerificationLevel = "digest"
    trust: TrustedSigner | None = None

    def __post_init__(self) -> None:
        """Refuse a level without what it needs, or with what it does not.

        Raises:
            InputError: If they do not fit.
        """
        if self.level not in get_args(VerificationLevel):
            raise InputError(f"bundles are verified by off, digest or signature; got {quote(self.level)} instead.")
        if (self.level == "signature") != (self.trust is not None):
            word = "with" if self.trust else "without"
            raise InputError(
                "the level signature needs a public key, or an identity and its issuer, and no other level does; got "
                f"{quote(self.level)} {word} them."
            )


def open_bundle(folder: Path, policy: VerificationPolicy | None = None) -> Bundle:
    """Read a bundle and check each of its files.

    Args:
        folder: Where it lies.
        policy: What it must prove; None for its digest.

    Raises:
        BundleError: If it is no bundle, or files are missing, changed or extra, or nobody who is trusted signed it.
    """
    asked = policy or VerificationPolicy()
    found = manifest.read(folder)
    if asked.level != "off":
        integrity.verify(folder, found)
    if asked.trust is not None:
        signatures.check(folder, asked.trust)
    return Bundle(folder=folder, manifest=found)
