"""Tests of monitors, decided together: one promise of false alarms for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from headrace.core.drift.input_drift import adjust_probabilities
from headrace.core.monitors.reports.monitor_report import MonitorResult, Status


@dataclass(frozen=True)
class MonitorTest:
    """A test of one monitor on one subject, before it is known what else the report tests.

    Attributes:
        monitor: Name of the monitor.
        subject: What it is about.
        p_value: Probability of such a value by chance, in this test alone.
        matters: Whether the value is large enough to matter.
        status: The status if it is neither chance nor too small.
        violation: The sentence then.
        calm: The sentence otherwise.
        value: As ``MonitorResult`` has it.
        reference: As ``MonitorResult`` has it.
        bound: As ``MonitorResult`` has it.
        rows: As ``MonitorResult`` has it.
        note: What is not known of its promise, as a sentence for the report if it is an alarm; empty if all is known.
    """

    monitor: str
    subject: str
    p_value: float
    matters: bool
    status: Status
    violation: str
    calm: str
    value: float
    reference: float | None = None
    bound: float | None = None
    rows: int | None = None
    note: str = ""


def decide(tests: Sequence[MonitorTest], *, alpha: float) -> tuple[MonitorResult, ...]:
    """Decide tests together by Holm's method: the chance that any alarm is false is at most ``alpha``.

    Args:
        tests: All tests of the report.
        alpha: Chance of any false alarm, above 0 and below 1.

    Returns:
        One result for each test, in their order, with its adjusted probability.
    """
    adjusted = adjust_probabilities([test.p_value for test in tests])
    return tuple(_decide(test, p_value, alpha) for test, p_value in zip(tests, adjusted, strict=True))


def _decide(test: MonitorTest, p_value: float, alpha: float) -> MonitorResult:
    alarm = test.matters and p_value <= alpha
    return MonitorResult(
        test.monitor,
        test.subject,
        test.status if alarm else "ok",
        test.violation if alarm else test.calm,
        value=test.value,
        reference=test.reference,
        bound=test.bound,
        p_value=p_value,
        rows=test.rows,
    )
