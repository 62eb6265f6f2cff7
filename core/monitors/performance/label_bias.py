"""Whether the rows whose labels have come are like the others, and what the metrics are if they are not."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headrace.core.drift.input_counts import ColumnCounts, InputCounts
from headrace.core.drift.input_drift import find_drift
from headrace.core.drift.output_profile import OutputProfile
from headrace.core.monitors.performance.metric_texts import name_within
from headrace.core.monitors.performance.performance_reference import PerformancePlan
from headrace.core.monitors.performance.predicted_rows import PredictedRows
from headrace.core.monitors.reports.monitor_report import MonitorResult
from headrace.core.statistics.intervals import TAIL
from headrace.core.statistics.metric_names import MAIN
from headrace.core.statistics.weighted_metrics import EvaluatedRows, metric_function

MONITOR = "label_bias"
PREDICTION = "the prediction"
FEWEST_ROWS = 30
_RESAMPLES = 400
_MOST_ROWS = 20_000
_MOST_NAMED = 3

Floats = NDArray[np.float64]


def label_bias(
    profile: OutputProfile,
    outcome: EvaluatedRows,
    unlabelled: PredictedRows,
    inputs: tuple[InputCounts, InputCounts] | None,
    plan: PerformancePlan,
) -> Iterator[MonitorResult]:
    """Compare the labelled rows with the others, by their predictions and inputs.

    If they differ, the sentence names the main metric that the labelled rows would have with the predictions of all
    rows: each gets the weight by which its bin of the predicted score is too rare among them (post-stratification,
    Holt and Smith 1979). It corrects what the score shows, and nothing else.

    Args:
        profile: Predictions of the test part, whose bins are used.
        outcome: Predictions for the n labelled rows, with the actual values.
        unlabelled: Predictions for the m others.
        inputs: Counts of the inputs of both; None to compare predictions only.
        plan: Chance of a false alarm, and the seed.

    Yields:
        One result; ``violated`` if they differ beyond chance by an effect that matters.
    """
    fewest = min(len(outcome), len(unlabelled))
    if fewest < FEWEST_ROWS:
        rows = len(outcome) + len(unlabelled)
        if len(unlabelled):
            sentence = (
                f"Whether labelled rows are like the others is unknown: there are {len(outcome):,} with and "
                f"{len(unlabelled):,} without a label, and {FEWEST_ROWS} of each are the fewest."
            )
            yield MonitorResult(MONITOR, "", "unknown", sentence, rows=rows)
        elif rows:
            yield MonitorResult(MONITOR, "", "ok", "Every row has its label.", rows=rows)
        else:
            sentence = "Whether labelled rows are like the others is unknown: there are neither."
            yield MonitorResult(MONITOR, "", "unknown", sentence, rows=rows)
        return
    bins = replace(ColumnCounts.of_record(profile.prediction).bins, name=PREDICTION)
    sides = [ColumnCounts.of(PredictedRows.of(outcome).scores, bins), ColumnCounts.of(unlabelled.scores, bins)]
    labelled, others = (
        InputCounts((side, *(inputs[place].columns if inputs else ())), side.rows) for place, side in enumerate(sides)
    )
    found = find_drift(others, labelled, alpha=plan.alpha)
    drifted = [one for one in found if one.drifted]
    worst = max(drifted or found, key=lambda one: one.effect)
    if drifted:
        names = ", ".join(dict.fromkeys(one.column for one in drifted[:_MOST_NAMED]))
        sentence = f"Rows with labels differ from those without in {names}: the measured metrics are of the former only"
        sentence += f"; {_reweigh(outcome, sides, plan)}"
    else:
        sentence = f"{len(outcome):,} rows with labels are like the {len(unlabelled):,} without"
    yield MonitorResult(
        MONITOR,
        "",
        "violated" if drifted else "ok",
        f"{sentence}.",
        value=worst.effect,
        p_value=min(one.adjusted_p_value for one in found),
        rows=len(outcome) + len(unlabelled),
    )


def _reweigh(outcome: EvaluatedRows, sides: list[ColumnCounts], plan: PerformancePlan) -> str:
    """Return what the main metric is with the predictions of all rows."""
    labelled, others = sides
    total = labelled.counts + others.counts
    lost = float(total[labelled.counts == 0].sum() / total.sum())
    ratios = np.divide(total, labelled.counts, out=np.zeros(len(total)), where=labelled.counts > 0)
    positions = np.searchsorted(np.array(labelled.bins.edges), PredictedRows.of(outcome).scores)
    name = MAIN[outcome.task]
    rng = np.random.default_rng(plan.seed)
    chosen = np.arange(len(outcome))
    if len(outcome) > _MOST_ROWS:
        chosen = np.sort(rng.choice(len(outcome), _MOST_ROWS, replace=False))
    weights = ratios[positions[chosen]]
    compute = metric_function(outcome.take(chosen))
    value = float(compute(weights[None, :])[name][0])
    if not np.isfinite(value):
        return f"with the predictions of all rows, {name_within(name)} is not defined"
    draws: list[Floats] = [
        compute(rng.standard_exponential((1, len(chosen))) * weights)[name] for _ in range(_RESAMPLES)
    ]
    values = np.concatenate(draws)
    # Of a part of the rows the spread is larger than that of all of them.
    centre, shrink = float(np.nanmean(values)), float(np.sqrt(len(chosen) / len(outcome)))
    low, high = value + (np.nanquantile(values, [TAIL, 1 - TAIL]) - centre) * shrink
    text = f"{name_within(name)} with the predictions of all rows is {value:.4g} ({low:.4g} to {high:.4g})"
    return text + (f", where {lost:.1%} of the rows have a prediction that no labelled row has" if lost else "")
