"""Cautions beside intervals: few clusters, few rows of a class, one row that makes up the losses."""

from collections.abc import Iterator, Sequence

import numpy as np

from headrace.core.base.errors import quote
from headrace.core.evaluation.evaluation_document import IntervalCaution
from headrace.core.splits.clusters import RowClusters
from headrace.core.statistics.sample_sizes import FEWEST_CLUSTERS, FEWEST_OF_A_CLASS
from headrace.core.statistics.weighted_metrics import EvaluatedRows, losses

_OF_POSITIVES = ("recall", "precision", "f1", "roc_auc", "pr_auc")
_OF_NEGATIVES = ("precision", "f1", "roc_auc", "pr_auc")
_MOST_NAMED = 3

# Average precision of few rows is biased upward (Boyd, Eng and Page 2013, Area Under the Precision-Recall Curve);
# a mean over many classes has the same error and a short interval.
_FEWEST_FOR_PRECISION = 30

# The variance of a mean is estimated from squares. Where one row has this share of all squares, the estimate is
# worthless; where the variance is infinite, more rows do not help (Embrechts, Klüppelberg and Mikosch 1997, 6.2.6).
_LARGEST_SHARE = 0.5

Cautions = Iterator[tuple[Sequence[str], str]]


def find_cautions(
    outcome: EvaluatedRows, *, clusters: RowClusters, classes: Sequence[str], metrics: Sequence[str]
) -> tuple[IntervalCaution, ...]:
    """Return the cautions about the intervals of some predictions.

    Args:
        outcome: Predictions for n rows, and their actual values.
        clusters: Clusters of rows that were sampled together.
        classes: Names of the classes; empty for a regression.
        metrics: Names of the metrics that have an interval.

    Returns:
        The cautions, each with the names of the metrics concerned.
    """
    candidates = [
        *_few_clusters(clusters, metrics),
        *_few_of_a_class(outcome, clusters, classes),
        *_precision(outcome),
        *_one_row(outcome),
        *_promise(outcome, clusters),
    ]
    concerned = [(tuple(name for name in metrics if name in about), text) for about, text in candidates]
    return tuple(IntervalCaution(about, text) for about, text in concerned if about)


def _few_clusters(clusters: RowClusters, metrics: Sequence[str]) -> Cautions:
    if clusters.by != "row" and clusters.count < FEWEST_CLUSTERS:
        text = f"The rows are {clusters.label}: with fewer than {FEWEST_CLUSTERS} intervals are rough, often too short."
        yield metrics, text


def _few_of_a_class(outcome: EvaluatedRows, clusters: RowClusters, classes: Sequence[str]) -> Cautions:
    if not classes:
        return
    pairs = np.unique(np.stack([np.asarray(outcome.actual, dtype=np.int64), clusters.codes]), axis=1)
    counts = np.bincount(pairs[0], minlength=len(classes))
    few = [place for place, count in enumerate(counts) if 0 < count < FEWEST_OF_A_CLASS]
    if not few:
        return
    named = quote([classes[place] for place in few[:_MOST_NAMED]])
    more = f" and {len(few) - _MOST_NAMED} more classes" if len(few) > _MOST_NAMED else ""
    about = _OF_POSITIVES if outcome.task != "binary" or outcome.positive in few else _OF_NEGATIVES
    text = f"Fewer than {FEWEST_OF_A_CLASS} {clusters.plural} hold {named}{more}"
    text = text if clusters.by != "row" else f"Fewer than {FEWEST_OF_A_CLASS} rows are of {named}{more}"
    yield about, f"{text}: these metrics rest on them, and their intervals may be off."


def _precision(outcome: EvaluatedRows) -> Cautions:
    if outcome.task != "multiclass":
        return
    counts = np.bincount(np.asarray(outcome.actual, dtype=np.int64))
    if 0 < counts[counts > 0].min() < _FEWEST_FOR_PRECISION:
        text = f"Some classes have fewer than {_FEWEST_FOR_PRECISION} rows: their average precision comes out too high."
        yield ("pr_auc",), text


def _promise(outcome: EvaluatedRows, clusters: RowClusters) -> Cautions:
    """Say where the promise of prediction intervals does not reach."""
    if outcome.lower is None or clusters.by == "row":
        return
    what = "later rows, if the data change with time" if clusters.by == "time" else "the rows of a single new group"
    yield ("interval_coverage",), f"The coverage of intervals is promised on average over new rows, not for {what}."


def _one_row(outcome: EvaluatedRows) -> Cautions:
    squares = np.square(losses(outcome)[:, :2])
    names = (("log_loss",), ("brier",)) if outcome.values is None else (("mae",), ("rmse", "r2"))
    totals = squares.sum(axis=0)
    shares = np.divide(squares.max(axis=0), totals, out=np.zeros(2), where=totals > 0)
    about = [name for share, some in zip(shares, names, strict=True) for name in some if share > _LARGEST_SHARE]
    if about:
        yield about, "One row weighs more than all others together: with such losses an interval may be far too short."
