"""A model's bundle, at an address that a pipeline's parameter names."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.core.bundles.bundle import Bundle, open_bundle


def resolve_address(model: str) -> str:
    """Return the folder or the store URI of a model; a version of the registry is looked up.

    Args:
        model: A folder, a store URI, or ``NAME@VERSION``.

    Raises:
        MissingError: If the registry has no such version.
    """
    if "@" not in model or "://" in model or Path(model).exists():
        return model
    from headrace.registry.resolve import resolve_bundle  # noqa: PLC0415 - MLflow takes its time

    return resolve_bundle(model)


@contextmanager
def open_bundle_at(model: str) -> Iterator[Bundle]:
    """Yield the verified bundle of a model; one in a store is fetched for the block.

    Args:
        model: A folder, a store URI, or ``NAME@VERSION`` of the registry.

    Raises:
        BundleError: If it is incomplete or altered.
        MissingError: If there is no such bundle or version.
    """
    address = resolve_address(model)
    if "://" not in address:
        yield open_bundle(Path(address))
        return
    from headrace.stores.bundles.bundle_store import fetch  # noqa: PLC0415 - minio takes its time

    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        yield open_bundle(fetch(address, Path(scratch) / "bundle"))
