"""Monitor a model in use: reports, decisions, and the page."""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from headrace.api.model_reference import ModelReference, open_model
from headrace.core.ab_tests.result import ABTestResult
from headrace.core.base.errors import InputError
from headrace.core.monitors.decisions.decision import FeedbackTest, MonitorDecision
from headrace.core.monitors.decisions.policy import MonitoringPolicy
from headrace.core.monitors.decisions.policy_yaml import default_text, load_policy, parse_policy
from headrace.monitoring.decisions.decide_window import TrainingFacts, decide_window, latest_window
from headrace.monitoring.decisions.history import HistoryStore
from headrace.monitoring.monitors.monitor_window import FurtherResults, MonitoredWindow, monitor_window
from headrace.monitoring.monitors.monitored_model import MonitoredModel
from headrace.monitoring.monitors.page_content import collect_page_content
from headrace.monitoring.monitors.registered_shadows import open_shadows
from headrace.monitoring.notices.notice_sender import NoticeAddress, read_addresses
from headrace.monitoring.pull_outs.successor import find_plan_fault
from headrace.monitoring.resources.window_resources import ResourceSource
from headrace.monitoring.windows.window_store import WindowStore
from headrace.reports.monitoring.page import write as write_page
from headrace.stores.objects.open_objects import StorePlace, open_objects


def read_policy(policy: str | Path | MonitoringPolicy | None) -> MonitoringPolicy:
    """Return a monitoring policy: itself, that of a file, or the default one for None.

    Raises:
        MissingError: If there is no such file.
        InputError: If it is not a policy, or one that can never fire, always fires or contradicts itself.
    """
    if isinstance(policy, MonitoringPolicy):
        return policy
    return parse_policy(default_text()) if policy is None else load_policy(Path(policy))


def check_pull_out(policy: MonitoringPolicy, model: ModelReference) -> str:
    """Return why a policy's plan of a pull-out cannot be carried out for a version; empty if it can, or is not known.

    Args:
        policy: The policy.
        model: The version in service.
    """
    with open_model(model) as bundle:
        return find_plan_fault(policy, bundle.name, bundle.digest)


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


def monitor(
    model: ModelReference,
    store: str | Path,
    *,
    now: datetime,
    policy: str | Path | MonitoringPolicy | None = None,
    trained: datetime | None = None,
    new_labels: int | None = None,
    feedback: FeedbackTest | None = None,
    resources: ResourceSource | None = None,
    shadows: Sequence[ModelReference] = (),
    addresses: Sequence[NoticeAddress] | None = None,
) -> MonitoredWindow:
    """Report about the latest window that has ended, and decide, as ``headrace monitor`` does.

    Args:
        model: The version in service; see ``resolve_model``.
        store: The monitoring store: a folder, or ``s3://BUCKET/PREFIX``.
        now: The time, with a time zone.
        policy: A monitoring policy or its file; None for the default one.
        trained: When the version was trained; None for what the registry says.
        new_labels: Labelled rows since then; None for what the reports say.
        feedback: A test of a new version on instant feedback, which decides in place of the number of labels if the
            policy says so; None if there is none.
        resources: Where the resource level is read; None for nowhere.
        shadows: Versions that answer nobody, to be scored on the same rows; those that the registry has as shadows are
            scored by themselves.
        addresses: Where notices go; None for the addresses of ``HEADRACE_NOTICE_ADDRESSES``, empty for nowhere.

    Returns:
        The report and the decision, which the store keeps; a window that was reported before is not computed again.

    Raises:
        InputError: If the policy or an address of notices is invalid, the bundle holds no reference profile, or it is
            not known when the version was trained.
        StoreError: If the store fails.
    """
    rules = read_policy(policy)
    notified = read_addresses() if addresses is None else addresses
    window = latest_window(rules, now)
    place = open_objects(str(store))
    with ExitStack() as stack:
        bundle = stack.enter_context(open_model(model))
        check_rows(place, bundle.name)
        given = [stack.enter_context(open_model(one)) for one in shadows]
        known = {bundle.digest, *(one.digest for one in given)}
        return monitor_window(
            bundle,
            place,
            window,
            policy=rules,
            facts=TrainingFacts(trained, new_labels, feedback),
            now=now,
            further=FurtherResults(
                resources=lambda: resources.measure(window, rules) if resources else (),
                shadows=[*given, *open_shadows(bundle.name, known, stack)],
            ),
            addresses=notified,
        )


def check_rows(place: StorePlace, name: str) -> None:
    """Raise if a store has never held rows of a model: its address is probably wrong.

    Raises:
        InputError: If so.
    """
    if next(iter(place.store.list(WindowStore(place, name).prefix)), None) is None:
        raise InputError(
            f"{place} must hold rows of {name} to be monitored; it holds none: look at the address, or store rows with "
            "headrace collect."
        )


def read_feedback(path: str | Path) -> FeedbackTest:
    """Return the result of an A/B test as a test on instant feedback.

    Args:
        path: The ``abtest.json`` of ``headrace abtest analyze``; its candidate is the new version.

    Raises:
        MissingError: If there is no such file.
        InputError: If it is another document.
    """
    result = ABTestResult.read(Path(path))
    return FeedbackTest(result.decision == "better", result.sentence)


def write_monitor_page(
    page: str | Path,
    model: ModelReference,
    store: str | Path,
    *,
    earlier: Sequence[ModelReference] = (),
    endpoint: str = "",
) -> None:
    """Write the page of a model in use, as ``headrace monitor --page`` does.

    Args:
        page: The HTML file.
        model: The version in service.
        store: The monitoring store.
        earlier: Earlier versions, so that the performance of their windows is measured by all labels too.
        endpoint: Where the model serves; empty if that is not known.

    Raises:
        InputError: If there is no report yet, or the file cannot be written.
        StoreError: If the store fails.
    """
    with ExitStack() as stack:
        bundles = [stack.enter_context(open_model(one)) for one in (*earlier, model)]
        models = [MonitoredModel.of(bundle) for bundle in bundles]
        write_page(Path(page), collect_page_content(open_objects(str(store)), models, endpoint=endpoint))
