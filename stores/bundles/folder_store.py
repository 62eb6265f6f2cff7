"""Folders of files in the object store, addressed by digest: written once, the index last, verified when fetched.

This is for data that the processes of one search exchange; ``bundle_store`` publishes models.
"""

import hashlib
import json
import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from headrace.core.base.errors import InputError, MissingError, StoreError, quote
from headrace.core.base.files import dumps, sha256
from headrace.core.base.settings import StoreSettings
from headrace.stores.objects.object_store import ObjectStore, connect

INDEX = "index.json"
_MOST_INDEX_BYTES = 4 << 20
_URI = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<prefix>(?:[^/]+/)+)(?P<digest>[0-9a-f]{64})/")


def put(folder: Path, store: ObjectStore, prefix: str) -> str:
    """Upload a folder; if it is there already, only verify its index.

    Args:
        folder: Folder of files, of any depth.
        store: The store.
        prefix: Prefix of the keys, such as ``studies/NAME``.

    Returns:
        ``s3://BUCKET/PREFIX/DIGEST/``, whose digest is the SHA-256 of the index.

    Raises:
        StoreError: If the store fails, or returns other bytes.
    """
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    index = dumps({path: sha256(folder / path) for path in paths}).encode()
    home = f"{prefix}/{hashlib.sha256(index).hexdigest()}/"
    if not store.exists(home + INDEX):
        for path in paths:
            store.put_file(home + path, folder / path)
        store.put_bytes(home + INDEX, index, "application/json")
    if store.get_bytes(home + INDEX, _MOST_INDEX_BYTES) != index:
        raise StoreError(f"{store.endpoint} gave back another index of {store.bucket}/{home} than was written to it.")
    return f"s3://{store.bucket}/{home}"


def get(uri: str, folder: Path, settings: StoreSettings) -> Path:
    """Download a folder, which appears only when it is complete.

    Args:
        uri: What ``put`` returned.
        folder: New folder; it must not exist.
        settings: How to reach the store.

    Returns:
        ``folder``.

    Raises:
        InputError: If the URI is not one of ``put``.
        MissingError: If the store has no such folder.
        StoreError: If the content of the store does not match the index or the URI.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        raise InputError(f"the address must be s3://BUCKET/.../DIGEST/; got {quote(uri, 200)} instead.")
    store = connect(replace(settings, bucket=match["bucket"]), create=False)
    home = f"{match['prefix']}{match['digest']}/"
    try:
        index = store.get_bytes(home + INDEX, _MOST_INDEX_BYTES)
    except MissingError as error:
        raise MissingError(f"there is nothing at {uri} in {store.endpoint}; start the search again.") from error
    if hashlib.sha256(index).hexdigest() != match["digest"]:
        raise StoreError(f"the index at {uri} in {store.endpoint} was altered; start the search again.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for path, digest in json.loads(index).items():
            store.get_file(home + path, part / path)
            if sha256(part / path) != digest:
                raise StoreError(f"{uri}{path} in {store.endpoint} was altered; start the search again.")
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder
