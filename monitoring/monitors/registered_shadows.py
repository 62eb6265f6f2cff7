"""The bundles of the versions that the registry has as shadows."""

import tempfile
from collections.abc import Container, Iterator
from contextlib import ExitStack
from pathlib import Path

from headrace.core.base.errors import MissingError, StoreError, UserError
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.monitors.reports.monitor_report import ShadowReport
from headrace.registry.backends.locations import registry_location
from headrace.registry.mlflow.registry import open_registry
from headrace.registry.resolve import resolve_bundle
from headrace.stores.bundles.bundle_store import fetch


def open_shadows(name: str, known: Container[str], stack: ExitStack) -> Iterator[Bundle | ShadowReport]:
    """Yield the bundles of a model's shadows; for one that cannot be read, the report that says so.

    Args:
        name: Name of the model.
        known: Digests of versions to leave out: the one in service, and those that the caller has.
        stack: Keeps bundles that are fetched from a store.
    """
    location = registry_location()
    if location.path and not location.path.exists():
        return
    try:
        versions = open_registry().model(name).shadows
    except MissingError:
        return
    except StoreError as error:
        yield ShadowReport("", 0, 0, (), (f"It is not known which versions are shadows: {error}",))
        return
    for version in versions:
        if version.digest in known:
            continue
        try:
            yield _open(resolve_bundle(f"{name}@{version.digest}"), stack)
        except (UserError, StoreError) as error:
            yield ShadowReport(version.digest, 0, 0, (), (f"The shadow {version.version} cannot be read: {error}",))


def _open(address: str, stack: ExitStack) -> Bundle:
    if "://" not in address:
        return open_bundle(Path(address))
    scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="headrace-"))
    return open_bundle(fetch(address, Path(scratch) / "bundle"))
