"""What commands make of MODEL: a run's folder, a bundle's folder, a store URI or a version of the registry."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.core.errors import InputError, MissingError

if TYPE_CHECKING:
    from headrace.core.bundle import Bundle

Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="A run's or a bundle's folder, a store URI, or NAME@VERSION.")
]


def bundle_of(model: str) -> str:
    """The bundle's folder or address that MODEL means.

    Raises:
        MissingError: If there is no such folder, or no such version in the registry.
        InputError: If the folder is neither a run's output nor a bundle.
    """
    if "://" in model:
        return model
    folder = Path(model)
    if "@" in model and not folder.exists():
        from headrace.registry.locating import located  # noqa: PLC0415 - a folder needs no registry

        return located(model)
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


@contextlib.contextmanager
def opened(model: str) -> Iterator["Bundle"]:
    """The verified bundle that MODEL means; one from a store is there for a while only."""
    from headrace.core.bundle import open_bundle  # noqa: PLC0415 - commands that serve start another process

    named = bundle_of(model)
    if "://" not in named:
        yield open_bundle(Path(named))
        return
    from headrace.stores.bundles import fetch  # noqa: PLC0415 - a folder needs no client

    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        yield open_bundle(fetch(named, Path(scratch) / "bundle"))
