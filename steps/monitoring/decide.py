"""The step that decides about a model after a window."""

from datetime import UTC, datetime
from pathlib import Path

from headrace.core.base.files import write_json
from headrace.core.monitors.decisions.policy_yaml import default_text, load_policy, parse_policy
from headrace.core.monitors.reports.time_window import parse_typed_moment
from headrace.monitoring.decisions.decide_window import TrainingFacts, decide_window, describe_standing, latest_window
from headrace.monitoring.decisions.history import HistoryStore
from headrace.steps.artifacts import StepArtifact, add_metadata
from headrace.steps.bundle_source import open_bundle_at
from headrace.steps.step_function import Say, as_step
from headrace.stores.objects.open_objects import open_objects
from headrace.stores.sources.small_file import one_file


@as_step
def run_decide(
    say: Say,
    *,
    model: str,
    decision: StepArtifact,
    store: str,
    policy: str,
    trained: str,
    new_labels: int,
    now: str,
) -> tuple[str, str]:
    """Decide once after the latest window that has ended; the component documents the parameters.

    Returns:
        The outcome; and the same if it is about this version and need not wait for a person, else an empty text.
    """
    with one_file(policy) as file:
        rules = load_policy(file) if policy else parse_policy(default_text())
    moment = parse_typed_moment(now) if now else datetime.now(UTC)
    with open_bundle_at(model) as bundle:
        name, digest = bundle.name, bundle.digest
    made, place = decide_window(
        HistoryStore(open_objects(store, create=True), name),
        digest,
        latest_window(rules, moment),
        policy=rules,
        facts=TrainingFacts(
            parse_typed_moment(trained) if trained else None, int(new_labels) if int(new_labels) >= 0 else None
        ),
        now=moment,
    )
    write_json(Path(decision.path), made.as_json())
    add_metadata(decision, {"outcome": made.outcome, "reasons": list(made.reasons)})
    standing = describe_standing(made, rules)
    if standing:
        say(standing)
    say(f"{made.outcome.replace('_', ' ')}: {made.reasons[0]} {place}")
    # The decision of a window stands, and another version may have taken over by it since.
    return made.outcome, made.outcome if made.digest == digest and not made.needs_approval else ""
