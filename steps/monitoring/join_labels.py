"""The step that stores what turned out to be true of scored rows."""

import datetime as dt
from pathlib import Path

import polars as pl

from headrace.core.base.files import write_json
from headrace.core.contracts.contract_yaml import load as load_contract
from headrace.core.tables import parquet_table
from headrace.monitoring.labels.label_intake import NO_LABELS, take_labels
from headrace.monitoring.labels.label_store import LabelStore
from headrace.monitoring.labels.label_table import REASON, LabelColumns
from headrace.monitoring.retraining.training_rows import read_raw_rows
from headrace.monitoring.windows.window_store import WindowStore
from headrace.steps.artifacts import StepArtifact, add_metadata
from headrace.steps.bundle_source import open_bundle_at
from headrace.steps.step_function import Say, as_step
from headrace.stores.objects.open_objects import open_objects


@as_step
def run_join_labels(
    say: Say,
    *,
    model: str,
    store: str,
    counts: StepArtifact,
    refused: StepArtifact,
    labels: str,
    actual_column: str,
    request_id_column: str,
    row_column: str,
    observed_column: str,
) -> int:
    """Store labels, and return how many belong to stored rows; the component documents the parameters."""
    counted, refused_rows = NO_LABELS, pl.DataFrame(schema={REASON: pl.String()})
    if labels:
        place = open_objects(store, create=True)
        with open_bundle_at(model) as bundle:
            name, contract = bundle.name, load_contract(bundle.folder / "contract.yaml")
        counted, refused_rows = take_labels(
            read_raw_rows(labels),
            contract,
            rows=WindowStore(place, name),
            labels=LabelStore(place, name),
            now=dt.datetime.now(dt.UTC),
            columns=LabelColumns(request_id_column, row_column, actual_column, observed_column),
        )
    with parquet_table.TableWriter(Path(refused.path)) as writer:
        writer.write(refused_rows)
    write_json(Path(counts.path), counted.as_json())
    add_metadata(counts, counted.as_json())
    say(counted.sentence if labels else "no table of labels is given")
    return counted.matched
