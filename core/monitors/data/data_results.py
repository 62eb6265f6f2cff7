"""The monitors of the data of one window, with one promise for all of them."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from threadpoolctl import threadpool_limits

from headrace.core.base.errors import InputError
from headrace.core.base.quantities import describe_count
from headrace.core.drift.input_drift import ALPHA, SMALLEST_EFFECT, check_promise, compare_inputs
from headrace.core.drift.reference_profile import ReferenceProfile
from headrace.core.drift.window_variation import DAY
from headrace.core.monitors.data.data_quality import (
    check_constant,
    check_repeats,
    check_share,
    check_violations,
    describe_freshness,
    describe_requests,
)
from headrace.core.monitors.data.drift_monitors import (
    KnownVariation,
    check_input,
    check_joint,
    check_predictions,
    know_variation,
)
from headrace.core.monitors.data.monitor_tests import MonitorTest, decide
from headrace.core.monitors.data.window_counts import WindowCounts
from headrace.core.monitors.reports.monitor_report import MonitorResult

FEWEST_ROWS = 20
"""Rows below which nothing is tested."""
_DRIFT = ("input_drift", "joint_drift", "prediction_drift")


def data_results(  # noqa: PLR0913 - what is known of a window, a promise, and a place for notes
    profile: ReferenceProfile,
    counts: WindowCounts,
    *,
    history: Sequence[WindowCounts] = (),
    alpha: float = ALPHA,
    smallest_effect: float = SMALLEST_EFFECT,
    end: datetime | None = None,
    seconds: float | None = None,
    largest_age: float | None = None,
    notes: list[str] | None = None,
) -> tuple[MonitorResult, ...]:
    """Compute what the monitors of the data say of a window.

    All tests share ``alpha`` by Holm's method: without drift, the chance of any false alarm among these results is at
    most ``alpha``, whatever depends on what. It holds for rows that are independent, or whose windows vary as those of
    the training part or of ``history`` do. Over time, each report has its own ``alpha``.

    Args:
        profile: The reference profile of the model's bundle.
        counts: The window.
        history: Earlier windows of the same length that are held to be without drift.
        alpha: Chance of any false alarm, above 0 and below 1.
        smallest_effect: Least change of a distribution that matters, 0 to 1.
        end: The moment at which it is asked how old the newest row is; None to leave that out.
        seconds: Length of the window; None for the time between its first and last row.
        largest_age: Age of the newest row in seconds beyond which rows are missing; None if there is no bound.
        notes: Takes what is not known of the promise of the alarms, each sentence once; None to leave it out.

    Returns:
        The results, in the order of the monitors; ``unknown`` where too few rows came.

    Raises:
        InputError: If the window was counted with another contract or in other bins, or a number is out of range.
    """
    check_promise(alpha, smallest_effect)
    for window in (counts, *history):
        if window.contract != profile.contract:
            raise InputError(
                "a window must be counted with the contract of the profile that it is compared with; it is counted "
                "with another version of it: monitor with the bundle that answered."
            )
    # The matrices are too small to share among threads, which would wait for one another.
    with threadpool_limits(1, user_api="blas"):
        known = know_variation(profile, history, _length(counts) if seconds is None else seconds)
        tests = list(_tests(profile, counts, known, smallest_effect))
    decided = decide(tests, alpha=alpha)
    if notes is not None:
        noted = (test.note for test, one in zip(tests, decided, strict=True) if test.note and one.status != "ok")
        notes.extend(dict.fromkeys(noted))
    results = [*decided, describe_requests(counts), *_unknown(profile, counts, tests)]
    if end is not None:
        results.append(describe_freshness(counts, end, largest_age=largest_age))
    return tuple(results)


def _tests(
    profile: ReferenceProfile, counts: WindowCounts, known: KnownVariation, smallest: float
) -> Iterator[MonitorTest]:
    yield from check_violations(counts)
    if counts.inputs.rows >= FEWEST_ROWS:
        yield from _input_tests(profile, counts, known, smallest)
        yield check_repeats(counts, profile.repeats)
        joint = check_joint(profile.joint, counts, variation=known.variation, smallest=smallest, note=known.sentence)
        if joint is not None:
            yield joint
    if counts.prediction.rows >= FEWEST_ROWS:
        predictions = check_predictions(
            profile.outputs, counts, variation=known.variation, smallest=smallest, note=known.sentence
        )
        if predictions is not None:
            yield predictions


def _input_tests(
    profile: ReferenceProfile, counts: WindowCounts, known: KnownVariation, smallest: float
) -> Iterator[MonitorTest]:
    reference = profile.counts()
    before = {column.bins.name: column for column in reference.columns}
    now = {column.bins.name: column for column in counts.inputs.columns}
    for test in compare_inputs(reference, counts.inputs, variation=known.variation):
        first, second = before[test.column], now[test.column]
        if test.aspect == "distribution":
            drift = check_input(test, first, second, smallest=smallest, note=known.sentence)
            yield check_constant(first, second) or drift
        else:
            yield check_share(test, first, second, smallest)


def _unknown(profile: ReferenceProfile, counts: WindowCounts, tests: Sequence[MonitorTest]) -> Iterator[MonitorResult]:
    """Yield a result for each monitor that should have one and has none, and why."""
    tested = {test.monitor for test in tests}
    if not counts.logged:
        yield MonitorResult("contract_violations", "", "unknown", "No row came in this window.", rows=0)
    for monitor in (*_shares(profile, counts), *_DRIFT, "duplicate_rows"):
        if monitor in tested:
            continue
        rows = counts.prediction.rows if monitor == "prediction_drift" else counts.inputs.rows
        if rows >= FEWEST_ROWS:
            reason = "The model has fewer than two inputs." if monitor == "joint_drift" else "There is no reference."
        else:
            kind = "prediction" if monitor == "prediction_drift" else "valid row"
            known = "" if monitor == "prediction_drift" else " with known inputs"
            reason = (
                f"The window has {describe_count(rows, kind)}{known}; at least {FEWEST_ROWS} are needed to test "
                "anything."
            )
        yield MonitorResult(monitor, "", "unknown", reason, rows=rows)


def _shares(profile: ReferenceProfile, counts: WindowCounts) -> Iterator[str]:
    """Yield the monitors of shares whose result nobody can know; with enough rows, none means that no row has one."""
    if counts.inputs.rows < FEWEST_ROWS:
        yield "missing"
        if any(column.bins.categories for column in profile.counts().columns):
            yield "unseen_categories"


def _length(counts: WindowCounts) -> float:
    if counts.first is None or counts.last is None:
        return float(DAY)
    return max(1.0, (counts.last - counts.first).total_seconds())
