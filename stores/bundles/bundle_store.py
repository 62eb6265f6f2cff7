"""Bundles in the object store: ``publish``, ``fetch`` and ``inspect``."""

import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from headrace.core.base.errors import BundleError, InputError, MissingError, quote
from headrace.core.base.files import write_json, write_text
from headrace.core.base.remedies import require_store
from headrace.core.base.settings import StoreSettings
from headrace.core.bundles import integrity
from headrace.core.bundles import manifest as manifests
from headrace.core.bundles.integrity import FileDifference
from headrace.core.bundles.manifest import (
    MANIFEST,
    MAX_SIGNATURE_BYTES,
    MAX_SIGNATURES,
    SIGNATURES,
    Manifest,
    is_signature,
    is_unlisted,
)
from headrace.stores.bundles.publish import prefix_of, publish
from headrace.stores.objects.object_store import ObjectStore, connect
from headrace.stores.objects.parallel import run_parallel

__all__ = ["add_signature", "fetch", "inspect", "prefix_of", "publish", "publish_step"]

_THREADS = 8
_URI = re.compile(r"s3://(?P<bucket>[^/]+)/models/(?P<name>[^/]+)/(?P<digest>[0-9a-f]{64})/")


def publish_step(
    folder: Path,
    *,
    record: Path,
    rehearse: Callable[[Path], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, str]:
    """Publish to the store of ``HEADRACE_S3_*`` and record the address.

    Args:
        folder: The bundle.
        record: JSON file to write.
        rehearse: Raises if the bundle fails its own test cases; called before anything is stored.
        say: Takes progress messages.

    Returns:
        The record: ``uri`` and ``digest``.

    Raises:
        InputError: If no store is set.
        BundleError: If the folder does not match its manifest.
        StoreError: If the store fails.
    """
    settings = require_store("publishing needs an object store")
    manifest = manifests.read(folder)
    store = connect(settings)
    say("the rehearsal")
    rehearse(folder)
    facts = {"uri": publish(folder, store, say=say), "digest": manifest.digest}
    say(f"{len(manifest.files) + 1:,} files, each read back")
    write_json(record, facts)
    return facts


def fetch(uri: str, folder: Path, *, settings: StoreSettings | None = None, signatures: bool = False) -> Path:
    """Download a bundle to ``folder``, which appears only when it is complete.

    Args:
        uri: What ``publish`` returned.
        folder: Folder for the bundle; if it already has this bundle, nothing is fetched.
        settings: How to reach the store; None for ``HEADRACE_S3_*``.
        signatures: Whether to fetch the bundle's signatures too.

    Returns:
        ``folder``.

    Raises:
        InputError: If the URI is not a bundle's, no store is set, or the folder has something else.
        MissingError: If the store has no such bundle.
        BundleError: If the content of the store does not match the manifest or the URI.
    """
    bucket, prefix, digest = _parse_uri(uri)
    if _holds(folder, digest):
        return folder
    store = _connect(uri, bucket, settings)
    manifest = _remote_manifest(store, prefix, digest, uri)
    files = [(entry.path, entry.size) for entry in manifest.files]
    files += _signatures(store, prefix) if signatures else []
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        run_parallel(files, lambda file: store.get_file(prefix + file[0], part / file[0], file[1]), threads=_THREADS)
        (part / MANIFEST).write_text(manifest.dumps(), encoding="utf-8")
        integrity.verify(part, manifest)
        part.chmod(0o755)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def list_files(uri: str, *, settings: StoreSettings | None = None) -> frozenset[str]:
    """Return the paths of a published bundle's files, as its manifest says.

    Args:
        uri: What ``publish`` returned.
        settings: How to reach the store; None for ``HEADRACE_S3_*``.

    Raises:
        InputError: If the URI is not a bundle's, or no store is set.
        MissingError: If the store has no such bundle.
        BundleError: If the manifest does not match the URI.
    """
    bucket, prefix, digest = _parse_uri(uri)
    manifest = _remote_manifest(_connect(uri, bucket, settings), prefix, digest, uri)
    return frozenset(entry.path for entry in manifest.files)


def inspect(uri: str, folder: Path, *, settings: StoreSettings | None = None) -> tuple[Manifest, list[FileDifference]]:
    """Download what the store has of a bundle to ``folder``, and list every difference from its manifest.

    Args:
        uri: What ``publish`` returned.
        folder: An empty or a new folder.
        settings: How to reach the store; None for ``HEADRACE_S3_*``.

    Returns:
        The manifest, and all differences between it and the content of the store. Files outside the manifest are
        listed and not fetched.

    Raises:
        InputError: If the URI is not a bundle's, or no store is set.
        MissingError: If the store has no such bundle.
        BundleError: If the manifest is invalid, or does not match the URI.
    """
    bucket, prefix, digest = _parse_uri(uri)
    store = _connect(uri, bucket, settings)
    manifest = _remote_manifest(store, prefix, digest, uri)
    stored_sizes = {item.key.removeprefix(prefix): item.size for item in store.list(prefix)}
    files = [(entry.path, entry.size) for entry in manifest.files if stored_sizes.get(entry.path) == entry.size]
    files += _signatures(store, prefix)
    run_parallel(files, lambda file: store.get_file(prefix + file[0], folder / file[0], file[1]), threads=_THREADS)
    write_text(folder / MANIFEST, manifest.dumps())
    odd = {
        entry.path: FileDifference("changed", entry.path, f"{stored_sizes[entry.path]} bytes instead of {entry.size}")
        for entry in manifest.files
        if entry.path in stored_sizes and stored_sizes[entry.path] != entry.size
    }
    found_differences = [odd.get(difference.path, difference) for difference in integrity.differences(folder, manifest)]
    listed = {entry.path for entry in manifest.files}
    found_differences += [
        FileDifference("extra", path) for path in stored_sizes if path not in listed and not is_unlisted(path)
    ]
    return manifest, sorted(found_differences, key=lambda difference: difference.path)


def add_signature(uri: str, signature: Path, *, settings: StoreSettings | None = None) -> None:
    """Upload a signature to a published bundle, for everyone who verifies it from then on.

    Args:
        uri: What ``publish`` returned.
        signature: The signature's file, as ``signatures.sign`` wrote it.
        settings: How to reach the store; None for ``HEADRACE_S3_*``.

    Raises:
        InputError: If the URI is not a bundle's, or no store is set.
        MissingError: If the store has no such bundle.
        StoreError: If the store fails.
    """
    bucket, prefix, digest = _parse_uri(uri)
    store = _connect(uri, bucket, settings)
    _remote_manifest(store, prefix, digest, uri)
    store.put_file(f"{prefix}{SIGNATURES}/{signature.name}", signature, "application/json", fresh=True)


def _connect(uri: str, bucket: str, settings: StoreSettings | None) -> ObjectStore:
    settings = settings or require_store(f"{uri} is in an object store")
    return connect(replace(settings, bucket=bucket), create=False)


def _signatures(store: ObjectStore, prefix: str) -> list[tuple[str, int]]:
    """Return paths and sizes of a bundle's signatures, up to the allowed number and size."""
    stored = [(item.key.removeprefix(prefix), item.size) for item in store.list(f"{prefix}{SIGNATURES}/")]
    allowed = [(path, size) for path, size in stored if is_signature(path) and 0 < size <= MAX_SIGNATURE_BYTES]
    return allowed[:MAX_SIGNATURES]


def _parse_uri(uri: str) -> tuple[str, str, str]:
    match = _URI.fullmatch(uri)
    if match is None:
        raise InputError(f"a model's URI must be s3://BUCKET/models/NAME/DIGEST/; got {quote(uri, 200)} instead.")
    return match["bucket"], f"models/{match['name']}/{match['digest']}/", match["digest"]


def _remote_manifest(store: ObjectStore, prefix: str, digest: str, uri: str) -> Manifest:
    try:
        text = store.get_bytes(prefix + MANIFEST, manifests.MAX_MANIFEST_BYTES)
    except MissingError as error:
        raise MissingError(f"there is no published model at {uri} in {store.endpoint}; publish it first.") from error
    manifest = manifests.loads(text, uri + MANIFEST)
    if manifest.digest != digest or prefix_of(manifest) != prefix:
        raise BundleError(f"the manifest at {uri} belongs to {prefix_of(manifest)}: it was put there by mistake.")
    return manifest


def _holds(folder: Path, digest: str) -> bool:
    if not folder.exists() or not any(folder.iterdir()):
        return False
    try:
        manifest = manifests.read(folder)
        integrity.verify(folder, manifest)
    except BundleError as error:
        raise InputError(f"{folder} must be empty or hold the same bundle; it holds something else.") from error
    if manifest.digest != digest:
        raise InputError(f"{folder} must be empty or hold the same bundle; it holds {manifest.digest}.")
    return True
