"""Comparison of two models by the decisions that small changes of the same rows flip."""

from dataclasses import replace
from math import sqrt
from statistics import NormalDist

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from headrace.core.models.fitted_model import Model
from headrace.core.robustness.decisions import DecisionModel
from headrace.core.robustness.measure import RobustnessPlan, examine
from headrace.core.robustness.robustness_document import GATE_CHANGE, FlipComparison, Robustness
from headrace.core.robustness.small_changes import find_flips
from headrace.core.statistics.measures import Interval

_Z = NormalDist().inv_cdf(0.975)


def compare_flips(
    ours: Model, theirs: Model, rows: pl.DataFrame, *, measured: Robustness, seed: int
) -> FlipComparison | None:
    """Compare two models on a sample of the test rows.

    Args:
        ours: The candidate, with its threshold.
        theirs: The champion.
        rows: Typed test rows (n) with the target.
        measured: What was measured of the candidate, whose ranges both are measured by.
        seed: Seed of the sample.

    Returns:
        The comparison; None where no column of numbers is an input of both.
    """
    found = measured.small_changes
    if found is None:
        return None
    shared = {column.name for column in theirs.contract.inputs}
    shared &= set(found.columns) & set(measured.ranges)
    columns = tuple(column for column in ours.contract.inputs if column.name in shared)
    if not columns:
        return None
    plan = RobustnessPlan(measured.extent, measured.ranges, found.amount or 0.0, seed)
    flips = []
    with threadpool_limits(1):
        for model in (ours, theirs):
            examined = examine(DecisionModel(model, plan.amount), rows, columns, plan, count=found.rows)
            flips.append(find_flips(replace(examined, others=()), GATE_CHANGE))
    return FlipComparison(
        rows=len(flips[0]),
        within=GATE_CHANGE,
        candidate=float(flips[0].mean()),
        champion=float(flips[1].mean()),
        difference=_paired_difference(
            int(np.sum(flips[0] & ~flips[1])), int(np.sum(flips[1] & ~flips[0])), len(flips[0])
        ),
    )


def _paired_difference(only_ours: int, only_theirs: int, rows: int) -> Interval:
    """Return the difference of two shares of the same rows.

    Its interval is that of Agresti and Min (2005, Statistics in Medicine 24), with half a row more of each kind.
    """
    centre = (only_ours - only_theirs) / (rows + 2)
    spread = sqrt(only_ours + only_theirs + 1 - (only_ours - only_theirs) ** 2 / (rows + 2)) / (rows + 2)
    value = (only_ours - only_theirs) / rows
    return Interval(value, max(-1.0, min(value, centre - _Z * spread)), min(1.0, max(value, centre + _Z * spread)))
