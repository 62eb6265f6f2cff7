"""Begin, resume or abort a rollout."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import ValidationError

from headrace.core.base.errors import InputError
from headrace.rollouts.controller.controller import RolloutController, now
from headrace.rollouts.record.counter_totals import CounterSource
from headrace.rollouts.record.record import HistoryEntry, RolloutPlan, RolloutRecord, Tolerances
from headrace.rollouts.record.record_store import RecordStore, StoredRollout
from headrace.rollouts.traffic.base import Traffic, VersionPair

Say = Callable[[str], None]


@dataclass(frozen=True)
class RolloutParts:
    """The parts of a rollout.

    Attributes:
        name: Name of the endpoint.
        platform: ``local`` or ``kserve``.
        namespace: Namespace of the InferenceService; empty on this machine.
        traffic: Divides the requests.
        source: Returns the reader of the servers' counters, given both versions.
        store: Stores the record.
    """

    name: str
    platform: str
    namespace: str
    traffic: Traffic
    source: Callable[[VersionPair], CounterSource]
    store: RecordStore


def make_plan(**options: object) -> RolloutPlan:
    """Return a plan with some options, ``tolerances`` by name, and defaults for the others.

    Raises:
        InputError: If an option is invalid.
    """
    tolerances = options.pop("tolerances", {})
    try:
        return RolloutPlan.model_validate({**options, "tolerances": Tolerances.model_validate(tolerances)})
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "it"
        raise InputError(
            f"the plan of a rollout cannot be used: {where} {str(problem['msg']).removeprefix('Value error, ')}; got "
            f"{problem['input']!r} instead."
        ) from error


def begin(parts: RolloutParts, plan: RolloutPlan, *, say: Say) -> RolloutRecord:
    """Deploy the candidate and run the rollout to its end.

    Args:
        parts: The parts of the rollout.
        plan: Steps, tolerances and times.
        say: Called with a few words about progress.

    Returns:
        The rollout at its end.

    Raises:
        InputError: If a rollout is under way, or there is nothing to roll out.
        ClusterError: If the candidate does not come up, or the requests cannot be divided.
    """
    refuse_second(parts.store, parts.name)
    pair = parts.traffic.find()
    source = parts.source(pair)
    source.read()  # do not begin if the stable version's counters cannot be read
    record = RolloutRecord(
        name=parts.name,
        platform=parts.platform,
        namespace=parts.namespace,
        traffic=parts.traffic.kind,
        metrics=source.kind,
        stable=pair.stable,
        candidate=pair.candidate,
        plan=plan,
        status="running",
        began=now(),
        history=(HistoryEntry(time=now(), text="it began."),),
    )
    return RolloutController(parts.traffic, source, parts.store, say=say).run(record)


def refuse_second(store: RecordStore, name: str) -> None:
    """Raise if a rollout is under way.

    Raises:
        InputError: If a rollout of the endpoint is under way.
    """
    stored = store.load()
    if stored and stored.record.open:
        raise InputError(
            f"a rollout of {name} is under way ({describe_rollout(stored)}): see it with --status, resume it with "
            "--resume, or end it with --abort."
        )


def resume(parts: RolloutParts, *, say: Say) -> RolloutRecord:
    """Resume a rollout whose process has ended, and run it to its end.

    Raises:
        InputError: If no rollout is under way.
        ClusterError: If the candidate does not come up, or the requests cannot be divided.
    """
    stored = require_open(parts)
    pair = VersionPair(stored.record.stable, stored.record.candidate)
    history = (*stored.record.history, HistoryEntry(time=now(), text="another process resumed it."))
    record = stored.record.model_copy(update={"status": "running", "history": history})
    return RolloutController(parts.traffic, parts.source(pair), parts.store, say=say).run(record)


def abort(parts: RolloutParts) -> RolloutRecord:
    """Abort a rollout whose process has ended: send all requests to the stable version.

    Raises:
        InputError: If no rollout is under way.
        ClusterError: If the stable version cannot be restored.
    """
    stored = require_open(parts)
    parts.store.own(stored.record)
    url = parts.traffic.restore()
    reason = "somebody aborted it."
    history = (*stored.record.history, HistoryEntry(time=now(), text=reason))
    changes = {"status": "aborted", "ended": now(), "reasons": (reason,), "url": url, "history": history}
    record = stored.record.model_copy(update=changes)
    parts.store.save(record)
    return record


def require_open(parts: RolloutParts) -> StoredRollout:
    """Return the rollout that is under way.

    Raises:
        InputError: If no rollout is under way.
    """
    stored = parts.store.load()
    if stored is None or not stored.record.open:
        suffix = f"; the last one was {stored.record.status.replace('_', ' ')}" if stored else ""
        raise InputError(f"no rollout of {parts.name} is under way{suffix}: start one with --candidate.")
    return stored


def describe_rollout(stored: StoredRollout) -> str:
    """Return the state of a rollout in a few words."""
    record = stored.record
    share = f" at {record.steps[-1].percent} %" if record.steps else ""
    watched = "" if stored.watched or not record.open else ", and no process runs it"
    return f"{record.status.replace('_', ' ')}{share} since {record.began}{watched}"
