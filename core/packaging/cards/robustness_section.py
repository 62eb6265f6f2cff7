"""The risk sheet's section on robustness."""

from headrace.core.evaluation.evaluation_document import BundleMetrics
from headrace.core.packaging.cards.phrases import code, interval, paragraphs, table, text
from headrace.core.robustness.input_guard import GuardDocument
from headrace.core.robustness.robustness_document import Robustness, SmallChanges
from headrace.core.statistics.measures import Interval
from headrace.core.statistics.metric_names import MAIN

_MOST = 5
_BAR = 20


def describe_robustness(metrics: BundleMetrics) -> str:
    """Write what small changes, noise, missing inputs and wrong units do to the decisions, as Markdown.

    Args:
        metrics: What was measured of the model.
    """
    measured = metrics.robustness
    if measured is None:
        return "*Missing: it was not measured. Run the pipeline with --robustness quick.*"
    return paragraphs(
        _list_flips(measured.small_changes),
        _list_columns(measured.small_changes),
        _list_noise(measured, MAIN[metrics.task]),
        _list_missing(measured),
        _list_units(measured),
        f"{measured.left_out} inputs were not examined one by one, because there are too many."
        if measured.left_out
        else "",
    )


def describe_guard(guard: GuardDocument | None) -> str:
    """Write what the guard of the inputs finds, and how often it is wrong, as Markdown.

    Args:
        guard: The guard; None for a bundle without one.
    """
    if guard is None:
        return "There is no guard against rows that are unlike the training rows."
    return (
        f"A guard finds rows whose {len(guard.columns)} numbers together are unlike the {guard.rows:,} training rows, "
        "and the endpoint warns of them or refuses them. It was made to be wrong for "
        f"{guard.wanted_false_alarms:.2%} of usual rows; of {guard.test_rows:,} test rows it found "
        f"{_percent(guard.false_alarms)}."
    )


def _list_flips(found: SmallChanges | None) -> str:
    if found is None:
        return "No client controls a column of numbers that varies: no small change was searched."
    what = (
        "changes the decision"
        if found.amount is None
        else f"moves the prediction by more than {text(found.amount)}, half a standard deviation of the target,"
    )
    half = (
        f"Half of the rows are flipped by a change of {found.median_change:.1%} of each range."
        if found.median_change is not None
        else "Fewer than half of the rows are flipped by any change that was tried."
    )
    rows = [(f"{flip.within:.0%}", _percent(flip.share), _draw(flip.share.value)) for flip in found.flips]
    return paragraphs(
        f"**Small changes.** A client who may change all {len(found.columns)} columns of numbers at once, inside the "
        f"contract's bounds and by at most this share of each column's range, {what} for this share of {found.rows} "
        f"test rows ({found.method}; a smaller change than the one found may exist):",
        table(("change", "rows (95 % interval)", ""), rows),
        half,
    )


def _list_columns(found: SmallChanges | None) -> str:
    if found is None or not (found.weakest or found.categories):
        return ""
    rows = [
        (
            code(one.column),
            "another value" if one.within_tenth is None else f"{one.within_tenth:.1%}",
            f"{one.at_all:.1%}",
            _draw(one.at_all),
        )
        for one in (*found.weakest[:_MOST], *found.categories[:_MOST])
    ]
    return paragraphs(
        "One column alone flips this share of the rows, by a change of a tenth of its range or by any:",
        table(("column", "a tenth", "any", ""), rows),
    )


def _list_noise(measured: Robustness, main: str) -> str:
    if not measured.noise:
        return ""
    metric = main if all(main in point.metrics for point in measured.noise) else measured.metric
    rows = [
        (f"{point.level:.0%}" if point.level else "none", interval(point.metrics[metric]))
        for point in measured.noise
        if metric in point.metrics
    ]
    return paragraphs(
        f"**Noise** in every column of numbers, its standard deviation as a share of the column's range "
        f"({measured.rows} test rows):",
        table(("noise", metric), rows),
    )


def _list_missing(measured: Robustness) -> str:
    singles = [one for one in measured.missing if len(one.columns) == 1][:_MOST]
    pairs = [one for one in measured.missing if len(one.columns) > 1][:2]
    rows = [
        (
            " and ".join(map(code, one.columns)),
            interval(one.worse_by),
            f"{one.flipped:.1%}",
            "refused" if one.refused else "accepted",
        )
        for one in (*singles, *pairs)
    ]
    return paragraphs(
        f"**Missing inputs**: how much worse {measured.metric} is, how many decisions change, and whether the endpoint "
        "accepts such a row:",
        table(("missing", f"{measured.metric} worse by", "decisions", "the row is"), rows),
    )


def _list_units(measured: Robustness) -> str:
    if not measured.wrong_units:
        return "**Wrong units**: none that were tried changes a decision unnoticed."
    rows = [
        (code(one.column), one.fault, f"{one.refused:.1%}", f"{one.unnoticed:.1%}", _draw(one.unnoticed))
        for one in measured.wrong_units[:_MOST]
    ]
    return paragraphs(
        "**Wrong units** of one column: rows that the contract refuses, and rows that it accepts and whose decision "
        "changes:",
        table(("column", "values", "refused", "unnoticed", ""), rows),
    )


def _percent(share: Interval) -> str:
    return f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"


def _draw(share: float) -> str:
    """Draw a share as a bar of blocks."""
    full = round(share * _BAR)
    return "█" * full + "░" * (_BAR - full)
