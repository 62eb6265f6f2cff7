"""The number of rounds of boosted trees, found in the folds."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.models import families, fold_trees
from headrace.core.models.boosting import rounds
from headrace.core.splits.folds import Fold

COLUMNS = tuple(MatrixColumn(f"x{place}") for place in range(4))
FAMILIES = list(rounds.PARAMETERS)


def table(rows: int = 300, *, noise: bool = False) -> tuple[Any, Any]:
    """A matrix and a target: a curve with noise, or noise alone."""
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(rows, len(COLUMNS)))
    return matrix, rng.normal(size=rows) + (0 if noise else 3 * np.sin(matrix[:, 0]) + matrix[:, 1] ** 2)


def folds(rows: int = 300) -> tuple[Fold, ...]:
    """Three folds."""
    parts = np.arange(rows) % 3
    return tuple(Fold(np.flatnonzero(parts != one), np.flatnonzero(parts == one)) for one in range(3))


def grow(family: str, matrix: Any, target: Any, **more: Any) -> list[rounds.FoldTrees]:
    """The trees of the folds."""
    if family != "hist_gradient_boosting":
        pytest.importorskip(family)

    def make() -> Any:
        return families.family(family).build(COLUMNS, task="regression", parameters={}, seed=0)

    with ThreadPoolExecutor(2) as pool:
        return fold_trees.grow_folds(make, matrix, target, folds=folds(), classes=0, pool=pool, **more)[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_trees_predict_as_those_of_a_fit_with_so_many_rounds(family: str) -> None:
    """Rows that are watched change no tree, and the loss after a round is that of its predictions."""
    matrix, target = table()
    trees, fold = grow(family, matrix, target)[0], folds()[0]
    count = rounds.best_rounds([trees.losses])
    own = {rounds.PARAMETERS[family]: count}
    plain = families.family(family).build(COLUMNS, task="regression", parameters=own, seed=0)
    plain.fit(matrix[fold.fitted], target[fold.fitted])
    np.testing.assert_array_equal(trees.predict(count), plain.predict(matrix[fold.held_out]))
    errors = [np.mean((trees.predict(one) - target[fold.held_out]) ** 2) for one in (1, count)]
    assert (errors[1] < errors[0]) == (trees.losses[count - 1] < trees.losses[0])
    assert len(trees.losses) <= count + rounds.PATIENCE


@pytest.mark.parametrize("family", FAMILIES)
def test_noise_needs_few_rounds(family: str) -> None:
    """Nothing is learned from it for long."""
    trees = grow(family, *table(noise=True))
    assert rounds.best_rounds([one.losses for one in trees]) < 20


@pytest.mark.parametrize("family", FAMILIES)
def test_a_check_that_raises_ends_the_growth(family: str) -> None:
    """The time of a search may be over in the middle of a fold."""
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) > 5:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        grow(family, *table(), check=check)
    assert len(calls) <= 8  # two folds run side by side


def test_a_fold_does_not_choose_the_rounds_that_it_is_judged_with() -> None:
    """Its own losses, lowest after two rounds, count only for the model of all rows."""
    losses = [np.array([5.0, 1.0, 4.0, 4.0]), np.array([5.0, 4.0, 3.0, 2.0]), np.array([5.0, 4.0, 3.0, 2.0])]
    assert rounds.rounds_without(losses, 0) == 4
    assert rounds.rounds_without(losses, 1) == 2
    assert rounds.best_rounds(losses) == 4 or rounds.best_rounds(losses) == 2


def test_a_fold_counts_with_its_last_loss_after_its_end_and_grows_no_further() -> None:
    """Means are over all folds at each round."""
    losses = [np.array([3.0, 2.0]), np.array([3.0, 2.5, 2.0, 1.0])]
    assert rounds.best_rounds(losses) == 4
    assert rounds.rounds_without(losses, 0) == 2


def test_scikit_learn_asks_after_each_round_whether_to_stop() -> None:
    """scikit-learn 1.9.1 calls ``_should_stop`` after each round, and has no callback for it.

    Source: ``sklearn/ensemble/_hist_gradient_boosting/gradient_boosting.py``, ``_check_early_stopping_loss``. Without
    it a search could not end in the middle of a fold.
    """
    assert callable(HistGradientBoostingRegressor._should_stop)
