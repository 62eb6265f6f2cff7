"""Bundles in the object store: content-addressed, written once, the manifest last."""

import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from headrace.core import manifest as manifests
from headrace.core.errors import BundleError, InputError, MissingError, StoreError, shown
from headrace.core.files import sha256, write_json
from headrace.core.manifest import MANIFEST, Entry, Manifest
from headrace.core.settings import StoreSettings, store_settings
from headrace.stores.objects import ObjectStore, connect

_URI = re.compile(r"s3://(?P<bucket>[^/]+)/models/(?P<name>[^/]+)/(?P<digest>[0-9a-f]{64})/")


def prefix_of(manifest: Manifest) -> str:
    """Where a bundle's objects lie: ``models/<name>/<digest>/``."""
    return f"models/{manifest.name}/{manifest.digest}/"


def publish(folder: Path, store: ObjectStore) -> str:
    """Store the bundle in ``folder`` and return its URI.

    Every object is read back and checked before the manifest is written, so that a reader who finds the
    manifest finds everything. Publishing again only checks; publishing after a broken attempt finishes it.

    Args:
        folder: The bundle.
        store: Where to.

    Returns:
        ``s3://<bucket>/models/<name>/<digest>/``, with the slash at its end, because KServe's storage
        initializer takes a prefix without it for every key that begins so.

    Raises:
        BundleError: If the folder is not what its manifest says.
        StoreError: If the store fails, or holds other bytes under a key of this bundle.
    """
    manifest = manifests.read(folder)
    manifests.verify(folder, manifest)
    prefix = prefix_of(manifest)
    text = (folder / MANIFEST).read_bytes()
    complete = store.exists(prefix + MANIFEST)
    for entry in manifest.files:
        _put_checked(folder, store, prefix, entry, complete=complete)
    if not complete:
        store.put_bytes(prefix + MANIFEST, text, "application/json")
    _check_manifest(store, prefix, manifest)
    return f"s3://{store.bucket}/{prefix}"


def publish_step(folder: Path, *, record: Path) -> dict[str, str]:
    """Publish to the store of ``HEADRACE_S3_*`` and record where.

    Args:
        folder: The bundle.
        record: JSON file to write.

    Returns:
        What was recorded: ``uri`` and ``digest``.

    Raises:
        InputError: If no store is set.
        BundleError: If the folder is not what its manifest says.
        StoreError: If the store fails.
    """
    settings = store_settings()
    if settings is None:
        raise InputError("publishing needs an object store: set HEADRACE_S3_ENDPOINT and its keys.")
    digest = manifests.read(folder).digest
    facts = {"uri": publish(folder, connect(settings)), "digest": digest}
    write_json(record, facts)
    return facts


def fetch(uri: str, folder: Path, *, settings: StoreSettings | None = None) -> Path:
    """Bring a bundle from the store into ``folder``, which is never seen half-filled.

    Args:
        uri: What ``publish`` returned.
        folder: Where to; if it already holds this bundle, nothing is fetched.
        settings: How to reach the store; ``HEADRACE_S3_*`` if not given.

    Returns:
        ``folder``.

    Raises:
        InputError: If the URI is not a bundle's, no store is set, or the folder holds something else.
        MissingError: If the store has no such bundle.
        BundleError: If what the store holds is not what the manifest or the URI says.
    """
    bucket, prefix, digest = _parsed(uri)
    settings = settings or store_settings()
    if settings is None:
        raise InputError(f"{uri} lies in an object store: set HEADRACE_S3_ENDPOINT and its keys to reach it.")
    if _holds(folder, digest):
        return folder
    store = connect(replace(settings, bucket=bucket), create=False)
    manifest = _remote_manifest(store, prefix, digest, uri)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for entry in manifest.files:
            store.get_file(prefix + entry.path, part / entry.path)
        (part / MANIFEST).write_text(manifest.dumps(), encoding="utf-8")
        manifests.verify(part, manifest)
        part.chmod(0o755)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _put_checked(folder: Path, store: ObjectStore, prefix: str, entry: Entry, *, complete: bool) -> None:
    key = prefix + entry.path
    if store.exists(key):
        if _stored_digest(store, key) == entry.sha256:
            return
        if complete:
            raise StoreError(
                f"{store.bucket}/{key} in {store.endpoint} was altered after it was published: delete "
                f"everything under {prefix}, then publish again."
            )
    # Without a manifest nobody reads this prefix: what lies here is debris of a broken attempt.
    store.put_file(key, folder / entry.path, entry.media_type)
    if _stored_digest(store, key) != entry.sha256:
        raise StoreError(f"{store.endpoint} gave back other bytes for {store.bucket}/{key} than were written to it.")


def _stored_digest(store: ObjectStore, key: str) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "object"
        store.get_file(key, path)
        return sha256(path)


def _check_manifest(store: ObjectStore, prefix: str, manifest: Manifest) -> None:
    if store.get_bytes(prefix + MANIFEST, manifests.MAX_MANIFEST_BYTES) != manifest.dumps().encode():
        raise StoreError(
            f"{store.bucket}/{prefix}{MANIFEST} in {store.endpoint} is not the manifest of this bundle: "
            f"delete everything under {prefix}, then publish again."
        )


def _parsed(uri: str) -> tuple[str, str, str]:
    match = _URI.fullmatch(uri)
    if match is None:
        raise InputError(f"a model's URI must be s3://BUCKET/models/NAME/DIGEST/; got {shown(uri, 200)} instead.")
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
        manifests.verify(folder, manifest)
    except BundleError as error:
        raise InputError(f"{folder} must be empty or hold the same bundle; it holds something else.") from error
    if manifest.digest != digest:
        raise InputError(f"{folder} must be empty or hold the same bundle; it holds {manifest.digest}.")
    return True
