"""References to models: a run, a bundle, their folders, a store URI, or a version of the registry."""

import contextlib
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

from headrace.core.base.errors import InputError, MissingError, quote

if TYPE_CHECKING:
    from headrace.api.run_result import Run
    from headrace.core.bundles.bundle import Bundle

ModelReference: TypeAlias = Union[str, Path, "Run", "Bundle"]
"""A run's or a bundle's folder, a store URI, ``NAME@VERSION``, or the run or the bundle itself."""


def resolve_model(model: ModelReference) -> str:
    """Return the bundle's folder, or its address in the store.

    Args:
        model: A run's or a bundle's folder, a store URI, ``NAME@VERSION`` of the registry, a ``Run`` or a ``Bundle``.

    Raises:
        MissingError: If there is no such folder, or no such version in the registry.
        InputError: If it is nothing of the kind, or the folder is neither a run's output nor a bundle.
    """
    text = _reference_text(model)
    if "://" in text:
        return text
    folder = Path(text)
    if "@" in text and not folder.exists():
        from headrace.registry.resolve import resolve_bundle  # noqa: PLC0415 - a folder needs no registry

        return resolve_bundle(text)
    if not folder.exists():
        raise MissingError(
            f"there is no folder {folder}; name a run's output folder, a bundle's folder, a store URI, or a version of "
            "the registry as NAME@STAGE or NAME@VERSION."
        )
    if (folder / "manifest.json").exists():
        return str(folder)
    if (folder / "summary.json").exists() and (folder / "bundle" / "manifest.json").exists():
        return str(folder / "bundle")
    raise InputError(
        f"{folder} holds neither a run's summary.json nor a bundle's manifest.json; "
        "name a run's output folder, a bundle's folder or a store URI."
    )


def _reference_text(model: ModelReference) -> str:
    if isinstance(model, str | Path):
        return str(model)
    # Neither class is imported here: a run needs pydantic, which a path does not.
    folder = getattr(model, "home", None) or getattr(model, "folder", None)
    if not isinstance(folder, Path):
        raise InputError(
            f"a model must be a path, a store URI, NAME@VERSION, a Run or a Bundle; got {quote(model)} instead."
        )
    return str(folder)


@contextlib.contextmanager
def open_model(model: ModelReference) -> Iterator["Bundle"]:
    """Yield the verified bundle of a model; one from a store exists for the length of the block.

    Args:
        model: See ``resolve_model``.

    Raises:
        BundleError: If it is incomplete or altered.
    """
    from headrace.core.bundles.bundle import open_bundle as open_folder  # noqa: PLC0415 - a server of another process opens it

    location = resolve_model(model)
    if "://" not in location:
        yield open_folder(Path(location))
        return
    from headrace.stores.bundles.bundle_store import fetch  # noqa: PLC0415 - a folder needs no client of a store

    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        yield open_folder(fetch(location, Path(scratch) / "bundle"))


def open_bundle(model: ModelReference, *, folder: str | Path | None = None) -> "Bundle":
    """Open the bundle of a model, and verify each of its files.

    >>> import headrace.api as hr
    >>> bundle = hr.open_bundle("headrace-out/customers")
    >>> bundle.name
    'customers'
    >>> bundle.json("model.json")["task"]
    'binary'

    Args:
        model: A run's or a bundle's folder, a store URI, ``NAME@VERSION`` of the registry, or a ``Run``.
        folder: Where a bundle from a store is written; None for a temporary folder, which is deleted together with the
            returned object. A bundle on this machine stays where it is.

    Returns:
        The bundle; ``model()`` loads its model.

    Raises:
        MissingError: If there is no such folder, version or object.
        BundleError: If a file is missing, altered or extra.
        StoreError: If the store is not reached.
    """
    from headrace.core.bundles.bundle import open_bundle as open_folder  # noqa: PLC0415 - see above

    location = resolve_model(model)
    if "://" not in location:
        return open_folder(Path(location))
    from headrace.stores.bundles.bundle_store import fetch  # noqa: PLC0415 - see above

    if folder is not None:
        return open_folder(fetch(location, Path(folder)))
    scratch = tempfile.TemporaryDirectory(prefix="headrace-")
    bundle = open_folder(fetch(location, Path(scratch.name) / "bundle"))
    weakref.finalize(bundle, scratch.cleanup)
    return bundle
