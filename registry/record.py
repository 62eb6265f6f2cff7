"""Records what the steps of a run do in the catalogue, the registry and the lineage, as far as these are set.

Their addresses are in the environment: ``HEADRACE_CATALOG``, ``HEADRACE_REGISTRY`` and ``HEADRACE_OPENLINEAGE``.
`headrace run` sets them to files in its own folder.
"""

import contextlib
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.core.base import settings
from headrace.core.base.errors import InputError, StoreError
from headrace.core.base.files import write_json
from headrace.core.base.json_document import as_json
from headrace.core.bundles import manifest
from headrace.core.contracts import contract_yaml
from headrace.core.validation.data_checks import DataChecks

if TYPE_CHECKING:
    from headrace.registry.catalog.database import CatalogDatabase
    from headrace.registry.catalog.writes import BundleRun, ObservedTable
    from headrace.registry.models.submission import ModelSubmission


def record_table(facts: Mapping[str, Any], *, folder: Path, uri: str = "") -> None:
    """Record an ingested table in the catalogue.

    Args:
        facts: Metadata of ingest: ``source``, ``digest``, ``rows``, ``bytes``.
        folder: Folder of the table.
        uri: Where it is stored, if not on this machine.

    Raises:
        StoreError: If the catalogue cannot be written.
    """
    database = _catalog()
    if database is None:
        return
    from headrace.core.tables import parquet_table  # noqa: PLC0415 - the caller has imported it
    from headrace.registry.catalog.writes import add_places, add_table  # noqa: PLC0415 - SQLAlchemy takes its time

    schema = parquet_table.scan(folder).collect_schema()
    columns = tuple((name, str(dtype).lower()) for name, dtype in schema.items())
    add_table(database, _observed_table({**facts, "source": absolute(facts["source"])}, columns))
    if "://" in uri:
        add_places(database, [uri], kind="table", digest=str(facts.get("digest", "")))


def record_prepared(facts: Mapping[str, Any], *, contract: Path, checks: Path) -> None:
    """Record in the catalogue a table that was read and validated in one pass, without being stored.

    Args:
        facts: Its metadata: ``source``, ``digest``, ``rows``, ``bytes``.
        contract: Its contract.
        checks: File with the results of its validation.

    Raises:
        StoreError: If the catalogue cannot be written.
    """
    with recorded_checks(facts, contract=contract, checks=checks):
        pass


@contextlib.contextmanager
def recorded_checks(facts: Mapping[str, Any], *, contract: Path, checks: Path) -> Iterator[None]:
    """Record the checks that the block writes in the catalogue, even if the block raises because of them.

    Args:
        facts: Metadata of ingest.
        contract: Its contract.
        checks: The file that the block writes.

    Raises:
        StoreError: If the catalogue cannot be written.
    """
    try:
        yield
    finally:
        database = _catalog()
        if database is not None and checks.exists() and facts.get("digest"):
            from headrace.registry.catalog.writes import add_checks, list_figures  # noqa: PLC0415 - SQLAlchemy is slow

            observed = _observed_table({**facts, "source": absolute(facts["source"])})
            figures = list_figures(DataChecks.read(checks))
            add_checks(database, observed, columns=contract_yaml.load(contract).columns, figures=figures)


def register_step(folder: Path, *, uri: str, job: str, optional: bool, record: Path) -> dict[str, str]:
    """Register a published bundle, track its run, and record both in catalogue and lineage.

    Args:
        folder: The bundle.
        uri: Where it is published; empty if it is not: then its run is tracked, but no version created.
        job: Id of the pipeline's run; empty for a random one.
        optional: Whether a missing registry is allowed.
        record: JSON file to write.

    Returns:
        The record: ``model``, ``version`` (with digest), ``number``, ``run``, ``registry``, and ``note``, a sentence
        about what could not be recorded; empty texts for absent values.

    Raises:
        InputError: If no registry is set.
        BundleError: If the folder does not match its manifest.
        StoreError: If registry or catalogue fail.
    """
    from headrace.registry.models.submission import ModelSubmission  # noqa: PLC0415 - as its callers do

    if not settings.registry() and not optional:
        raise InputError(
            "registering needs a registry: set HEADRACE_REGISTRY to a file, or to the address of an MLflow server."
        )
    job = job or uuid.uuid4().hex
    submission = ModelSubmission.read(folder, uri=uri)
    facts = {"model": submission.name, "digest": submission.digest, "uri": uri, "version": "", "number": "", "run": ""}
    facts |= {"registry": "", "note": ""}
    facts |= _register(submission, job) if settings.registry() else {"note": "HEADRACE_REGISTRY is not set"}
    note = _record_run(submission, job, facts["version"])
    facts["note"] = "; ".join(text for text in (facts["note"], note) if text)
    write_json(record, facts)
    return facts


def _register(submission: "ModelSubmission", job: str) -> dict[str, str]:
    from headrace.registry.mlflow.registry import open_registry  # noqa: PLC0415 - only where it is set

    registry, by = open_registry(), settings.actor()
    run = registry.track(submission, by=by, job=job)
    facts = {"run": run, "registry": str(registry.place)}
    if not submission.uri:
        return facts
    version = registry.register(submission, by=by, run=run)
    return {**facts, "version": version.full, "number": str(version.number)}


def _record_run(submission: "ModelSubmission", job: str, version: str) -> str:
    """Record a run in catalogue and lineage; an error of the lineage's receiver becomes a note, not an exception."""
    database = _catalog()
    if database is None and not settings.openlineage():
        return ""
    from headrace.registry.catalog import queries  # noqa: PLC0415 - SQLAlchemy takes its time
    from headrace.registry.catalog.writes import BundleRun, add_run  # noqa: PLC0415

    run = BundleRun(
        run=job,
        model=submission.name,
        person=settings.actor(),
        digest=submission.digest,
        verdict=submission.verdict,
        version=version.partition("+")[0],
        uri=submission.uri,
    )
    used = _observed_table(as_json(submission.provenance.table))
    table, quality_figures = None, []
    if database is not None:
        add_run(database, run, used=used)
        name = queries.uses(database, bundle=run.digest)[-1].table
        table = queries.table(database, name)
        quality_figures = queries.quality(database, table)
    return _send_lineage(run, used, table, quality_figures)


def _send_lineage(run: "BundleRun", used: "ObservedTable", table: Any, figures: Any) -> str:
    from headrace.registry.lineage import openlineage  # noqa: PLC0415 - the caller has imported it

    if not settings.openlineage():
        return ""
    try:
        openlineage.send(openlineage.run_events(run, used=used, table=table, figures=figures))
    except StoreError as error:
        return str(error)
    return ""


def record_endpoint(*, url: str, folder: Path) -> str:
    """Record in catalogue and lineage that an endpoint serves a bundle, after its test cases have passed.

    Args:
        url: Address for predictions.
        folder: The bundle.

    Returns:
        A sentence about what could not be recorded; empty for nothing.

    Raises:
        StoreError: If the catalogue cannot be written.
    """
    database = _catalog()
    uri, bundle_manifest = "", manifest.read(folder)
    if database is not None:
        from headrace.registry.catalog import queries  # noqa: PLC0415 - SQLAlchemy takes its time
        from headrace.registry.catalog.writes import add_endpoint  # noqa: PLC0415

        add_endpoint(database, url=url, digest=bundle_manifest.digest, verified=True)
        uri = next((use.uri for use in queries.uses(database, bundle=bundle_manifest.digest) if use.uri), "")
    if not settings.openlineage():
        return ""
    from headrace.registry.lineage import openlineage  # noqa: PLC0415 - few need it

    try:
        event = openlineage.endpoint_event(model=bundle_manifest.name, digest=bundle_manifest.digest, uri=uri, url=url)
        openlineage.send([event])
    except StoreError as error:
        return str(error)
    return ""


def _catalog() -> "CatalogDatabase | None":
    """Return the catalogue that the environment names; None if it names none."""
    if not settings.catalog():
        return None
    from headrace.registry.backends.locations import catalog_location  # noqa: PLC0415
    from headrace.registry.catalog.database import CatalogDatabase  # noqa: PLC0415 - SQLAlchemy takes its time

    return CatalogDatabase(catalog_location())


def _observed_table(facts: Mapping[str, Any], columns: tuple[tuple[str, str], ...] = ()) -> "ObservedTable":
    from headrace.registry.catalog.writes import ObservedTable  # noqa: PLC0415 - SQLAlchemy takes its time

    return ObservedTable(
        source=str(facts.get("source", "")),
        digest=str(facts.get("digest", "")),
        rows=int(facts.get("rows", 0)),
        bytes=int(facts.get("bytes", 0)),
        columns=columns,
    )


def absolute(source: str) -> str:
    """Return a source's address in a form that does not depend on the folder: a path becomes absolute."""
    return source if "://" in source or not source else str(Path(source).absolute())
