"""Opens the place that an address names: a folder, or a prefix of a bucket."""

from dataclasses import dataclass, replace
from pathlib import Path

from headrace.core.base.errors import InputError, quote
from headrace.core.base.remedies import require_store
from headrace.stores.objects.folder_objects import FolderStore
from headrace.stores.objects.object_store import ObjectStore, connect


@dataclass(frozen=True)
class StorePlace:
    """A place in an object store.

    Attributes:
        store: The store.
        prefix: What all keys of the place begin with: empty, or ending with a slash.
    """

    store: ObjectStore
    prefix: str = ""

    def __str__(self) -> str:
        """Return its address, for messages."""
        if isinstance(self.store, FolderStore):
            return f"{self.store.folder / self.prefix}/"
        return f"s3://{self.store.bucket}/{self.prefix}"


def open_objects(address: str, *, create: bool = False) -> StorePlace:
    """Return the place that an address names.

    Args:
        address: A folder, which may be absent yet, or ``s3://BUCKET/PREFIX``, whose store ``HEADRACE_S3_*`` name.
        create: Whether to create a missing bucket.

    Raises:
        InputError: If the address is empty or of another scheme, or no store is set.
        StoreError: If the store is down, refuses the keys, or lacks the bucket.
    """
    scheme, separator, rest = address.partition("://")
    if not address.strip() or (separator and scheme != "s3"):
        raise InputError(f"a store must be a folder or s3://BUCKET/PREFIX; got {quote(address)} instead.")
    if not separator:
        return StorePlace(FolderStore(Path(address)))
    bucket, _, prefix = rest.partition("/")
    settings = require_store(f"{address} needs an object store")
    store = connect(replace(settings, bucket=bucket), create=create)
    return StorePlace(store, f"{prefix.strip('/')}/" if prefix.strip("/") else "")
