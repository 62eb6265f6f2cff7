"""The bundle: a model with everything that made it, in a folder that is verified byte by byte."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from headrace.core.base.errors import BundleError, InputError, quote
from headrace.core.base.files import read_json
from headrace.core.bundles import integrity, manifest, signatures
from headrace.core.bundles.manifest import Manifest
from headrace.core.bundles.signatures import TrustedSigner

if TYPE_CHECKING:
    from headrace.core.contracts.contract import Contract
    from headrace.core.models.fitted_model import Model

VerificationLevel = Literal["off", "digest", "signature"]


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files match its manifest.

    Attributes:
        folder: Folder of the bundle.
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
        """SHA-256 of the bundle."""
        return self.manifest.digest

    def model(self) -> "Model":
        """Load the model.

        Raises:
            BundleError: If it cannot be loaded.
        """
        from headrace.core.models import fitted_model as models  # noqa: PLC0415 - checking a bundle does not need scikit-learn

        fitted = models.load(self.folder)
        if fitted.contract.name != self.name:
            raise BundleError(
                f"the contract in {self.folder} must be named {self.name}, as its manifest says; it is named "
                f"{fitted.contract.name}."
            )
        return fitted

    @property
    def contract(self) -> "Contract":
        """The data contract that training and serving read.

        Raises:
            MissingError: If the bundle has no ``contract.yaml``.
            InputError: If that is not a contract.
        """
        from headrace.core.contracts import contract_yaml  # noqa: PLC0415 - checking a bundle needs no YAML

        return contract_yaml.load(self.folder / "contract.yaml")

    def json(self, name: str) -> Any:
        """Read one of its JSON files, such as ``cases.json``.

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
        level: ``digest``: its files match the manifest, byte for byte. ``signature``: a trusted signer has signed them
            too. ``off``: nothing, for a folder that has just been verified.
        trust: The trusted signer, for ``signature``.
        rewritten: Files that a platform rewrites before it starts a server, and that nothing of the suite reads: their
            bytes are not compared. The digest stays that of the manifest.
    """

    level: VerificationLevel = "digest"
    trust: TrustedSigner | None = None
    rewritten: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Raise if the level lacks a trusted signer, or has one that it does not use.

        Raises:
            InputError: If level and signer do not match.
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
        folder: Folder of the bundle.
        policy: What it must prove; None for its digest.

    Raises:
        BundleError: If it is not a bundle, files are missing, changed or extra, or no trusted signer signed it.
    """
    required = policy or VerificationPolicy()
    listed = manifest.read(folder)
    if required.level != "off":
        integrity.verify(folder, listed, rewritten=required.rewritten)
    if required.trust is not None:
        signatures.check(folder, required.trust)
    return Bundle(folder=folder, manifest=listed)
