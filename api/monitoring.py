"""Decide about a model in use."""

from datetime import datetime
from pathlib import Path

from headrace.api.model_reference import ModelReference, open_model
from headrace.core.monitors.decision import FeedbackTest, MonitorDecision
from headrace.core.monitors.policy import MonitoringPolicy
from headrace.core.monitors.policy_yaml import default_text, load_policy, parse_policy
from headrace.monitoring.decisions.decide_window import TrainingFacts, decide_window, latest_window
from headrace.monitoring.decisions.history import HistoryStore
from headrace.stores.objects.open_objects import open_objects


def read_policy(policy: str | Path | MonitoringPolicy | None) -> MonitoringPolicy:
    """Return a monitoring policy: itself, that of a file, or the default one for None.

    Raises:
        MissingError: If there is no such file.
        InputError: If it is not a policy, or one that can never fire, always fires or contradicts itself.
    """
    if isinstance(policy, MonitoringPolicy):
        return policy
    return parse_policy(default_text()) if policy is None else load_policy(Path(policy))


def decide(
    model: ModelReference,
    store: str | Path,
    *,
    now: datetime,
    policy: str | Path | MonitoringPolicy | None = None,
    trained: datetime | None = None,
    new_labels: int | None = None,
    feedback: FeedbackTest | None = None,
) -> tuple[MonitorDecision, str]:
    """Decide about a model after the latest window that has ended, as ``headrace monitor decide`` does.

    Args:
        model: The version in service; see ``resolve_model``.
        store: The monitoring store: a folder, or ``s3://BUCKET/PREFIX``.
        now: The time of the decision, with a time zone.
        policy: A monitoring policy or its file; None for the default one.
        trained: When the version was trained; None for what the registry says.
        new_labels: Labelled rows since then; None for what the reports say.
        feedback: A test of a new version on instant feedback; None if there is none.

    Returns:
        The decision, which the store keeps, and a clause that says where the registry has it.

    Raises:
        InputError: If the policy is invalid, or it is not known when the version was trained.
        StoreError: If the store fails.
    """
    rules = read_policy(policy)
    with open_model(model) as bundle:
        return decide_window(
            HistoryStore(open_objects(str(store)), bundle.name),
            bundle.digest,
            latest_window(rules, now),
            policy=rules,
            facts=TrainingFacts(trained, new_labels, feedback),
            now=now,
        )
