"""Signatures of a bundle, by OpenSSF model-signing.

A signature covers every file of the bundle, including the manifest. It is stored in ``signatures/`` under its own
SHA-256, so that several people can sign the same bundle without replacing another signature. It is a Sigstore bundle
with an in-toto statement: any tool that supports the OpenSSF Model Signing format can check it.

Source: https://github.com/ossf/model-signing-spec
"""

import base64
import importlib
import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.core.base.errors import BundleError, InputError, MissingError
from headrace.core.base.files import sha256, whole
from headrace.core.bundles.manifest import MANIFEST, MAX_SIGNATURE_BYTES, MAX_SIGNATURES, SIGNATURES, is_signature


@dataclass(frozen=True)
class Signer:
    """The signer: the owner of a key, or an identity that Sigstore knows.

    Attributes:
        key: File of an elliptic private key in PEM; None to sign without a key.
        password: Password of that key; empty if it has none.
        token: Identity token of OpenID Connect; empty to use the one that the environment provides, as CI systems do.
    """

    key: Path | None = None
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class TrustedSigner:
    """The signer that a bundle must have: a key, or an identity.

    Attributes:
        key: File of the public key in PEM.
        identity: Identity that signed without a key, such as the address of a mailbox or of a workflow.
        issuer: URL of the issuer of the identity's tokens.
    """

    key: Path | None = None
    identity: str = ""
    issuer: str = ""

    def __post_init__(self) -> None:
        """Raise unless exactly one signer is given.

        Raises:
            InputError: If neither a key nor an identity with its issuer is given, or both.
        """
        if (self.key is None) == (not self.identity) or bool(self.identity) != bool(self.issuer):
            raise InputError(
                "a signature is checked against a public key, or against an identity and its issuer; give --public-key "
                "FILE, or --identity NAME with --issuer URL."
            )

    def __str__(self) -> str:
        """Return the signer in words."""
        return f"the key {self.key}" if self.key else f"{self.identity}, as {self.issuer} knows it"


def sign(folder: Path, signer: Signer) -> Path:
    """Sign a bundle; its digest stays the same.

    Args:
        folder: Folder of a verified bundle.
        signer: The signer.

    Returns:
        The signature's file.

    Raises:
        MissingError: If there is no such key.
        InputError: If the key cannot be used, or the identity cannot be proved.
    """
    config = _library("signing").Config().set_hashing_config(_hashing())
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        signature = Path(scratch) / "signature"
        if signer.key is not None:
            _use_key(config, signer.key, signer.password)
            config.sign(folder, signature)
        else:
            _sign_without_key(config, folder, signature, signer.token)
        target = folder / SIGNATURES / f"{sha256(signature)}.sig"
        with whole(target) as part:
            part.write_bytes(signature.read_bytes())
    return target


def check(folder: Path, trust: TrustedSigner) -> Path:
    """Find a signature of a bundle by a trusted signer.

    Args:
        folder: Folder of a bundle whose files were verified.
        trust: The trusted signer.

    Returns:
        The signature's file.

    Raises:
        MissingError: If there is no such public key.
        InputError: If the key cannot be used.
        BundleError: If the bundle is not signed, not by the trusted signer, or was changed afterwards.
    """
    if trust.key is not None and not trust.key.is_file():
        raise MissingError(f"there is no public key {trust.key}; give the one that belongs to the key that signed.")
    paths = sorted(path for path in (folder / SIGNATURES).glob("*.sig") if _is_plain(path))
    if not paths:
        raise BundleError(f"the bundle in {folder} must be signed by {trust}; it is not signed: use headrace sign.")
    if len(paths) > MAX_SIGNATURES:
        raise BundleError(f"the bundle in {folder} must have at most {MAX_SIGNATURES} signatures; it has {len(paths)}.")
    verifier = _verifier(trust)
    reasons = []
    for path in paths:
        reason = _fault(verifier, folder, path)
        if not reason:
            return path
        reasons.append(reason)
    summary = "; ".join(dict.fromkeys(reasons))
    raise BundleError(
        f"the bundle in {folder} must be signed by {trust}; none of its {len(paths)} signatures is: {summary}."
    )


def _is_plain(path: Path) -> bool:
    plain = path.is_file() and not path.is_symlink() and is_signature(f"{SIGNATURES}/{path.name}")
    return plain and path.stat().st_size <= MAX_SIGNATURE_BYTES


def _library(module: str) -> Any:
    """Import a module of model-signing, which takes a second, and whose functions are not typed."""
    return importlib.import_module(f"model_signing.{module}")


def _hashing() -> Any:
    return (
        _library("hashing")
        .Config()
        .use_file_serialization(hashing_algorithm="sha256")
        .set_ignored_paths(paths=[SIGNATURES], ignore_git_paths=False)
    )


def _use_key(config: Any, key: Path, password: str) -> None:
    if not key.is_file():
        raise MissingError(
            f"there is no private key {key}; make one by: openssl ecparam -name prime256v1 -genkey -noout -out {key}"
        )
    try:
        config.use_elliptic_key_signer(private_key=key, password=password.encode() if password else None)
    except (ValueError, TypeError, AttributeError) as error:
        # cryptography raises any of these for a file that is not a key, is locked, or is of another kind.
        raise InputError(
            f"{key} must be an elliptic private key in PEM, of the curve P-256, P-384 or P-521, and its password must "
            "be in HEADRACE_SIGNING_PASSWORD if it has one; it cannot be used."
        ) from error


def _sign_without_key(config: Any, folder: Path, signature: Path, token: str) -> None:
    try:
        config.use_sigstore_signer(identity_token=token or None, use_ambient_credentials=not token)
        config.sign(folder, signature)
    except Exception as error:  # Sigstore, its servers and the network raise anything: it all means the same here
        raise InputError(
            "signing without a key needs Sigstore's servers and an identity: run it where a CI system offers one, or "
            f"set HEADRACE_IDENTITY_TOKEN, or sign with --private-key; it failed with {type(error).__name__}."
        ) from error


def _verifier(trust: TrustedSigner) -> Any:
    try:
        if trust.key is not None:
            return _library("verifying").Config().use_elliptic_key_verifier(public_key=trust.key)
        return _library("verifying").Config().use_sigstore_verifier(identity=trust.identity, oidc_issuer=trust.issuer)
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{trust.key} must be an elliptic public key in PEM, of the curve P-256, P-384 or P-521; it is not."
        ) from error
    except Exception as error:
        raise InputError(
            f"checking an identity needs the roots that Sigstore publishes; fetching them failed with "
            f"{type(error).__name__}: check with --public-key instead."
        ) from error


def _fault(verifier: Any, folder: Path, signature: Path) -> str:
    """Return why a signature is not valid, in a few words; empty if it is."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - as above

    try:
        verifier.set_hashing_config(_hashing()).verify(folder, signature)
        if MANIFEST not in _covered_files(signature):
            return "made without the manifest"
    except InvalidSignature:
        return "made with another key, or altered"
    except ValueError as error:
        text = str(error)
        if "Key mismatch" in text:
            return "made with another key"
        return "made for other files" if text.startswith("Signature mismatch") else "not of this format"
    except Exception as error:  # noqa: BLE001 - a damaged file makes protobuf, JSON and Sigstore raise anything
        return f"not readable ({type(error).__name__})"
    return ""


def _covered_files(signature: Path) -> set[str]:
    """Return the names of the files that a verified signature covers."""
    envelope = json.loads(signature.read_bytes())["dsseEnvelope"]
    statement = json.loads(base64.b64decode(envelope["payload"]))
    return {str(one["name"]) for one in statement["predicate"]["resources"]}
