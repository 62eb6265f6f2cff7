"""Monitors of broken data: rules of the contract, missing values, unseen categories, repeats, age of the newest row."""

from collections.abc import Iterator
from datetime import datetime

import numpy as np
from scipy.stats import binom

from headrace.core.base.quantities import describe_count
from headrace.core.drift.input_counts import ColumnCounts
from headrace.core.drift.input_drift import InputComparison
from headrace.core.drift.row_repeats import RowRepeats
from headrace.core.monitors.data.change_sentences import describe_duration, percent
from headrace.core.monitors.data.monitor_tests import MonitorTest
from headrace.core.monitors.data.window_counts import ViolationCount, WindowCounts
from headrace.core.monitors.reports.monitor_report import MonitorResult

MOST_VIOLATIONS = 0.01
"""Share of rows that may break a rule before the window counts as broken."""
MOST_REPEATS = 0.05
"""Share of rows, beyond what chance explains, that may repeat another one."""
FAR_MORE_MISSING = 0.2
"""Change of the share of missing values from which the data are broken, not changed."""
QUARANTINED_SHARE = "quarantined_share"


def check_violations(counts: WindowCounts) -> Iterator[MonitorTest]:
    """Test whether more rows break a rule than may, for each broken rule and for all that refuse a row together.

    A rule that stops a run is broken by a single row.

    Args:
        counts: The window.
    """
    rows = counts.logged
    for count in counts.violations:
        share, bound = count.rows / rows, 0.0 if count.severity == "stop" else MOST_VIOLATIONS
        # By chance, no row breaks a rule that stops a run.
        p_value = float(binom.sf(count.rows - 1, rows, bound)) if bound else 0.0
        sentence = f"{_describe_violation(count, rows)}; at most {percent(bound)} may"
        yield MonitorTest(
            "contract_violations",
            f"{count.rule}: {count.column}",
            p_value,
            share > bound,
            "violated" if count.severity == "warn" else "data_fault",
            f"{sentence}.",
            f"{sentence}, which this does not exceed beyond chance.",
            share,
            bound=bound,
            rows=rows,
        )
    if rows:
        share, bound = counts.refused / rows, counts.largest_refused
        p_value = float(binom.sf(counts.refused - 1, rows, bound)) if bound else float(not counts.refused)
        sentence = (
            f"{percent(share)} of {describe_count(rows, 'row')} break a rule that refuses them; the contract allows "
            f"{percent(bound)}"
        )
        yield MonitorTest(
            "contract_violations",
            QUARANTINED_SHARE,
            p_value,
            share > bound,
            "data_fault",
            f"{sentence}.",
            f"{sentence}.",
            share,
            bound=bound,
            rows=rows,
        )


def check_share(test: InputComparison, reference: ColumnCounts, window: ColumnCounts, smallest: float) -> MonitorTest:
    """Return the test of a column's missing values, or of its categories that are not in the contract.

    Args:
        test: The comparison of this aspect.
        reference: Counts of the reference.
        window: Counts of the window.
        smallest: Least change that matters, 0 to 1.
    """
    missing = test.aspect == "missing"
    before, now = (_share(column, missing=missing) for column in (reference, window))
    what = "without a value" if missing else "with a category that the contract does not list"
    change = f"{percent(now)} of {window.rows:,} rows are {what} in {test.column!r}, {percent(before)} in training"
    everything = missing and window.missing == window.rows
    broken = now > before and (everything or now - before >= FAR_MORE_MISSING)
    return MonitorTest(
        "missing" if missing else "unseen_categories",
        test.column,
        test.comparison.p_value,
        test.comparison.effect >= smallest,
        "data_fault" if broken else "violated",
        f"{test.column!r} has no value in any of {window.rows:,} rows." if everything else f"{change}.",
        f"{change}; that is chance, or too little to matter.",
        now,
        reference=before,
        bound=before + smallest,
        rows=window.rows,
    )


def check_constant(reference: ColumnCounts, window: ColumnCounts) -> MonitorTest | None:
    """Test whether a number that varied in training has a single value; None if it has not.

    The test is exact for independent rows: all of them fall into one bin with the power of its share.

    Args:
        reference: Counts of the reference.
        window: Counts of the window.
    """
    rows = int(window.counts.sum())
    if reference.bins.categories or rows < 2 or np.count_nonzero(window.counts) > 1:
        return None
    place = int(np.argmax(window.counts))
    before = int(reference.counts.sum())
    share = (int(reference.counts[place]) + 1) / (before + 1)
    sentence = (
        f"{window.bins.name!r} stands still: all {rows} values lie in one bin, which held {percent(share)} in training"
    )
    return MonitorTest(
        "input_drift",
        window.bins.name,
        min(1.0, share**rows),
        share < 1 - MOST_VIOLATIONS,
        "data_fault",
        f"{sentence}; look at what measures it.",
        f"{sentence}.",
        1 - share,
        bound=None,
        rows=rows,
    )


def check_repeats(counts: WindowCounts, repeats: RowRepeats) -> MonitorTest:
    """Test whether more rows repeat one another than chance explains.

    Args:
        counts: The window, with rows.
        repeats: How often rows of the training part repeat one another.
    """
    rows, found, expected = counts.inputs.rows, counts.repeated_rows, counts.expected_repeats
    sentence = (
        f"{found:,} of {rows:,} rows repeat an earlier one in all inputs; by chance about {expected:.3g} would, as "
        "rows of the training part do"
    )
    return MonitorTest(
        "duplicate_rows",
        "",
        repeats.tail_probability(found, expected, rows),
        (found - expected) / rows >= MOST_REPEATS,
        "data_fault",
        f"{sentence}; look at whether a source sends rows twice.",
        f"{sentence}.",
        found / rows,
        reference=expected / rows,
        bound=min(1.0, expected / rows + MOST_REPEATS),
        rows=rows,
    )


def describe_requests(counts: WindowCounts) -> MonitorResult:
    """Say how many requests were stored again; no test, for it is no matter of chance.

    Args:
        counts: The window.
    """
    total = counts.requests + counts.repeated_requests
    if not total:
        return MonitorResult("duplicate_requests", "", "unknown", "No request came in this window.", rows=0)
    share = counts.repeated_requests / total
    return MonitorResult(
        "duplicate_requests",
        "",
        "data_fault" if share > MOST_VIOLATIONS else "ok",
        f"{counts.repeated_requests:,} of {describe_count(total, 'stored request')} repeat the id of an earlier "
        f"one; at most {percent(MOST_VIOLATIONS)} may.",
        value=share,
        bound=MOST_VIOLATIONS,
        rows=total,
    )


def describe_freshness(counts: WindowCounts, end: datetime, *, largest_age: float | None = None) -> MonitorResult:
    """Say how old the newest row is.

    Args:
        counts: The window.
        end: The moment at which it is asked, such as the window's end.
        largest_age: Age in seconds beyond which rows are missing; None if there is no bound.
    """
    if counts.last is None:
        return MonitorResult("freshness", "", "unknown", "No row came in this window.", bound=largest_age, rows=0)
    age = (end - counts.last).total_seconds()
    if age < 0:
        return MonitorResult(
            "freshness",
            "",
            "data_fault",
            f"The newest row is {describe_duration(-age)} in the future: a clock is wrong.",
            value=age,
            bound=largest_age,
            rows=counts.rows,
        )
    late = largest_age is not None and age > largest_age
    bound = "" if largest_age is None else f"; at most {describe_duration(largest_age)} is allowed"
    return MonitorResult(
        "freshness",
        "",
        "violated" if late else "ok",
        f"The newest row is {describe_duration(age)} old{bound}.",
        value=age,
        bound=largest_age,
        rows=counts.rows,
    )


def _describe_violation(count: ViolationCount, rows: int) -> str:
    broken = f"{count.rows:,} of {describe_count(rows, 'row')}"
    if count.rule == "columns":
        return f"the column {count.column!r} is absent from {broken}"
    if count.rule == "unknown_columns":
        return f"the column {count.column!r}, which is not in the contract, is in {broken}"
    share = percent(count.rows / rows)
    return (
        f"{count.rows:,} of {describe_count(rows, 'row')} ({share}) break the rule {count.rule!r} in {count.column!r}"
    )


def _share(column: ColumnCounts, *, missing: bool) -> float:
    part = column.missing if missing else int(column.counts[-1])
    return part / max(column.rows, 1)
