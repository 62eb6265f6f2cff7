"""Where a local run keeps its records, and what it adds to the catalogue when its steps have ended."""

from pathlib import Path

from headrace.core.base import settings
from headrace.registry.backends.locations import CATALOG_FILE, LINEAGE_FILE, REGISTRY_FILE


def records_environment(folder: Path) -> dict[str, str]:
    """Return the steps' addresses of registry, catalogue and lineage: the environment's, or files in ``folder``."""
    own = folder.absolute()
    return {
        "HEADRACE_REGISTRY": settings.registry() or str(own / REGISTRY_FILE),
        "HEADRACE_CATALOG": settings.catalog() or str(own / CATALOG_FILE),
        "HEADRACE_OPENLINEAGE": settings.openlineage() or str(own / LINEAGE_FILE),
    }


def note_folder(catalog: str, home: Path) -> None:
    """Record in the catalogue that a folder has the tables, the bundle and the logs of a run.

    Raises:
        StoreError: If the catalogue cannot be written.
    """
    from headrace.registry.backends.locations import catalog_location  # noqa: PLC0415
    from headrace.registry.catalog.database import CatalogDatabase  # noqa: PLC0415 - SQLAlchemy takes its time
    from headrace.registry.catalog.writes import add_places  # noqa: PLC0415

    add_places(CatalogDatabase(catalog_location(catalog)), [str(home.absolute())], kind="run")


def note_end(catalog: str, *, url: str, digest: str) -> None:
    """Record in the catalogue that an endpoint has ended.

    Raises:
        StoreError: If the catalogue cannot be written.
    """
    from headrace.registry.backends.locations import catalog_location  # noqa: PLC0415
    from headrace.registry.catalog.database import CatalogDatabase  # noqa: PLC0415 - SQLAlchemy takes its time
    from headrace.registry.catalog.writes import end_endpoint  # noqa: PLC0415

    end_endpoint(CatalogDatabase(catalog_location(catalog)), url=url, digest=digest)
