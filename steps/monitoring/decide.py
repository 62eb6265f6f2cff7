"""The step that decides about a model after a window."""

from datetime import UTC, datetime
from pathlib import Path

from headrace.core.base.files import write_json
from headrace.core.monitors.monitor_report import MonitorReport
from headrace.core.monitors.policy_yaml import default_text, load_policy, parse_policy
from headrace.core.monitors.time_window import TimeWindow, parse_moment
from headrace.monitoring.decisions.decide_window import TrainingFacts, decide_window
from headrace.monitoring.decisions.history import MonitorHistory
from headrace.steps.artifacts import StepArtifact, add_metadata
from headrace.steps.step_function import Say, as_step
from headrace.stores.objects.open_objects import open_objects
from headrace.stores.sources.small_file import one_file


@as_step
def run_decide(
    say: Say,
    *,
    report: StepArtifact,
    decision: StepArtifact,
    store: str,
    policy: str,
    trained: str,
    new_labels: int,
    now: str,
) -> tuple[str, str]:
    """Decide once after a window, and store report and decision; the component documents the parameters.

    Returns:
        The outcome, and the same if it need not wait for a person, else an empty text.
    """
    found = MonitorReport.read(Path(report.path))
    with one_file(policy) as file:
        rules = load_policy(file) if policy else parse_policy(default_text())
    history = MonitorHistory(open_objects(store, create=True), found.name)
    history.add_report(found)
    made, place = decide_window(
        history,
        found.digest,
        TimeWindow(parse_moment(found.window.start), parse_moment(found.window.end)),
        policy=rules,
        facts=TrainingFacts(
            parse_moment(trained) if trained else None, int(new_labels) if int(new_labels) >= 0 else None
        ),
        now=parse_moment(now) if now else datetime.now(UTC),
    )
    write_json(Path(decision.path), made.as_json())
    add_metadata(decision, {"outcome": made.outcome, "reasons": list(made.reasons)})
    say(f"{made.outcome.replace('_', ' ')}: {made.reasons[0]} {place}")
    return made.outcome, "" if made.needs_approval else made.outcome
