"""What is said beside an interval."""

import numpy as np

from headrace.core.evaluation.interval_limits import find_cautions
from headrace.core.splits.clusters import RowClusters, by_row
from headrace.core.statistics.weighted_metrics import EvaluatedRows, compute_metrics


def told(outcome: EvaluatedRows, clusters: RowClusters | None = None) -> dict[str, list[str]]:
    """The metrics of each caution, by its first words."""
    classes = () if outcome.probabilities is None else [f"c{i}" for i in range(outcome.probabilities.shape[1])]
    found = find_cautions(
        outcome, clusters=clusters or by_row(len(outcome)), classes=classes, metrics=sorted(compute_metrics(outcome))
    )
    assert all(caution.text.endswith(".") for caution in found)
    return {" ".join(caution.text.split()[:3]): list(caution.metrics) for caution in found}


def classes(*counts: int) -> EvaluatedRows:
    """So many rows of each class, with probabilities that know nothing."""
    actual = np.repeat(np.arange(len(counts)), counts)
    probabilities = np.random.default_rng(0).dirichlet(np.full(len(counts), 5.0), len(actual))
    task = "binary" if len(counts) == 2 else "multiclass"
    return EvaluatedRows(task, actual, probabilities, probabilities.argmax(axis=1))


def test_where_enough_rows_are_known_nothing_is_said() -> None:
    """A caution that always comes is read by nobody."""
    assert told(classes(40, 40)) == {}
    assert told(classes(40, 40, 40)) == {}


def test_few_rows_of_a_class_are_told_with_what_rests_on_them() -> None:
    """Four positive rows say little of recall, and nothing is wrong with accuracy."""
    assert told(classes(60, 4)) == {"Fewer than 5": ["f1", "pr_auc", "precision", "recall", "roc_auc"]}
    assert told(classes(4, 60)) == {"Fewer than 5": ["f1", "pr_auc", "precision", "roc_auc"]}
    assert "Fewer than 5" in told(classes(40, 40, 3))


def test_few_rows_are_counted_by_cluster() -> None:
    """Twenty positive rows of two persons are two."""
    by = RowClusters("group", np.concatenate([np.arange(40), np.repeat([40, 41], 10)]), 42)
    assert told(classes(40, 20)) == {}
    assert list(told(classes(40, 20), by)) == ["Fewer than 5"]


def test_few_clusters_concern_every_metric() -> None:
    """Nine groups hardly tell how groups vary."""
    outcome = classes(45, 45)
    assert told(outcome, RowClusters("group", np.arange(90) % 10, 10)) == {}
    assert told(outcome, RowClusters("group", np.arange(90) % 9, 9)) == {
        "The rows are": sorted(compute_metrics(outcome))
    }


def test_average_precision_of_many_small_classes_is_told() -> None:
    """It comes out too high, in all of them."""
    assert told(classes(60, 60, 12)) == {"Some classes have": ["pr_auc"]}


def test_one_error_that_makes_up_the_spread_is_told() -> None:
    """Its metric alone: the mean of absolute errors still knows its spread."""
    errors = np.append(np.random.default_rng(0).normal(size=200), 12.0)
    assert told(EvaluatedRows("regression", np.zeros(201), values=errors)) == {"One row weighs": ["r2", "rmse"]}
    assert told(EvaluatedRows("regression", np.zeros(200), values=errors[:200])) == {}
