"""The step that stores what turned out to be true of scored rows."""

import datetime as dt
from pathlib import Path

from headrace.core.base.files import write_json
from headrace.core.bundles.bundle import open_bundle
from headrace.core.contracts.contract_yaml import load as load_contract
from headrace.core.tables import parquet_table
from headrace.monitoring.labels.label_intake import take_labels
from headrace.monitoring.labels.label_store import LabelStore
from headrace.monitoring.labels.label_table import LabelColumns
from headrace.monitoring.windows.window_store import WindowStore
from headrace.steps.artifacts import StepArtifact, add_metadata
from headrace.steps.step_function import Say, as_step
from headrace.stores.objects.open_objects import open_objects


@as_step
def run_join_labels(
    say: Say,
    *,
    bundle: StepArtifact,
    table: StepArtifact,
    counts: StepArtifact,
    refused: StepArtifact,
    store: str,
    actual_column: str,
    request_id_column: str,
    row_column: str,
    observed_column: str,
) -> int:
    """Store labels, and return how many belong to stored rows; the component documents the parameters."""
    opened = open_bundle(Path(bundle.path))
    place = open_objects(store, create=True)
    counted, refused_rows = take_labels(
        parquet_table.read(Path(table.path)),
        load_contract(opened.folder / "contract.yaml"),
        rows=WindowStore(place, opened.name),
        labels=LabelStore(place, opened.name),
        now=dt.datetime.now(dt.UTC),
        columns=LabelColumns(request_id_column, row_column, actual_column, observed_column),
    )
    with parquet_table.TableWriter(Path(refused.path)) as writer:
        writer.write(refused_rows)
    write_json(Path(counts.path), counted.as_json())
    add_metadata(counts, counted.as_json())
    say(counted.sentence)
    return counted.matched
