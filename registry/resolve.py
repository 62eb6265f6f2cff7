"""Resolves a version in the registry to its bundle."""

from pathlib import Path

from headrace.core.base.errors import InputError, MissingError, quote
from headrace.core.bundles.manifest import MANIFEST
from headrace.registry.backends.locations import catalog_location
from headrace.registry.mlflow.registry import open_registry


def resolve_bundle(text: str, *, registry: str = "", catalog: str = "") -> str:
    """Return the address of a version's bundle; see ``find_bundle``."""
    return find_bundle(text, registry=registry, catalog=catalog)[0]


def find_bundle(text: str, *, registry: str = "", catalog: str = "") -> tuple[str, str]:
    """Return the address of a version's bundle, and its semantic version.

    The store of a local run lives only as long as the run, and leaves its objects as files in the run's folder. If the
    catalogue has such a folder with the bundle, return that folder, else the address in the store.

    Args:
        text: ``NAME@VERSION``, where the version is a stage, a number, a semantic version, ``latest`` or a digest.
        registry: Address of the registry; empty for the default one.
        catalog: Address of the catalogue; empty for the default one.

    Returns:
        A folder or a store URI, and a version such as ``1.2.0``.

    Raises:
        InputError: If the text has another form.
        MissingError: If there is no such model or version.
    """
    name, _, version = text.partition("@")
    if not name or not version:
        raise InputError(f"a version must be NAME@VERSION, such as trips@production; got {quote(text)} instead.")
    found = open_registry(registry).model(name).find(version)
    return _folder(found.uri, catalog) or found.uri, found.version


def _folder(uri: str, catalog: str) -> str:
    from headrace.registry.catalog.database import CatalogDatabase  # noqa: PLC0415
    from headrace.registry.catalog.queries import places  # noqa: PLC0415 - SQLAlchemy takes its time

    try:
        recorded_places = places(CatalogDatabase(catalog_location(catalog)))
    except MissingError:
        return ""
    below = uri.removeprefix("s3://").rstrip("/")
    homes = [Path(place["address"]) for place in reversed(recorded_places) if place["kind"] == "run"]
    return next((str(home / "store" / below) for home in homes if (home / "store" / below / MANIFEST).exists()), "")
