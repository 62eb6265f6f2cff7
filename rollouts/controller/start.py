"""Begin a rollout, go on with one, or end it."""

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
    """What a rollout is made of.

    Attributes:
        name: Name of the endpoint.
        to: ``local`` or ``kserve``.
        namespace: Namespace of the InferenceService; empty here.
        traffic: Divides the requests.
        source: Gives what reads the servers' counters, once both versions are known.
        memory: Keeps the record.
    """

    name: str
    to: str
    namespace: str
    traffic: Traffic
    source: Callable[[VersionPair], CounterSource]
    memory: RecordStore


def make_plan(**wanted: object) -> RolloutPlan:
    """Return a plan of some wishes, the others being as usual; ``tolerances`` by name.

    Raises:
        InputError: If a wish cannot be.
    """
    tolerances = wanted.pop("tolerances", {})
    try:
        return RolloutPlan.model_validate({**wanted, "tolerances": Tolerances.model_validate(tolerances)})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise InputError(
            f"the plan of a rollout cannot be used: {where} {str(first['msg']).removeprefix('Value error, ')}; got "
            f"{first['input']!r} instead."
        ) from error


def begin(parts: RolloutParts, plan: RolloutPlan, *, say: Say) -> RolloutRecord:
    """Bring up the candidate and go on until the end.

    Args:
        parts: What the rollout is made of.
        plan: How it is to go.
        say: Told in a few words what happens.

    Returns:
        The rollout as it ended.

    Raises:
        InputError: If one is under way, or there is nothing to roll out.
        ClusterError: If the candidate does not come up, or the requests cannot be divided.
    """
    refuse_second(parts.memory, parts.name)
    pair = parts.traffic.find()
    source = parts.source(pair)
    source.read()  # who cannot see the stable version must not begin
    record = RolloutRecord(
        name=parts.name,
        to=parts.to,
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
    return RolloutController(parts.traffic, source, parts.memory, say=say).run(record)


def refuse_second(memory: RecordStore, name: str) -> None:
    """Refuse to begin while a rollout is under way.

    Raises:
        InputError: If one is.
    """
    kept = memory.load()
    if kept and kept.record.open:
        raise InputError(
            f"a rollout of {name} is under way ({describe_rollout(kept)}): see it with --status, go on with it by "
            "--resume, "
            "or end it by --abort."
        )


def go_on(parts: RolloutParts, *, say: Say) -> RolloutRecord:
    """Go on with a rollout that nobody goes on with.

    Raises:
        InputError: If there is none.
        ClusterError: If the candidate does not come up, or the requests cannot be divided.
    """
    kept = require_known(parts)
    pair = VersionPair(kept.record.stable, kept.record.candidate)
    told = (*kept.record.history, HistoryEntry(time=now(), text="somebody goes on with it."))
    record = kept.record.model_copy(update={"status": "running", "history": told})
    return RolloutController(parts.traffic, parts.source(pair), parts.memory, say=say).run(record)


def end(parts: RolloutParts) -> RolloutRecord:
    """Let the stable version answer alone, of a rollout that nobody goes on with.

    Raises:
        InputError: If there is none.
        ClusterError: If the stable version cannot be put back.
    """
    kept = require_known(parts)
    parts.memory.own(kept.record)
    url = parts.traffic.restore()
    reason = "somebody aborted it."
    told = (*kept.record.history, HistoryEntry(time=now(), text=reason))
    ended = {"status": "aborted", "ended": now(), "reasons": (reason,), "url": url, "history": told}
    record = kept.record.model_copy(update=ended)
    parts.memory.save(record)
    return record


def require_known(parts: RolloutParts) -> StoredRollout:
    """Return the rollout that is under way.

    Raises:
        InputError: If there is none.
    """
    kept = parts.memory.load()
    if kept is None or not kept.record.open:
        ended = f"; the last one was {kept.record.status.replace('_', ' ')}" if kept else ""
        raise InputError(f"no rollout of {parts.name} is under way{ended}: start one with --candidate.")
    return kept


def describe_rollout(kept: StoredRollout) -> str:
    """Return where a rollout is, in a few words."""
    record = kept.record
    share = f" at {record.steps[-1].percent} %" if record.steps else ""
    watched = "" if kept.watched or not record.open else ", and nobody goes on with it"
    return f"{record.status.replace('_', ' ')}{share} since {record.began}{watched}"
