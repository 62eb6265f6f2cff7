"""Checks whether the services that the environment names respond: Kubeflow Pipelines, registry, catalogue."""

from collections.abc import Iterator

from headrace.core.base import settings
from headrace.core.base.diagnostics import Diagnostic, good
from headrace.core.base.errors import MissingError, UserError


def examine_named() -> list[Diagnostic]:
    """Send a read-only request to each service that the environment names; change nothing."""
    return list(_findings())


def _findings() -> Iterator[Diagnostic]:
    for area, named, ask, remedy in (
        ("Pipelines API", _kubeflow_is_named, _kubeflow, "fix HEADRACE_KFP_ENDPOINT and its login"),
        ("Registry", settings.registry, _registry, "fix HEADRACE_REGISTRY and its login"),
        ("Catalogue", settings.catalog, _catalog, "fix HEADRACE_CATALOG and its password"),
    ):
        try:
            if named():
                yield good(area, ask())
        except MissingError as error:  # nothing has been written there yet
            yield Diagnostic(area, "note", str(error).rstrip("."))
        except UserError as error:
            yield Diagnostic(area, "bad", str(error).rstrip("."), remedy)


def _kubeflow_is_named() -> bool:
    return settings.kfp_settings() is not None


def _kubeflow() -> str:
    from headrace.cluster.kfp import client  # noqa: PLC0415 - only where it is named

    api = client.connect()
    runs = api.runs(limit=1)
    return f"{api.address} answers; {f'its latest run is {runs[0].name}' if runs else 'it has no run yet'}"


def _registry() -> str:
    from headrace.registry.mlflow.registry import open_registry  # noqa: PLC0415 - only where it is named

    registry = open_registry()
    return f"{registry.place} answers; models: {len(registry.models())}"


def _catalog() -> str:
    from headrace.registry.backends.locations import catalog_location  # noqa: PLC0415
    from headrace.registry.catalog import queries  # noqa: PLC0415 - only where it is named
    from headrace.registry.catalog.database import CatalogDatabase  # noqa: PLC0415

    address = catalog_location()
    return f"{address} answers; tables: {len(queries.search(CatalogDatabase(address)))}"
