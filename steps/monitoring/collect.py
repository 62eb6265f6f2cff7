"""The step that stores logged requests and responses of a model."""

from collections.abc import Sequence
from pathlib import Path

from headrace.core.base.files import write_json
from headrace.core.base.notes import as_json
from headrace.core.base.quantities import describe_count
from headrace.core.contracts.contract_yaml import load as load_contract
from headrace.monitoring.collect.collect_counts import CollectCounts
from headrace.monitoring.collect.collector import CollectPlan, read_sources
from headrace.monitoring.collect.event_intake import IntakeOptions
from headrace.monitoring.windows.window_store import WindowStore
from headrace.steps.artifacts import StepArtifact, add_metadata
from headrace.steps.bundle_source import open_bundle_at
from headrace.steps.step_function import Say, as_step
from headrace.stores.objects.open_objects import open_objects


@as_step
def run_collect(
    say: Say, *, model: str, store: str, counts: StepArtifact, sources: Sequence[str], services: Sequence[str]
) -> int:
    """Store the rows of logged payloads, and return how many; the component documents the parameters."""
    with open_bundle_at(model) as bundle:
        plan = CollectPlan(
            load_contract(bundle.folder / "contract.yaml"),
            WindowStore(open_objects(store, create=True), bundle.name),
            IntakeOptions(frozenset(services or (bundle.name,))),
        )
    counted = CollectCounts()
    read_sources(plan, sources, counted)
    write_json(Path(counts.path), counted.as_json())
    add_metadata(counts, {**counted.as_json(), "notes": as_json(counted.find_notes())})
    if not sources:
        say("no source is given, and nothing was collected")
        return 0
    say(
        f"{describe_count(counted.events, 'event')}, {describe_count(counted.rows, 'row')} stored, "
        f"{sum(counted.refused.values()):,} refused"
    )
    return counted.rows
