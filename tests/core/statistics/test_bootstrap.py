"""Bootstrap intervals."""

import numpy as np
import pytest

from headrace.core.contracts.contract import Task
from headrace.core.splits.clusters import RowClusters
from headrace.core.statistics import bootstrap
from headrace.core.statistics.intervals import bounds
from headrace.core.statistics.weighted_metrics import EvaluatedRows, compute_metrics


def random_labels(seed: int, rows: int) -> EvaluatedRows:
    """Scores that know nothing of the class."""
    draw = np.random.default_rng(seed)
    scores = draw.random(rows)
    probabilities = np.stack([1 - scores, scores], axis=1)
    return EvaluatedRows("binary", draw.integers(0, 2, rows), probabilities, (scores > 0.5).astype(int))


def test_intervals_of_random_labels_hold_one_half_about_95_times_in_100() -> None:
    """The coverage is what it says, within what 200 draws can tell."""
    held = 0
    for seed in range(200):
        outcome = random_labels(seed, 150)
        found = bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=seed, resamples=400))["roc_auc"]
        held += found.low <= 0.5 <= found.high
    assert 180 <= held <= 198


def test_same_seed_gives_the_same_interval() -> None:
    """Intervals stand in a bundle whose digest must be repeatable."""
    outcome = random_labels(1, 100)
    first, second = (bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=4)) for _ in range(2))
    assert first == second


def test_an_interval_shrinks_with_the_square_root_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where only a part of the rows is resampled: the shrunk interval is that of all rows."""
    outcome = random_labels(2, 4000)
    full = bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=0))["roc_auc"]
    monkeypatch.setattr(bootstrap, "MOST_ROWS", 1000)
    part = bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=0))["roc_auc"]
    assert part.value == full.value
    assert part.high - part.low == pytest.approx(full.high - full.low, rel=0.15)


def test_a_metric_that_no_resample_defines_is_left_out() -> None:
    """An area needs both classes; the other metrics stay."""
    actual = np.zeros(4, dtype=int)
    outcome = EvaluatedRows("binary", actual, np.full((4, 2), 0.5), actual)
    found = bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=0))
    assert "roc_auc" not in found
    assert "accuracy" in found


def test_rare_classes_do_not_take_the_interval_away() -> None:
    """A class with one row has a weight in every resample."""
    draw = np.random.default_rng(0)
    actual = np.concatenate([np.arange(12), draw.integers(0, 3, 60)])
    probabilities = draw.dirichlet(np.ones(12), len(actual))
    outcome = EvaluatedRows("multiclass", actual, probabilities, probabilities.argmax(axis=1))
    found = bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=0))
    assert found["roc_auc"].low < found["roc_auc"].value < found["roc_auc"].high


def test_blocks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many weights fit into memory at once is no part of the result."""
    outcome = random_labels(3, 50)
    whole = bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=0))
    monkeypatch.setattr(bootstrap, "_WEIGHTS_AT_A_TIME", 700)
    assert bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=0)) == whole


def separated(seed: int, rows: int, *, positives: int, distance: float) -> EvaluatedRows:
    """Scores from two normal distributions, as probabilities that are right."""
    draw = np.random.default_rng(seed)
    actual = np.arange(rows) < positives
    scores = draw.normal(size=rows) + distance * actual
    odds = np.exp(distance * scores - distance**2 / 2) * positives / (rows - positives)
    ours = odds / (1 + odds)
    return EvaluatedRows("binary", actual.astype(int), np.stack([1 - ours, ours], axis=1), (ours >= 0.5).astype(int))


@pytest.mark.parametrize(("rows", "positives"), [(12, 6), (60, 5)])
@pytest.mark.parametrize("distance", [1.0, 3.0])
def test_intervals_of_few_rows_hold_the_truth(rows: int, positives: int, distance: float) -> None:
    """Also where nearly all of them are right: a plain percentile interval of 12 rows holds the area in 34 of 100."""
    truth = compute_metrics(separated(0, 200_000, positives=200_000 * positives // rows, distance=distance))
    held = dict.fromkeys(truth, 0)
    for seed in range(100):
        outcome = separated(seed, rows, positives=positives, distance=distance)
        found = bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=seed, resamples=400))
        for name, value in truth.items():
            # The precision of a model that predicts nothing positive is not defined, and claims nothing.
            held[name] += name not in found or found[name].low <= value <= found[name].high
    assert min(held.values()) >= 88, held


@pytest.mark.parametrize(("rows", "least"), [(12, 86), (40, 88), (400, 88)])
def test_intervals_of_errors_hold_the_truth(rows: int, least: int) -> None:
    """Errors of a normal distribution with deviation 1, of a target with deviation 2."""
    truth = {"mae": np.sqrt(2 / np.pi), "rmse": 1.0, "r2": 0.75}
    held = dict.fromkeys(truth, 0)
    for seed in range(100):
        draw = np.random.default_rng(seed)
        values = np.sqrt(3) * draw.normal(size=rows)
        outcome = EvaluatedRows("regression", values + draw.normal(size=rows), values=values)
        found = bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=seed, resamples=400))
        for name, value in truth.items():
            held[name] += found[name].low <= value <= found[name].high
    assert min(held.values()) >= least, held


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("clustered", [False, True])
def test_an_interval_holds_its_value_and_stays_where_the_metric_can_be(kind: Task, clustered: bool) -> None:
    """Also of a perfect model, which two wrong rows more would show to be less than that."""
    draw = np.random.default_rng(0)
    if kind == "regression":
        actual = draw.normal(size=24)
        outcome = EvaluatedRows(kind, actual, values=actual)
    else:
        actual = np.arange(24) % (2 if kind == "binary" else 4)
        outcome = EvaluatedRows(kind, actual, np.eye(actual.max() + 1)[actual], actual)
    by = RowClusters("group", np.arange(24) // 2, 12) if clustered else None
    found = bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=0, clusters=by))
    for name, interval in found.items():
        least, most = bounds(name, classes=4 if kind == "multiclass" else 2)
        assert least <= interval.low <= interval.value <= interval.high <= most
        if name in {"accuracy", "recall", "precision", "f1", "roc_auc", "pr_auc"}:
            assert 0.5 < interval.low < interval.value == 1.0


def grouped(seed: int, groups: int, *, same: float) -> tuple[EvaluatedRows, RowClusters]:
    """Rows of which ten share a group, and with it a part of what is wrong with their scores."""
    draw = np.random.default_rng(seed)
    codes = np.repeat(np.arange(groups), 10)
    actual = draw.integers(0, 2, len(codes))
    shared, own = draw.normal(size=groups)[codes], draw.normal(size=len(codes))
    scores = actual + (2 * actual - 1) * np.sqrt(same) * shared + np.sqrt(1 - same) * own
    ours = 1 / (1 + np.exp(0.5 - scores))
    outcome = EvaluatedRows("binary", actual, np.stack([1 - ours, ours], axis=1), (ours >= 0.5).astype(int))
    return outcome, RowClusters("group", codes, groups)


@pytest.mark.parametrize("same", [0.0, 0.6])
def test_intervals_by_group_hold_the_truth_where_rows_of_a_group_are_alike(same: float) -> None:
    """By row they hold it less often than they say; where rows of a group are not alike, both do."""
    truth = compute_metrics(grouped(0, 20_000, same=same)[0])
    held = {by: dict.fromkeys(truth, 0) for by in ("group", "row")}
    for seed in range(100):
        outcome, clusters = grouped(seed, 25, same=same)
        for by, drawn in (("group", clusters), ("row", None)):
            found = bootstrap.intervals(
                outcome, bootstrap.resample([outcome], seed=seed, resamples=400, clusters=drawn)
            )
            for name, value in truth.items():
                held[by][name] += found[name].low <= value <= found[name].high
    assert min(held["group"].values()) >= 88, held
    assert (max(held["row"].values()) < 85) == (same > 0), held


def test_rows_that_are_copies_tell_no_more_than_one_of_each() -> None:
    """Ten copies of each row, drawn together, give about the interval of the rows; by row it would be a third of it."""
    once = random_labels(5, 60)
    copies = once.take(np.repeat(np.arange(60), 10))
    by = RowClusters("key", np.repeat(np.arange(60), 10), 60)
    widths = [
        found.high - found.low
        for outcome, clusters in ((once, None), (copies, by), (copies, None))
        for found in [bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=0, clusters=clusters))["roc_auc"]]
    ]
    assert widths[1] == pytest.approx(widths[0], rel=0.15)
    assert widths[2] < 0.5 * widths[0]


@pytest.mark.parametrize("groups", [400, 40])
def test_a_part_of_many_clustered_rows_tells_the_interval_of_all(monkeypatch: pytest.MonkeyPatch, groups: int) -> None:
    """Whole clusters are left out where there are many, rows of each where there are few."""
    outcome, clusters = grouped(3, groups, same=0.3)
    widths = []
    for most in (groups * 10, groups * 5):
        monkeypatch.setattr(bootstrap, "MOST_ROWS", most)
        found = bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=0, clusters=clusters))
        widths.append([found[name].high - found[name].low for name in ("roc_auc", "accuracy", "log_loss")])
    assert widths[1] == pytest.approx(widths[0], rel=0.25)


def test_a_widened_interval_is_so_many_times_as_wide() -> None:
    """Around the value."""
    outcome = random_labels(1, 200)
    plain, wide = (
        bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=0, widening=by))["roc_auc"] for by in (1.0, 1.5)
    )
    assert wide.high - wide.value == pytest.approx(1.5 * (plain.high - plain.value))
