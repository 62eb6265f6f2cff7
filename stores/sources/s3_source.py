"""Tables in an object store: ``s3://bucket/key``, a pattern of keys, or a prefix that ends with ``/``."""

import fnmatch
import re
import tempfile
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from headrace.core.base.errors import InputError, MissingError, StoreError, quote
from headrace.core.base.remedies import require_store
from headrace.core.tables.source import FileSource, SourceFile
from headrace.stores.objects.listing import StoredObject
from headrace.stores.objects.object_store import ObjectStore, connect

_HIDDEN = re.compile(r"(^|/)[._][^/]*$")


def s3_files(url: str) -> FileSource:
    """Return objects as a table; each is stored on this machine while it is read.

    Args:
        url: ``s3://bucket/key``. ``HEADRACE_S3_*`` have the store's address and keys.

    Raises:
        InputError: If the URL names no bucket or no key, or no store is set.
    """
    bucket, key = _parts(url)

    def open_files() -> Generator[SourceFile]:
        store = _connect(bucket)
        for object_key in _keys(store, key):
            with tempfile.TemporaryDirectory(prefix="headrace-") as folder:
                path = Path(folder) / "object"
                try:
                    store.get_file(object_key, path)
                except MissingError as error:
                    raise MissingError(
                        f"there is no object s3://{bucket}/{object_key} in {store.endpoint}; correct the key."
                    ) from error
                yield SourceFile(f"s3://{bucket}/{object_key}", path)

    return FileSource(url, open_files)


def s3_objects(url: str) -> list[StoredObject]:
    """Return the listing's entries of a table's objects, without fetching them.

    Raises:
        InputError: As ``s3_files``.
        MissingError: If there are none.
        StoreError: If the store cannot be reached.
    """
    bucket, key = _parts(url)
    store = _connect(bucket)
    return [store.find(object_key) for object_key in _keys(store, key)]


def _parts(url: str) -> tuple[str, str]:
    """Return bucket and key."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    if not bucket or not key:
        raise InputError(f"an object must be named as s3://BUCKET/KEY; got {quote(url)} instead.")
    return bucket, key


def _connect(bucket: str) -> ObjectStore:
    store_settings = require_store("s3:// needs an object store")
    try:
        return connect(replace(store_settings, bucket=bucket), create=False)
    except (StoreError, InputError) as error:
        if "HEADRACE_S3_BUCKET" in str(error):
            raise MissingError(
                f"there is no bucket {quote(bucket)} in the object store {store_settings.endpoint}; correct the URL."
            ) from error
        raise


def _keys(store: ObjectStore, key: str) -> list[str]:
    """Return the matching keys, sorted; hidden ones such as ``_SUCCESS`` do not belong to a table."""
    if not key.endswith("/") and not re.search(r"[*?\[]", key):
        return [key]
    fixed = re.split(r"[*?\[]", key, maxsplit=1)[0]
    below = fixed[: fixed.rfind("/") + 1]
    keys = [item.key for item in store.list(below) if item.size and not _HIDDEN.search(item.key)]
    if not key.endswith("/"):
        keys = [
            candidate
            for candidate in keys
            if fnmatch.fnmatchcase(candidate, key) and candidate.count("/") == key.count("/")
        ]
    if not keys:
        raise MissingError(f"no object of s3://{store.bucket}/{key} is in {store.endpoint}; correct the key.")
    return sorted(keys)
