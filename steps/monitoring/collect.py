"""The step that stores logged requests and responses of a model."""

from pathlib import Path

from headrace.core.base.files import write_json
from headrace.core.base.notes import as_json
from headrace.core.base.quantities import describe_count
from headrace.core.bundles.bundle import open_bundle
from headrace.core.contracts.contract_yaml import load as load_contract
from headrace.monitoring.collect.collect_counts import CollectCounts
from headrace.monitoring.collect.collector import CollectPlan, read_sources
from headrace.monitoring.collect.event_intake import IntakeOptions
from headrace.monitoring.windows.window_store import WindowStore
from headrace.steps.artifacts import StepArtifact, add_metadata
from headrace.steps.step_function import Say, as_step
from headrace.stores.objects.open_objects import open_objects


@as_step
def run_collect(
    say: Say, *, bundle: StepArtifact, counts: StepArtifact, sources: list[str], store: str, services: list[str]
) -> int:
    """Store the rows of logged payloads, and return how many; the component documents the parameters."""
    opened = open_bundle(Path(bundle.path))
    plan = CollectPlan(
        load_contract(opened.folder / "contract.yaml"),
        WindowStore(open_objects(store, create=True), opened.name),
        IntakeOptions(frozenset(services or (opened.name,))),
    )
    counted = CollectCounts()
    read_sources(plan, sources, counted)
    write_json(Path(counts.path), counted.as_json())
    add_metadata(counts, {**counted.as_json(), "notes": as_json(counted.find_notes())})
    say(
        f"{describe_count(counted.events, 'event')}, {describe_count(counted.rows, 'row')} stored, "
        f"{sum(counted.refused.values()):,} refused"
    )
    return counted.rows
