"""The step that computes the monitors of a window."""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from headrace.core.base.files import write_json
from headrace.core.base.quantities import describe_count
from headrace.core.monitors.decisions.policy_yaml import default_text, load_policy, parse_policy
from headrace.core.monitors.reports.time_window import parse_typed_moment
from headrace.monitoring.decisions.decide_window import latest_window
from headrace.monitoring.decisions.history import HistoryStore
from headrace.monitoring.monitors.registered_shadows import open_shadows
from headrace.monitoring.monitors.run_monitors import run_monitors
from headrace.steps.artifacts import StepArtifact, add_metadata
from headrace.steps.bundle_source import open_bundle_at
from headrace.steps.step_function import Say, as_step
from headrace.stores.objects.open_objects import open_objects
from headrace.stores.sources.small_file import one_file


@as_step
def run_monitor(say: Say, *, model: str, store: str, report: StepArtifact, policy: str, now: str) -> None:
    """Compute the monitors of the latest window that has ended; the component documents the parameters."""
    with one_file(policy) as file:
        rules = load_policy(file) if policy else parse_policy(default_text())
    window = latest_window(rules, parse_typed_moment(now) if now else datetime.now(UTC))
    place = open_objects(store, create=True)
    with ExitStack() as stack:
        bundle = stack.enter_context(open_bundle_at(model))
        shadows = list(open_shadows(bundle.name, {bundle.digest}, stack))
        found = HistoryStore(place, bundle.name).add_report(run_monitors(bundle, place, window, rules, shadows=shadows))
    write_json(Path(report.path), found.as_json())
    counts = {status: sum(one.status == status for one in found.results) for status in ("violated", "unknown")}
    add_metadata(report, {"rows": found.rows, **counts})
    say(f"{describe_count(found.rows, 'row')}, {counts['violated']} violated, {counts['unknown']} unknown")
