"""The controller of a rollout: step by step, with a gate after each."""

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
from headrace.rollouts.record.record_store import RecordStore, RolloutCommand, TakenOverError, keep_renewing
from headrace.rollouts.traffic.base import Traffic

MAX_FAILED_POLLS = 5  # consecutive failed polls before an unobserved candidate is rolled back
FULL_TRAFFIC = 100
ABORTED = StepDecision("abort", "somebody aborted it.")
_FORWARD = {"continue", "promote"}


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass
class RolloutController:
    """Runs one rollout to its end.

    Attributes:
        traffic: Divides the requests.
        source: Reads the servers' counters.
        store: Stores the record and receives commands.
        say: Called with a few words about progress.
        sleep: Waits between two polls.
        clock: Returns the seconds of a monotonic clock.
    """

    traffic: Traffic
    source: CounterSource
    store: RecordStore
    say: Callable[[str], None] = lambda _: None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _blind: int = field(default=0, init=False)
    _unsaved: int = field(default=0, init=False)

    def run(self, record: RolloutRecord) -> RolloutRecord:
        """Run the rollout from its recorded state to its end.

        Args:
            record: The rollout so far.

        Returns:
            The rollout at its end: promoted, rolled back or aborted.

        Raises:
            TakenOverError: If another process took the rollout over.
            HeadraceError: If the candidate does not come up or the requests cannot be divided; the stable version
                answers alone, if that is possible.
        """
        self.store.own(record)
        with ended_by_sigterm(), keep_renewing(self.store):
            try:
                if not record.decided:
                    self.say("bringing up both versions")
                    self.traffic.prepare()
                return self._run(record)
            except TakenOverError:
                raise  # another process divides the requests now; any change here would interfere
            except HeadraceError as error:
                self._fail(record, error)
                raise
            except BaseException:
                # SIGTERM, Ctrl-C or a defect: the user may resume, so the candidate is held and not deleted.
                self._hold(record)
                raise

    def _run(self, record: RolloutRecord) -> RolloutRecord:
        meter = CounterTotals(self.source)
        while True:
            decided = record.steps[-1] if record.steps else None
            if decided and decided.decision == "rollback":
                return self._roll_back(record, "rolled_back", decided.reason)
            if decided and decided.decision == "abort":
                return self._roll_back(record, "aborted", decided.reason)
            completed = sum(step.decision in _FORWARD for step in record.steps)
            percent = record.plan.steps[completed]
            if percent == FULL_TRAFFIC:
                return self._promote(record)
            record = self._start_step(record, completed, percent, meter)
            record = self._observe_step(record, meter, last=record.plan.steps[completed + 1] == FULL_TRAFFIC)

    def _start_step(self, record: RolloutRecord, completed: int, percent: int, meter: CounterTotals) -> RolloutRecord:
        """Divide the requests for the next step, and return the record with that step."""
        self.say(f"{percent} % to {record.candidate.digest[:12]}")
        self._renew_ownership()
        self.traffic.split(percent)
        self._baseline_counts(meter, record)
        # The bound of slow requests is fixed once: a bound chosen from the data of a step would bias its comparison.
        if record.slow_seconds is None:
            lifetime = meter.lifetime(record.stable.digest)
            edge = record.plan.slow_ms / 1000 or comparisons.slow_edge(lifetime, floor_ms=record.plan.floor_ms)
            if edge:
                record = record.model_copy(update={"slow_seconds": edge, "slow_from": completed})
        if len(record.steps) == completed:
            record = record.model_copy(update={"steps": (*record.steps, RolloutStep(percent=percent, began=now()))})
        return record

    def _observe_step(self, record: RolloutRecord, meter: CounterTotals, *, last: bool) -> RolloutRecord:
        """Poll the counters until the gate or a command decides on the step, and return the record after it."""
        step = record.steps[-1]
        start_time, before = self.clock(), step
        start_counts = self._baseline_counts(meter, record)
        paused = record.status == "paused"
        while True:
            self.sleep(record.plan.poll_interval_seconds)
            seconds = before.seconds + self.clock() - start_time
            counts = self._poll_counters(meter)
            if counts is not None:
                step = self._with_counts(before, record, start_counts, counts).model_copy(
                    update={"seconds": round(seconds, 3), "polls": step.polls + 1}
                )
                record = _with(record, step)
                step = step.model_copy(update={"checks": comparisons.checks(record)})
            record, paused, command = self._save_and_read_command(_with(record, step), paused=paused)
            decision = ABORTED if command == "abort" else gate.decide(step, record.plan, last=last, paused=paused)
            if decision.decision != "wait":
                decided = _with(record, _with_decision(step, decision))
                decided, paused, command = self._save_and_read_command(decided, paused=paused)
                if command == "abort":
                    decided = _with(decided, _with_decision(step, ABORTED))
                if not (paused and decision.decision in _FORWARD) or command == "abort":
                    self.say(decided.steps[-1].reason)
                    return decided
                record = _with(decided, step)  # a pause arrived with the decision, which is dropped
            self.say(_progress(step, paused=paused))

    def _save_and_read_command(
        self, record: RolloutRecord, *, paused: bool
    ) -> tuple[RolloutRecord, bool, RolloutCommand]:
        """Write the record; return it after the pending command, whether it is paused, and the command."""
        try:
            command = self.store.save(record)
        except ClusterError as error:
            self._unsaved += 1
            # An API server that has just started may deny everything: it has not loaded rights and kinds yet.
            may_pass = error.transient or error.denied or error.reason == "conflict"
            if not may_pass or self._unsaved >= MAX_FAILED_POLLS:
                raise
            self.say(f"the record could not be written this time: {error}")
            return record, paused, ""
        self._unsaved = 0
        return *self._apply_command(record, command, paused=paused), command

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

    def _baseline_counts(self, meter: CounterTotals, record: RolloutRecord) -> dict[str, RequestCounts]:
        """Return the counts so far; wait until they can be read."""
        while (counts := self._poll_counters(meter)) is None:
            self.sleep(record.plan.poll_interval_seconds)
        return counts

    def _poll_counters(self, meter: CounterTotals) -> dict[str, RequestCounts] | None:
        """Return the counts so far; None if they cannot be read this time."""
        try:
            counts = dict(meter.poll())
        except HeadraceError as error:
            self._blind += 1
            if self._blind >= MAX_FAILED_POLLS:
                raise
            self.say(f"the counters could not be read this time: {error}")
            return None
        self._blind = 0
        return counts

    def _apply_command(
        self, record: RolloutRecord, command: RolloutCommand, *, paused: bool
    ) -> tuple[RolloutRecord, bool]:
        """Return the record after a command, and whether it is paused."""
        if command == "pause" and not paused:
            return _with_history(
                record, "paused", "somebody paused it: the shares stay, and what is bad still goes back."
            ), True
        if command == "resume" and paused:
            return _with_history(record, "running", "somebody resumed it."), False
        return record, paused

    def _promote(self, record: RolloutRecord) -> RolloutRecord:
        self.say(f"{FULL_TRAFFIC} % to {record.candidate.digest[:12]}")
        self._renew_ownership()
        url = self.traffic.promote()
        reason = record.steps[-1].reason if record.steps else "the plan has no step before the whole traffic."
        return self._end(record, "promoted", reason, url)

    def _roll_back(self, record: RolloutRecord, status: Status, reason: str) -> RolloutRecord:
        self._renew_ownership()
        url = self.traffic.restore()
        return self._end(record, status, reason, url)

    def _end(self, record: RolloutRecord, status: Status, reason: str, url: str) -> RolloutRecord:
        ended = _with_history(record, status, reason).model_copy(
            update={"ended": now(), "reasons": (reason,), "url": url}
        )
        self.store.save(ended)
        return ended

    def _fail(self, record: RolloutRecord, error: HeadraceError) -> None:
        """Send all requests to the stable version, and record why."""
        self._renew_ownership()
        stored = self.store.load()
        record = stored.record if stored else record
        reasons = [str(error)]
        try:
            self.traffic.restore()
            self.say(f"{record.stable.digest[:12]} answers alone")
        except HeadraceError as second:
            reasons.append(f"the stable version could not be restored: {second}")
        failed = _with_history(record, "failed", " ".join(reasons))
        self.store.save(failed.model_copy(update={"ended": now(), "reasons": tuple(reasons)}))

    def hold(self, record: RolloutRecord) -> RolloutRecord:
        """Hold a rollout whose process died: send the candidate no requests until the rollout is resumed.

        Args:
            record: The rollout, not decided yet.

        Returns:
            The record, as it was written.

        Raises:
            TakenOverError: If another process took the rollout over.
            ClusterError: If the requests cannot be divided; the next cleanup tries again.
        """
        self.store.own(record)
        with ended_by_sigterm(), keep_renewing(self.store):
            self.traffic.split(0)
            reason = "no process watched it any more: the candidate gets no request until it is resumed."
            held = _with_history(record, "held", reason)
            self.store.save(held)
        return held

    def _hold(self, record: RolloutRecord) -> None:
        """Hold the rollout because this process ends: send the candidate no requests until the rollout is resumed."""
        stored = self.store.load()
        record = stored.record if stored else record
        status: Status = "held"
        reason = "it was interrupted: the candidate gets no request until it is resumed."
        if record.decided:
            reason = "it was interrupted after its decision: resume it to carry the decision out."
        else:
            try:
                self._renew_ownership()
                self.traffic.split(0)
            except TakenOverError:
                raise
            except HeadraceError as error:
                status = record.status  # the cleanup finds open rollouts without a process, and holds them then
                reason = f"it was interrupted, and the candidate's share could not be taken back: {error}"
        self.say(reason)
        self.store.save(_with_history(record, status, reason))

    def _renew_ownership(self) -> None:
        """Renew the heartbeat; raise ``TakenOverError`` if another process took the rollout over.

        Called before each action: this process may have been suspended for long.
        """
        try:
            self.store.renew()
        except ClusterError as error:
            self.say(f"the heartbeat could not be written this time: {error}")


def _with_decision(step: RolloutStep, decision: StepDecision) -> RolloutStep:
    if decision.decision == "wait":
        return step
    return step.model_copy(update={"decision": decision.decision, "reason": decision.reason, "ended": now()})


def _with(record: RolloutRecord, step: RolloutStep) -> RolloutRecord:
    return record.model_copy(update={"steps": (*record.steps[:-1], step)})


def _with_history(record: RolloutRecord, status: Status, text: str) -> RolloutRecord:
    return record.model_copy(
        update={"status": status, "history": (*record.history, HistoryEntry(time=now(), text=text))}
    )


def _progress(step: RolloutStep, *, paused: bool) -> str:
    requests = step.candidate.counts().requests
    marks = {"good": "✓", "bad": "✗", "open": "…"}
    checks = " ".join(f"{marks[check.verdict]} {check.name}" for check in step.checks)
    count = "1 request" if round(requests) == 1 else f"{requests:,.0f} requests"
    return f"{step.percent} %{' (paused)' if paused else ''}  {count}  {checks}"
