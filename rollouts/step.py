"""A rollout as a step of a pipeline: begun, or gone on with when the step is tried again."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.core.base import settings
from headrace.core.base.durations import seconds
from headrace.core.base.errors import InputError, quote
from headrace.core.base.files import write_text
from headrace.rollouts.controller import start
from headrace.rollouts.controller.start import RolloutParts, Say
from headrace.rollouts.kserve import KServeRollout, parts_there
from headrace.rollouts.local import LocalRollout, parts_here
from headrace.rollouts.record.record import RolloutPlan, RolloutRecord
from headrace.rollouts.record.record_store import FRESH_SECONDS, RecordStore
from headrace.rollouts.record.registry_note import tell


def plan_of(
    steps: list[int],
    *,
    step_time: str = "",
    patience: str = "",
    look: str = "",
    here: bool = False,
    **others: Any,
) -> RolloutPlan:
    """Return a plan with times as people write them.

    Args:
        steps: Shares of the requests, in percent.
        step_time: Shortest time of a step; empty for a minute, here for two seconds.
        patience: Longest time of a step; empty for an hour, here for five minutes.
        look: Time between two looks; empty for a quarter of a minute, here for a second.
        here: Whether it is a rollout on this machine.
        **others: The other wishes, as ``planned`` takes them.

    Raises:
        InputError: If a wish cannot be.
    """
    return start.make_plan(
        steps=steps,
        step_seconds=seconds(step_time or ("2s" if here else "60s")),
        patience_seconds=seconds(patience or ("5m" if here else "1h")),
        look_seconds=seconds(look or ("1s" if here else "15s")),
        **others,
    )


@dataclass(frozen=True)
class StepOptions:
    """What is rolled out, and how.

    Attributes:
        to: ``local`` or ``kserve``.
        plan: How it is to go.
        here: What is rolled out on this machine.
        there: What is rolled out on KServe.
    """

    to: str
    plan: RolloutPlan
    here: LocalRollout = field(default_factory=lambda: LocalRollout("", "", ""))
    there: KServeRollout = field(default_factory=lambda: KServeRollout(""))

    def __post_init__(self) -> None:
        """Refuse what lacks something.

        Raises:
            InputError: If it does.
        """
        if self.to not in {"local", "kserve"}:
            raise InputError(f"a rollout must go to local or kserve; got {quote(self.to)} instead.")
        if self.to == "local" and not self.here.table:
            raise InputError("a rollout on this machine must be given a table whose rows are sent.")
        if self.to == "kserve" and not self.there.name:
            raise InputError("a rollout on KServe must be given the name of its endpoint.")


def rollout_step(wanted: StepOptions, *, record: Path, say: Say = lambda _: None) -> dict[str, str]:
    """Roll out, and write the record.

    Args:
        wanted: What is rolled out.
        record: JSON file to write; on this machine the servers' log lies beside it.
        say: Told in a few words what happens.

    Returns:
        Metadata: ``status``, ``name``, ``digest`` of what answers now, ``url`` and ``reason``.

    Raises:
        InputError: If it cannot be, or another is under way.
        ClusterError: If the candidate does not come up.
    """
    with _parts(wanted, record, say) as parts:
        ended = _roll_out(parts, wanted.plan, say)
    write_text(record, ended.to_json())
    say(f"the decision stands {tell(ended)}" if settings.registry() else "HEADRACE_REGISTRY is not set")
    version = ended.candidate if ended.status == "promoted" else ended.stable
    return {
        "status": ended.status,
        "name": ended.name,
        "digest": version.digest,
        "url": ended.url,
        "reason": " ".join(ended.reasons),
    }


@contextlib.contextmanager
def _parts(wanted: StepOptions, record: Path, say: Say) -> Iterator[RolloutParts]:
    if wanted.to == "kserve":
        yield parts_there(wanted.there, say=say)
        return
    lease = settings.lease_path()
    with parts_here(
        wanted.here, record.with_name(f"{record.name}.rollout"), lease_path=Path(lease) if lease else None
    ) as parts:
        yield parts


def _roll_out(parts: RolloutParts, plan: RolloutPlan, say: Say) -> RolloutRecord:
    """Begin; or go on with what an earlier attempt of this step has left."""
    kept = parts.memory.load()
    if kept and kept.record.open and kept.record.candidate.digest == parts.traffic.find().candidate.digest:
        _await_unwatched(parts.memory, say)
        return start.go_on(parts, say=say)
    return start.begin(parts, plan, say=say)


def _await_unwatched(memory: RecordStore, say: Say, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait until it is sure that the process that went on with a rollout has ended.

    Raises:
        InputError: If it has not.
    """
    for _ in range(int(FRESH_SECONDS) + 10):
        kept = memory.load()
        if kept is None or not kept.watched:
            return
        say("waiting whether the process before has ended")
        sleep(1.0)
    raise InputError("another process goes on with the rollout: see it with headrace rollout --status.")
