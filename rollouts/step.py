"""A rollout as a step of a pipeline: begun, or resumed when the step is retried."""

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
from headrace.rollouts.kserve import KServeRollout, kserve_parts
from headrace.rollouts.local import LocalRollout, local_parts
from headrace.rollouts.record.record import RolloutPlan, RolloutRecord
from headrace.rollouts.record.record_store import FRESH_SECONDS, RecordStore
from headrace.rollouts.record.registry_note import record_in_registry


def plan_of(
    steps: list[int],
    *,
    step_duration: str = "",
    step_timeout: str = "",
    poll_interval: str = "",
    here: bool = False,
    **others: Any,
) -> RolloutPlan:
    """Return a plan from times in text form.

    Args:
        steps: Shares of the requests, in percent.
        step_duration: Minimum duration of a step; empty for a minute, or two seconds on this machine.
        step_timeout: Maximum duration of a step; empty for an hour, or five minutes on this machine.
        poll_interval: Time between two polls of the metrics; empty for 15 seconds, or one second on this machine.
        here: Whether the rollout is on this machine.
        **others: Other options, as ``make_plan`` takes them.

    Raises:
        InputError: If an option is invalid.
    """
    return start.make_plan(
        steps=steps,
        step_duration_seconds=seconds(step_duration or ("2s" if here else "60s")),
        step_timeout_seconds=seconds(step_timeout or ("5m" if here else "1h")),
        poll_interval_seconds=seconds(poll_interval or ("1s" if here else "15s")),
        **others,
    )


@dataclass(frozen=True)
class StepOptions:
    """Options of a rollout as a step.

    Attributes:
        platform: ``local`` or ``kserve``.
        plan: The plan.
        local: Options of a rollout on this machine.
        kserve: Options of a rollout on KServe.
    """

    platform: str
    plan: RolloutPlan
    local: LocalRollout = field(default_factory=lambda: LocalRollout("", "", ""))
    kserve: KServeRollout = field(default_factory=lambda: KServeRollout(""))

    def __post_init__(self) -> None:
        """Raise if an option is invalid or missing.

        Raises:
            InputError: If an option is invalid or missing.
        """
        if self.platform not in {"local", "kserve"}:
            raise InputError(f"a rollout must go to local or kserve; got {quote(self.platform)} instead.")
        if self.platform == "local" and not self.local.table:
            raise InputError("a rollout on this machine must be given a table whose rows are sent.")
        if self.platform == "kserve" and not self.kserve.name:
            raise InputError("a rollout on KServe must be given the name of its endpoint.")


def rollout_step(
    options: StepOptions, *, record: Path, say: Say = lambda _: None, registry: str = ""
) -> dict[str, str]:
    """Run a rollout and write its record.

    Args:
        options: Options of the rollout.
        record: JSON file to write; on this machine the servers' log is beside it.
        say: Called with a few words about progress.
        registry: Registry whose history gets the end; empty for ``HEADRACE_REGISTRY``.

    Returns:
        Metadata: ``status``, ``name``, ``digest`` of the version that answers now, ``former`` of the one that answered
        before, ``url`` and ``reason``.

    Raises:
        InputError: If the rollout is impossible, or another one is under way.
        ClusterError: If the candidate does not come up.
    """
    with _parts(options, record, say) as parts:
        ended = _roll_out(parts, options.plan, say)
    write_text(record, ended.to_json())
    address = registry or settings.registry()
    say(f"the decision stands {record_in_registry(ended, address)}" if address else "HEADRACE_REGISTRY is not set")
    version = ended.candidate if ended.status == "promoted" else ended.stable
    return {
        "status": ended.status,
        "name": ended.name,
        "digest": version.digest,
        "former": ended.stable.digest,
        "url": ended.url,
        "reason": " ".join(ended.reasons),
    }


@contextlib.contextmanager
def _parts(options: StepOptions, record: Path, say: Say) -> Iterator[RolloutParts]:
    if options.platform == "kserve":
        yield kserve_parts(options.kserve, say=say)
        return
    lease = settings.lease_path()
    with local_parts(
        options.local, record.with_name(f"{record.name}.rollout"), lease_path=Path(lease) if lease else None
    ) as parts:
        yield parts


def _roll_out(parts: RolloutParts, plan: RolloutPlan, say: Say) -> RolloutRecord:
    """Begin a rollout, or resume that of an earlier attempt of this step."""
    stored = parts.store.load()
    if stored and stored.record.open and stored.record.candidate.digest == parts.traffic.find().candidate.digest:
        _await_unwatched(parts.store, say)
        return start.resume(parts, say=say)
    return start.begin(parts, plan, say=say)


def _await_unwatched(store: RecordStore, say: Say, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait until the heartbeats of the process that ran a rollout have ended.

    Raises:
        InputError: If they go on.
    """
    for _ in range(int(FRESH_SECONDS) + 10):
        stored = store.load()
        if stored is None or not stored.watched:
            return
        say("waiting for the former process to end")
        sleep(1.0)
    raise InputError("another process still runs the rollout: see it with headrace rollout --status.")
