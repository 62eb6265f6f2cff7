"""The way of a rollout: step by step, with a gate after each."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from headrace.core.base.errors import ClusterError, HeadraceError
from headrace.core.runtime.signals import ended_by_sigterm
from headrace.rollouts.decisions import comparisons, gate
from headrace.rollouts.decisions.gate import StepDecision
from headrace.rollouts.record.counter_totals import CounterSource, CounterTotals
from headrace.rollouts.record.counters import RequestCounts
from headrace.rollouts.record.record import HistoryEntry, RolloutRecord, RolloutStep, Status, StepCounts
from headrace.rollouts.record.record_store import RecordStore, RolloutCommand, TakenOverError, keep_watching
from headrace.rollouts.traffic.base import Traffic

BLIND_LOOKS = 5  # so many looks in a row may fail before a candidate that nobody sees is sent back
WHOLE = 100
ABORTED = StepDecision("abort", "somebody aborted it.")
_FORWARD = {"continue", "promote"}


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass
class RolloutController:
    """Goes on with one rollout.

    Attributes:
        traffic: Divides the requests.
        source: Where the servers' counters are read.
        memory: Where the record is kept.
        say: Told in a few words what happens.
        sleep: Waits between two looks.
        clock: Seconds of a clock that never goes back.
    """

    traffic: Traffic
    source: CounterSource
    memory: RecordStore
    say: Callable[[str], None] = lambda _: None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _blind: int = field(default=0, init=False)
    _unsaved: int = field(default=0, init=False)

    def run(self, record: RolloutRecord) -> RolloutRecord:
        """Go on until the end.

        Args:
            record: The rollout, as far as it is.

        Returns:
            The rollout as it ended: promoted, rolled back or aborted.

        Raises:
            TakenOverError: If another process goes on with it.
            HeadraceError: If the candidate does not come up or the requests cannot be divided; the stable version
                answers alone, if that is possible.
        """
        self.memory.own(record)
        with ended_by_sigterm(), keep_watching(self.memory):
            try:
                if not record.decided:
                    self.say("bringing up both versions")
                    self.traffic.prepare()
                return self._run(record)
            except TakenOverError:
                raise
            except HeadraceError as error:
                self._fail(record, error)
                raise
            except BaseException:
                self._hold(record)
                raise

    def _run(self, record: RolloutRecord) -> RolloutRecord:
        meter = CounterTotals(self.source)
        while True:
            decided = record.steps[-1] if record.steps else None
            if decided and decided.decision == "rollback":
                return self._back(record, "rolled_back", decided.reason)
            if decided and decided.decision == "abort":
                return self._back(record, "aborted", decided.reason)
            done = sum(step.decision in _FORWARD for step in record.steps)
            percent = record.plan.steps[done]
            if percent == WHOLE:
                return self._promote(record)
            record = self._start_step(record, done, percent, meter)
            record = self._observe_step(record, meter, last=record.plan.steps[done + 1] == WHOLE)

    def _start_step(self, record: RolloutRecord, done: int, percent: int, meter: CounterTotals) -> RolloutRecord:
        """Return the record with the step that comes next, once its share of the requests is divided."""
        self.say(f"{percent} % to {record.candidate.digest[:12]}")
        self._still_ours()
        self.traffic.split(percent)
        self._first(meter, record)
        if record.slow_seconds is None:
            seen = meter.lifetime(record.stable.digest)
            edge = record.plan.slow_ms / 1000 or comparisons.slow_edge(seen, floor_ms=record.plan.floor_ms)
            if edge:
                record = record.model_copy(update={"slow_seconds": edge, "slow_from": done})
        if len(record.steps) == done:
            record = record.model_copy(update={"steps": (*record.steps, RolloutStep(percent=percent, began=now()))})
        return record

    def _observe_step(self, record: RolloutRecord, meter: CounterTotals, *, last: bool) -> RolloutRecord:
        """Return the record with the step after the gate, or somebody who aborts, decided on it."""
        step = record.steps[-1]
        first, before = self.clock(), step
        start = self._first(meter, record)
        paused = record.status == "paused"
        while True:
            self.sleep(record.plan.look_seconds)
            seconds = before.seconds + self.clock() - first
            counts = self._poll_counters(meter)
            if counts is not None:
                step = self._with_counts(before, record, start, counts).model_copy(
                    update={"seconds": round(seconds, 3), "looks": step.looks + 1}
                )
                record = _with(record, step)
                step = step.model_copy(update={"checks": comparisons.checks(record)})
            record, paused, wish = self._save_and_read_command(_with(record, step), paused=paused)
            judged = ABORTED if wish == "abort" else gate.judge(step, record.plan, last=last, paused=paused)
            if judged.decision != "wait":
                decided = _with(record, _with_decision(step, judged))
                decided, paused, wish = self._save_and_read_command(decided, paused=paused)
                if wish == "abort":
                    decided = _with(decided, _with_decision(step, ABORTED))
                if not (paused and judged.decision in _FORWARD) or wish == "abort":
                    self.say(decided.steps[-1].reason)
                    return decided
                record = _with(decided, step)  # paused in the last moment: it is not decided after all
            self.say(_progress(step, paused=paused))

    def _save_and_read_command(
        self, record: RolloutRecord, *, paused: bool
    ) -> tuple[RolloutRecord, bool, RolloutCommand]:
        """Write the record; the record after what is wished, whether nothing may go forward, and the wish."""
        try:
            wish = self.memory.save(record)
        except ClusterError as error:
            self._unsaved += 1
            # An API server that has only just started knows neither rights nor kinds.
            may_pass = error.transient or error.denied or error.reason == "conflict"
            if not may_pass or self._unsaved >= BLIND_LOOKS:
                raise
            self.say(f"not written this time: {error}")
            return record, paused, ""
        self._unsaved = 0
        return *self._apply_command(record, wish, paused=paused), wish

    def _with_counts(
        self,
        step: RolloutStep,
        record: RolloutRecord,
        start: dict[str, RequestCounts],
        counts: dict[str, RequestCounts],
    ) -> RolloutStep:
        def add_version(digest: str, before: StepCounts) -> StepCounts:
            since = counts.get(digest, RequestCounts()).since(start.get(digest, RequestCounts()))
            return StepCounts.of(before.counts() + since)

        return step.model_copy(
            update={
                "stable": add_version(record.stable.digest, step.stable),
                "candidate": add_version(record.candidate.digest, step.candidate),
            }
        )

    def _first(self, meter: CounterTotals, record: RolloutRecord) -> dict[str, RequestCounts]:
        """What was counted until now, as soon as it can be read."""
        while (found := self._poll_counters(meter)) is None:
            self.sleep(record.plan.look_seconds)
        return found

    def _poll_counters(self, meter: CounterTotals) -> dict[str, RequestCounts] | None:
        """What was counted until now; None if it cannot be read this time."""
        try:
            found = dict(meter.look())
        except HeadraceError as error:
            self._blind += 1
            if self._blind >= BLIND_LOOKS:
                raise
            self.say(f"not seen this time: {error}")
            return None
        self._blind = 0
        return found

    def _apply_command(
        self, record: RolloutRecord, wish: RolloutCommand, *, paused: bool
    ) -> tuple[RolloutRecord, bool]:
        """Return the record after a wish, and whether nothing may go forward."""
        if wish == "pause" and not paused:
            return _with_history(
                record, "paused", "somebody paused it: the shares stay, and what is bad still goes back."
            ), True
        if wish == "resume" and paused:
            return _with_history(record, "running", "somebody resumed it."), False
        return record, paused

    def _promote(self, record: RolloutRecord) -> RolloutRecord:
        self.say(f"{WHOLE} % to {record.candidate.digest[:12]}")
        self._still_ours()
        url = self.traffic.promote()
        reason = record.steps[-1].reason if record.steps else "the plan has no step before the whole traffic."
        return self._end(record, "promoted", reason, url)

    def _back(self, record: RolloutRecord, status: Status, reason: str) -> RolloutRecord:
        self._still_ours()
        url = self.traffic.restore()
        return self._end(record, status, reason, url)

    def _end(self, record: RolloutRecord, status: Status, reason: str, url: str) -> RolloutRecord:
        ended = _with_history(record, status, reason).model_copy(
            update={"ended": now(), "reasons": (reason,), "url": url}
        )
        self.memory.save(ended)
        return ended

    def _fail(self, record: RolloutRecord, error: HeadraceError) -> None:
        """Let the stable version answer alone, and write down why."""
        self._still_ours()
        kept = self.memory.load()
        record = kept.record if kept else record
        reasons = [str(error)]
        try:
            self.traffic.restore()
            self.say(f"{record.stable.digest[:12]} answers alone")
        except HeadraceError as second:
            reasons.append(f"the stable version could not be put back: {second}")
        failed = _with_history(record, "failed", " ".join(reasons))
        self.memory.save(failed.model_copy(update={"ended": now(), "reasons": tuple(reasons)}))

    def hold(self, record: RolloutRecord) -> RolloutRecord:
        """Take a rollout's candidate its share, because nobody watches it any more; it can be resumed.

        Args:
            record: The rollout, not decided yet.

        Returns:
            The record, as it was written.

        Raises:
            TakenOverError: If another process goes on with it.
            ClusterError: If the share cannot be taken back; it is tried again when it is tidied next.
        """
        self.memory.own(record)
        with ended_by_sigterm(), keep_watching(self.memory):
            self.traffic.split(0)
            told = "nobody watched it any more: the candidate gets no request until it is resumed."
            held = _with_history(record, "held", told)
            self.memory.save(held)
        return held

    def _hold(self, record: RolloutRecord) -> None:
        """Nobody watches any more: the candidate gets no request until somebody goes on."""
        kept = self.memory.load()
        record = kept.record if kept else record
        status: Status = "held"
        told = "it was interrupted: the candidate gets no request until it is resumed."
        if record.decided:
            told = "it was interrupted while it came to its end: resume it, and it does."
        else:
            try:
                self._still_ours()
                self.traffic.split(0)
            except TakenOverError:
                raise
            except HeadraceError as error:
                status = record.status  # an open one that nobody watches is tidied
                told = f"it was interrupted, and the candidate's share could not be taken back: {error}"
        self.say(told)
        self.memory.save(_with_history(record, status, told))

    def _still_ours(self) -> None:
        """Before an act of a process that may have slept: raise ``TakenOverError`` if another one goes on."""
        try:
            self.memory.renew()
        except ClusterError as error:
            self.say(f"not written this time: {error}")


def _with_decision(step: RolloutStep, judged: StepDecision) -> RolloutStep:
    if judged.decision == "wait":
        return step
    return step.model_copy(update={"decision": judged.decision, "reason": judged.reason, "ended": now()})


def _with(record: RolloutRecord, step: RolloutStep) -> RolloutRecord:
    return record.model_copy(update={"steps": (*record.steps[:-1], step)})


def _with_history(record: RolloutRecord, status: Status, text: str) -> RolloutRecord:
    return record.model_copy(
        update={"status": status, "history": (*record.history, HistoryEntry(time=now(), text=text))}
    )


def _progress(step: RolloutStep, *, paused: bool) -> str:
    requests = step.candidate.counts().requests
    marks = {"good": "✓", "bad": "✗", "open": "…"}
    seen = " ".join(f"{marks[check.verdict]} {check.name}" for check in step.checks)
    counted = "1 request" if round(requests) == 1 else f"{requests:,.0f} requests"
    return f"{step.percent} %{' (paused)' if paused else ''}  {counted}  {seen}"
