"""From a version in the registry to the bundle that can be read."""

from pathlib import Path

from headrace.core.base.errors import InputError, MissingError, quote
from headrace.core.bundles.manifest import MANIFEST
from headrace.registry.backends.locations import catalog_place
from headrace.registry.mlflow.registry import open_registry


def resolve_bundle(text: str, *, registry: str = "", catalog: str = "") -> str:
    """Where the bundle of a version lies.

    A store that lives only as long as a run leaves its objects as files in the run's folder: if the catalogue knows of
    one that holds the bundle, that folder is given, else the address in the store.

    Args:
        text: ``NAME@VERSION``, where the version is a stage, a number, a semantic version, ``latest`` or a digest.
        registry: Address of the registry; empty for the usual one.
        catalog: Address of the catalogue; empty for the usual one.

    Returns:
        A folder, or a store URI.

    Raises:
        InputError: If the text is not of that form.
        MissingError: If there is no such model or version.
    """
    name, _, version = text.partition("@")
    if not name or not version:
        raise InputError(f"a version must be NAME@VERSION, such as trips@production; got {quote(text)} instead.")
    uri = open_registry(registry).model(name).find(version).uri
    return _folder(uri, catalog) or uri


def _folder(uri: str, catalog: str) -> str:
    from headrace.registry.catalog.database import CatalogDatabase  # noqa: PLC0415
    from headrace.registry.catalog.queries import places  # noqa: PLC0415 - SQLAlchemy takes its time

    try:
        known = places(CatalogDatabase(catalog_place(catalog)))
    except MissingError:
        return ""
    below = uri.removeprefix("s3://").rstrip("/")
    homes = [Path(place["address"]) for place in reversed(known) if place["kind"] == "run"]
    return next((str(home / "store" / below) for home in homes if (home / "store" / below / MANIFEST).exists()), "")
