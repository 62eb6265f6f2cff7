"""Carries a pull-out out: the endpoint first, then the record in the store, then the registry.

Each part is harmless when it is repeated, and the registry, by which ``NAME@production`` is found, changes last:
whoever repeats it after a kill finds the same version in service, and completes what is left.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from headrace.core.base import settings
from headrace.core.base.errors import InputError
from headrace.core.base.files import digest, dumps
from headrace.core.bundles.bundle import Bundle
from headrace.core.monitors.decisions.decision import MonitorDecision
from headrace.core.monitors.decisions.policy import MonitoringPolicy
from headrace.core.monitors.decisions.pull_out import FORMAT, PullOutRecord, find_pull_out
from headrace.core.monitors.reports.time_window import rfc3339
from headrace.monitoring.decisions.history import HistoryStore
from headrace.monitoring.decisions.registry_note import record_decision
from headrace.monitoring.pull_outs.successor import check_plan, prepare_successor
from headrace.registry.mlflow.registry import MlflowRegistry, open_registry
from headrace.registry.models.events import JournalEntry, shorten_reason
from headrace.registry.models.state import ModelState, ModelVersion
from headrace.registry.models.transitions import pull_out_entry
from headrace.stores.objects.open_objects import StorePlace

PullOutStatus = Literal["pulled_out", "waits", "known"]
ServeSuccessor = Callable[[str, str], str]
"""Lets an endpoint serve a bundle, by its address, in place of another, by its digest; returns the endpoint's name."""


@dataclass(frozen=True)
class PullOutOrder:
    """How a version is pulled out.

    Attributes:
        policy: The monitoring policy.
        plan_from_policy: Whether its plan counts, in place of the one that the decision names.
        reason: A person's reason, with which no decision and no approval is needed; empty for none.
        folder: Folder for a baseline.
        serve: Lets the endpoint serve the successor; None if there is no endpoint to change.
    """

    policy: MonitoringPolicy
    plan_from_policy: bool
    reason: str
    folder: Path
    serve: ServeSuccessor | None = None


@dataclass(frozen=True)
class PullOut:
    """What came of a pull-out.

    Attributes:
        status: ``pulled_out``; ``waits`` for a person's approval; ``known``: it was pulled out before.
        sentence: What happened.
        name: Name of the model.
        version: The version that is pulled out.
        successor: The version that takes over.
        record: The record in the monitoring store; None unless it was pulled out now.
    """

    status: PullOutStatus
    sentence: str
    name: str
    version: str
    successor: str
    record: PullOutRecord | None = None


def carry_out(bundle: Bundle, place: StorePlace, order: PullOutOrder) -> PullOut:
    """Pull a version out of production, as was decided, or as a person says; see the module.

    Args:
        bundle: The bundle of the version.
        place: The monitoring store.
        order: How it is pulled out.

    Raises:
        MissingError: If the registry does not have the version.
        InputError: If nothing decides it and no reason is given, or the plan cannot be carried out.
        ClusterError: If the successor does not come up; the former version serves.
        StoreError: If store or registry fail.
    """
    registry, by = open_registry(), settings.actor()
    state = registry.model(bundle.name)
    version = state.find(bundle.digest)
    earlier = _pull_outs_of(state, version)
    if version.pulled_out:
        return _complete_again(state, version, earlier[-1], order)
    history = HistoryStore(place, bundle.name)
    decision = find_pull_out(
        history.latest_decisions(bundle.digest),
        cool_down_days=order.policy.cool_down_days,
        carried_out={str(entry.facts.get("decision", "")) for entry in earlier},
    )
    if decision is None and not order.reason:
        raise _nothing_decided(history, version)
    chosen = None if decision is None or order.plan_from_policy else decision.pull_out
    plan = chosen or order.policy.pull_out
    check_plan(plan, state, version)
    if decision:
        record_decision(decision)
    approvals = registry.model(bundle.name).find(bundle.digest).pull_out_approvals
    approved_by = tuple(one.by for one in approvals.get(decision.document_digest if decision else "", ()))
    if decision and not order.reason and _needs_approval(decision, order.policy) and not approved_by:
        return PullOut(
            "waits",
            f"{version.model} {version.version} is to be pulled out ({plan}) and waits for a person's approval, as the "
            "policy says.",
            version.model,
            version.version,
            "",
        )
    successor = prepare_successor(plan, registry, bundle, by=by, folder=order.folder, published=order.serve is not None)
    reason = shorten_reason(order.reason or " ".join(decision.reasons if decision else ()))
    record = PullOutRecord(
        format=FORMAT,
        name=version.model,
        digest=version.digest,
        version=version.version,
        successor=successor.digest,
        successor_version=successor.version,
        successor_uri=successor.uri,
        plan=plan,
        time=rfc3339(datetime.now(UTC)),
        by=by,
        reason=reason,
        decision=decision.document_digest if decision else None,
        window=decision.window if decision else None,
        approved_by=approved_by,
    )
    return _take_over(registry, history, record, order, number=len(earlier) + 1)


def _take_over(
    registry: MlflowRegistry, history: HistoryStore, record: PullOutRecord, order: PullOutOrder, *, number: int
) -> PullOut:
    """Let the successor serve, then record it in the store, then in the registry."""
    # Whoever was killed after writing the record chose the successor, which serves already.
    record = history.pull_out(record.digest, number) or record
    facts = {
        "plan": record.plan,
        **({"decision": record.decision} if record.decision else {}),
        **({"window": {"start": record.window.start, "end": record.window.end}} if record.window else {}),
    }
    # The registry's refusal, such as of a baseline that lacks approvals, comes before anything changes.
    pull_out_entry(
        registry.model(record.name),
        record.digest,
        successor=record.successor,
        policy=registry.policy(),
        facts=facts,
        by=record.by,
        reason=record.reason,
    )
    endpoint = order.serve(record.successor_uri, record.digest) if order.serve else None
    kept = history.add_pull_out(replace(record, endpoint=record.endpoint or endpoint), number)
    registry.pull_out(
        record.name,
        record.digest,
        successor=record.successor,
        facts={**facts, "record": digest(dumps(kept.as_json()).encode())},
        by=record.by,
        reason=record.reason,
    )
    where = f" at the endpoint {endpoint}" if endpoint else ""
    sentence = f"{record.name} {record.version} is pulled out, and {record.successor_version} takes over{where}."
    return PullOut("pulled_out", sentence, record.name, record.version, record.successor_version, kept)


def _complete_again(state: ModelState, version: ModelVersion, entry: JournalEntry, order: PullOutOrder) -> PullOut:
    """Say that a version was pulled out before; its successor serves, unless another version took over since."""
    successor = state.number(int(entry.facts["successor"]))
    current = state.stage("production")
    if successor and current and successor.number == current.number and order.serve:
        order.serve(successor.uri, version.digest)
    name = successor.version if successor else "another version"
    sentence = f"{version.model} {version.version} was pulled out at {entry.time}, and {name} took over."
    return PullOut("known", sentence, version.model, version.version, name)


def _pull_outs_of(state: ModelState, version: ModelVersion) -> list[JournalEntry]:
    return [entry for entry in state.entries if entry.action == "pull_out" and entry.version == version.number]


def _nothing_decided(history: HistoryStore, version: ModelVersion) -> InputError:
    latest = next(iter(history.latest_decisions(version.digest)), None)
    found = (
        f"the latest decision about it is {latest.outcome.replace('_', ' ')}, of the window until {latest.window.end}"
        if latest
        else "there is no decision about it"
    )
    return InputError(
        f"{version.model} {version.version} is pulled out only if a decision that stands says so; {found}: give a "
        "--reason to pull it out all the same."
    )


def _needs_approval(decision: MonitorDecision, policy: MonitoringPolicy) -> bool:
    return decision.needs_approval or "roll_back" in policy.approve
