"""A model's bundle, at an address that a pipeline's parameter names."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.core.bundles.bundle import Bundle, open_bundle


@contextmanager
def open_bundle_at(address: str) -> Iterator[Bundle]:
    """Yield the verified bundle in a folder, or at a store URI, from which it is fetched for the block.

    Raises:
        BundleError: If it is incomplete or altered.
        MissingError: If the store has no such bundle.
    """
    if "://" not in address:
        yield open_bundle(Path(address))
        return
    from headrace.stores.bundles.bundle_store import fetch  # noqa: PLC0415 - minio takes its time

    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        yield open_bundle(fetch(address, Path(scratch) / "bundle"))
