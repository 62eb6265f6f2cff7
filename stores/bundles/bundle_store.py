"""Bundles in the object store: published by ``publish``, brought back by ``fetch``, looked at by ``inspect``."""

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
    beside,
    is_signature,
)
from headrace.stores.bundles.publish import prefix_of, publish
from headrace.stores.objects.object_store import ObjectStore, connect
from headrace.stores.objects.parallel import each

__all__ = ["add_signature", "fetch", "inspect", "prefix_of", "publish", "publish_step"]

_THREADS = 8
_URI = re.compile(r"s3://(?P<bucket>[^/]+)/models/(?P<name>[^/]+)/(?P<digest>[0-9a-f]{64})/")


def publish_step(
    folder: Path,
    *,
    record: Path,
    rehearse: Callable[[Path], None] = lambda _: None,
    told: Callable[[str], None] = lambda _: None,
) -> dict[str, str]:
    """Publish to the store of ``HEADRACE_S3_*`` and record where.

    Args:
        folder: The bundle.
        record: JSON file to write.
        rehearse: Raises if the bundle does not answer as it says; it is asked before anything is stored.
        told: Is told in a few words how far it is.

    Returns:
        What was recorded: ``uri`` and ``digest``.

    Raises:
        InputError: If no store is set.
        BundleError: If the folder is not what its manifest says.
        StoreError: If the store fails.
    """
    settings = require_store("publishing needs an object store")
    manifest = manifests.read(folder)
    store = connect(settings)
    told("the rehearsal")
    rehearse(folder)
    facts = {"uri": publish(folder, store, told=told), "digest": manifest.digest}
    told(f"{len(manifest.files) + 1:,} files, each read back")
    write_json(record, facts)
    return facts


def fetch(uri: str, folder: Path, *, settings: StoreSettings | None = None, signatures: bool = False) -> Path:
    """Bring a bundle from the store into ``folder``, which is never seen half-filled.

    Args:
        uri: What ``publish`` returned.
        folder: Where to; if it already holds this bundle, nothing is fetched.
        settings: How to reach the store; ``HEADRACE_S3_*`` if not given.
        signatures: Whether the bundle's signatures are fetched too.

    Returns:
        ``folder``.

    Raises:
        InputError: If the URI is not a bundle's, no store is set, or the folder holds something else.
        MissingError: If the store has no such bundle.
        BundleError: If what the store holds is not what the manifest or the URI says.
    """
    bucket, prefix, digest = _parse_uri(uri)
    if _holds(folder, digest):
        return folder
    store = _connect(uri, bucket, settings)
    manifest = _remote_manifest(store, prefix, digest, uri)
    wanted = [(entry.path, entry.size) for entry in manifest.files]
    wanted += _signatures(store, prefix) if signatures else []
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        each(wanted, lambda file: store.get_file(prefix + file[0], part / file[0], file[1]), threads=_THREADS)
        (part / MANIFEST).write_text(manifest.dumps(), encoding="utf-8")
        integrity.verify(part, manifest)
        part.chmod(0o755)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def inspect(uri: str, folder: Path, *, settings: StoreSettings | None = None) -> tuple[Manifest, list[FileDifference]]:
    """Bring whatever the store holds of a bundle into ``folder``, and tell what is wrong with it, file by file.

    Args:
        uri: What ``publish`` returned.
        folder: Where to; an empty folder, or one that is not there.
        settings: How to reach the store; ``HEADRACE_S3_*`` if not given.

    Returns:
        The manifest, and every way in which what the store holds is not what it says. What is in no manifest is named
        and not fetched.

    Raises:
        InputError: If the URI is not a bundle's, or no store is set.
        MissingError: If the store has no such bundle.
        BundleError: If the manifest cannot be used, or is not the URI's.
    """
    bucket, prefix, digest = _parse_uri(uri)
    store = _connect(uri, bucket, settings)
    manifest = _remote_manifest(store, prefix, digest, uri)
    there = {item.key.removeprefix(prefix): item.size for item in store.list(prefix)}
    wanted = [(entry.path, entry.size) for entry in manifest.files if there.get(entry.path) == entry.size]
    wanted += _signatures(store, prefix)
    each(wanted, lambda file: store.get_file(prefix + file[0], folder / file[0], file[1]), threads=_THREADS)
    write_text(folder / MANIFEST, manifest.dumps())
    odd = {
        entry.path: FileDifference("changed", entry.path, f"{there[entry.path]} bytes instead of {entry.size}")
        for entry in manifest.files
        if entry.path in there and there[entry.path] != entry.size
    }
    found = [odd.get(one.path, one) for one in integrity.differences(folder, manifest)]
    known = {entry.path for entry in manifest.files}
    found += [FileDifference("extra", path) for path in there if path not in known and not beside(path)]
    return manifest, sorted(found, key=lambda one: one.path)


def add_signature(uri: str, signature: Path, *, settings: StoreSettings | None = None) -> None:
    """Put a signature beside a bundle that was published; whoever verifies it finds it from then on.

    Args:
        uri: What ``publish`` returned.
        signature: The signature's file, as ``signatures.sign`` left it.
        settings: How to reach the store; ``HEADRACE_S3_*`` if not given.

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
    settings = settings or require_store(f"{uri} lies in an object store")
    return connect(replace(settings, bucket=bucket), create=False)


def _signatures(store: ObjectStore, prefix: str) -> list[tuple[str, int]]:
    """Paths and sizes of a bundle's signatures, as many and as long as a bundle may have."""
    found = [(item.key.removeprefix(prefix), item.size) for item in store.list(f"{prefix}{SIGNATURES}/")]
    fit = [(path, size) for path, size in found if is_signature(path) and 0 < size <= MAX_SIGNATURE_BYTES]
    return fit[:MAX_SIGNATURES]


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
