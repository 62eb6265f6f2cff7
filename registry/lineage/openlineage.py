"""Sends lineage as OpenLineage events (https://openlineage.io, 2-0-2) to a file or to an endpoint.

Each training run is a run of the job ``headrace/MODEL``, with the table as input and the bundle as output. An endpoint
that was verified is a run of the job ``headrace/MODEL.deploy``. Datasets are named by the specification's rules, so
that events of other tools refer to the same ones. Events contain names, types and counts, but no value of any row.
"""

import os
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from headrace.core.base import settings
from headrace.core.base.errors import InputError, StoreError
from headrace.registry.catalog.queries import CatalogTable, QualityFigure
from headrace.registry.catalog.writes import BundleRun, ObservedTable, now

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, OutputDataset, Run, RunEvent

NAMESPACE = "headrace"
_TIMEOUT_SECONDS = 10.0
_RETRY = {"total": 2, "connect": 2, "read": 2, "backoff_factor": 0.3, "allowed_methods": ["POST"]}
_RUNS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:headrace:runs")


@dataclass(frozen=True)
class DatasetName:
    """The name of a dataset in OpenLineage.

    Attributes:
        namespace: The store of the dataset.
        name: Its name in that store.
    """

    namespace: str
    name: str


def name_dataset(source: str) -> DatasetName:
    """Return the name of a table by its address (https://openlineage.io/docs/spec/naming).

    Args:
        source: A path, ``s3://``, ``http(s)://``, or ``DATABASE URL#TABLE``.
    """
    parts = urlsplit(source)
    host = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
    if "://" not in source or parts.scheme == "file":
        return DatasetName("file", parts.path if parts.scheme == "file" else source)
    if parts.scheme == "s3":
        return DatasetName(f"s3://{parts.netloc}", parts.path.strip("/"))
    scheme = parts.scheme.split("+")[0]
    if scheme.startswith("postgres"):
        table = parts.fragment if "." in parts.fragment else f"public.{parts.fragment}"
        return DatasetName(f"postgres://{host}", f"{parts.path.strip('/')}.{table}")
    path = parts.path.lstrip("/") or "/"
    return DatasetName(f"{scheme}://{host}", f"{path}#{parts.fragment}" if parts.fragment else path)


def run_events(
    run: BundleRun, *, used: ObservedTable, table: CatalogTable | None = None, figures: Iterable[QualityFigure] = ()
) -> list["RunEvent"]:
    """Return the two events of a run that succeeded.

    Args:
        run: The run and its bundle.
        used: The table that it used.
        table: That table in the catalogue; None if it is not there.
        figures: Its quality figures.
    """
    from openlineage.client.event_v2 import Job, RunState  # noqa: PLC0415 - 0.3 s that few need
    from openlineage.client.facet_v2 import job_type_job  # noqa: PLC0415

    kind = job_type_job.JobTypeJobFacet(processingType="BATCH", integration="HEADRACE", jobType="PIPELINE")
    job = Job(NAMESPACE, run.model, facets={"jobType": kind})
    input_dataset = _input(used, table, [figure for figure in figures if figure.digest == used.digest])
    start = _event(RunState.START, _run(run.run), job, inputs=[input_dataset])
    return [start, _event(RunState.COMPLETE, _run(run.run), job, inputs=[input_dataset], outputs=[_bundle(run)])]


def endpoint_event(*, model: str, digest: str, uri: str, url: str) -> "RunEvent":
    """Return the event of an endpoint that serves a bundle."""
    from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, RunState  # noqa: PLC0415 - as above

    bundle, target = name_dataset(uri or f"model/{model}/{digest}"), name_dataset(url)
    job = Job(NAMESPACE, f"{model}.deploy")
    return _event(
        RunState.COMPLETE,
        _run(f"{digest} {url}"),
        job,
        inputs=[InputDataset(bundle.namespace, bundle.name)],
        outputs=[OutputDataset(target.namespace, target.name)],
    )


def send(events: Iterable["RunEvent"], target: str = "") -> None:
    """Send events to ``HEADRACE_OPENLINEAGE``; do nothing if that is not set.

    Args:
        events: The events.
        target: A file, to which they are appended one per line, or the URL of an endpoint; empty for the variable's.

    Raises:
        InputError: If the address is invalid.
        StoreError: If the endpoint rejects them, or the file cannot be written.
    """
    target = target or settings.openlineage()
    if not target:
        return
    scheme = urlsplit(target).scheme if "://" in target else ""
    if scheme in {"http", "https"}:
        _post(events, target)
    elif scheme in {"", "file"}:
        _append(events, Path(target.removeprefix("file://")))
    else:
        raise InputError(f"HEADRACE_OPENLINEAGE must be a file or an http(s):// URL; its scheme is {scheme!r}.")


def _run(name: str) -> "Run":
    from openlineage.client.event_v2 import Run  # noqa: PLC0415 - as above
    from openlineage.client.facet_v2 import processing_engine_run  # noqa: PLC0415

    engine = processing_engine_run.ProcessingEngineRunFacet(version=version("headrace"), name="headrace")
    return Run(str(uuid.uuid5(_RUNS, name)), facets={"processing_engine": engine})


def _event(state: Any, run: "Run", job: Any, **datasets: Any) -> "RunEvent":
    from openlineage.client.event_v2 import RunEvent  # noqa: PLC0415 - as above

    producer = f"urn:headrace:{version('headrace')}"
    return RunEvent(eventTime=now(), producer=producer, run=run, job=job, eventType=state, **datasets)


def _input(used: ObservedTable, table: CatalogTable | None, figures: list[QualityFigure]) -> "InputDataset":
    from openlineage.client.event_v2 import InputDataset  # noqa: PLC0415 - as above
    from openlineage.client.facet_v2 import (  # noqa: PLC0415
        data_quality_assertions_dataset,
        data_quality_metrics_input_dataset,
        dataset_version_dataset,
        ownership_dataset,
        schema_dataset,
        tags_dataset,
    )

    dataset = name_dataset(table.source if table else used.source)
    facets: dict[str, Any] = {"version": dataset_version_dataset.DatasetVersionDatasetFacet(used.digest)}
    if table:
        field = schema_dataset.SchemaDatasetFacetFields
        fields = [field(c.name, c.dtype, c.description or None) for c in table.columns]
        facets["schema"] = schema_dataset.SchemaDatasetFacet(fields)
        if table.owner:
            facets["ownership"] = ownership_dataset.OwnershipDatasetFacet([ownership_dataset.Owner(table.owner)])
        tag = tags_dataset.TagsDatasetFacetFields
        tag_fields = [tag(name, "true") for name in table.tags]
        tag_fields += [
            tag("personal", column.personal, field=column.name) for column in table.columns if column.personal
        ]
        facets["tags"] = tags_dataset.TagsDatasetFacet(tag_fields)
    broken = [figure for figure in figures if figure.name.startswith("broken ")]
    assertion = data_quality_assertions_dataset.Assertion
    measured = data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet({}, rowCount=used.rows)
    inputs: dict[str, Any] = {"dataQualityMetrics": measured}
    if broken:
        facets["dataQualityAssertions"] = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
            [assertion(f.name.removeprefix("broken "), success=False, column=f.subject or None) for f in broken]
        )
    return InputDataset(dataset.namespace, dataset.name, inputFacets=inputs, facets=facets)


def _bundle(run: BundleRun) -> "OutputDataset":
    from openlineage.client.event_v2 import OutputDataset  # noqa: PLC0415 - as above
    from openlineage.client.facet_v2 import dataset_version_dataset  # noqa: PLC0415

    dataset = name_dataset(run.uri or f"model/{run.model}/{run.digest}")
    version_text = f"{run.version}+{run.digest}" if run.version else run.digest
    return OutputDataset(
        dataset.namespace,
        dataset.name,
        facets={"version": dataset_version_dataset.DatasetVersionDatasetFacet(version_text)},
    )


def _append(events: Iterable["RunEvent"], path: Path) -> None:
    """Append lines to a file, each with one write in append mode, so that those of several writers do not mix."""
    from openlineage.client.serde import Serde  # noqa: PLC0415 - as above

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreError(f"the lineage file {path} cannot be written: {error.strerror}; name another.") from error
    try:
        for event in events:
            os.write(descriptor, f"{Serde.to_json(event)}\n".encode())
    finally:
        os.close(descriptor)


def _post(events: Iterable["RunEvent"], url: str) -> None:
    from openlineage.client.transport.http import (  # noqa: PLC0415 - as above
        ApiKeyTokenProvider,
        HttpConfig,
        HttpTransport,
        TokenProvider,
    )
    from requests import RequestException  # noqa: PLC0415 - what the transport is made of

    parts = urlsplit(url)
    if parts.username or parts.password:
        raise InputError("HEADRACE_OPENLINEAGE must hold no password; put the key into HEADRACE_OPENLINEAGE_KEY.")
    key = settings.openlineage_key()
    config = HttpConfig(
        url=f"{parts.scheme}://{parts.netloc}",
        endpoint=parts.path.strip("/") or "api/v1/lineage",
        timeout=_TIMEOUT_SECONDS,
        auth=ApiKeyTokenProvider({"api_key": key}) if key else TokenProvider({}),
        retry=_RETRY,
    )
    transport = HttpTransport(config)
    try:
        for event in events:
            transport.emit(event)
    except RequestException as error:
        status = getattr(error.response, "status_code", None)
        problem = f"answers {status}" if status else "is not reachable"
        raise StoreError(
            f"the OpenLineage endpoint {parts.scheme}://{parts.netloc} {problem}: check HEADRACE_OPENLINEAGE and "
            "HEADRACE_OPENLINEAGE_KEY."
        ) from error
    finally:
        transport.close()
