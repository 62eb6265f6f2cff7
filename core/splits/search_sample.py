"""A sample of the training rows, large enough to compare models on."""

import numpy as np
from numpy.typing import NDArray

from headrace.core.contracts.contract import Task
from headrace.core.features.model_matrix import Target

MOST_ROWS = 10_000
MOST_CELLS = 1_000_000
FEWEST_ROWS = 1000
FEWEST_OF_A_CLASS = 50


def sample(target: Target, *, task: Task, columns: int, seed: int) -> NDArray[np.int64]:
    """Choose rows at random, from each class in proportion.

    Args:
        target: Encoded target (n,).
        task: Kind of task.
        columns: Number of columns of the matrix; a wide table gets fewer rows.
        seed: Seed of the choice.

    Returns:
        Sorted indices (m,): all of up to ``MOST_ROWS`` rows (fewer if they would fill more than ``MOST_CELLS`` cells,
        but at least ``FEWEST_ROWS``); of an anomaly task up to half of them labelled. A class keeps at least
        ``FEWEST_OF_A_CLASS`` rows if it has them.
    """
    most = max(FEWEST_ROWS, min(MOST_ROWS, MOST_CELLS // max(columns, 1)))
    n = len(target)
    if n <= most:
        return np.arange(n)
    rng = np.random.default_rng(seed)
    if task == "anomaly":
        # Labels are few, and each of them counts.
        labelled, rest = np.flatnonzero(~np.isnan(target)), np.flatnonzero(np.isnan(target))
        chosen = [rng.choice(labelled, most // 2, replace=False) if len(labelled) > most // 2 else labelled]
        left = most - len(chosen[0])
        chosen.append(rng.choice(rest, left, replace=False) if len(rest) > left else rest)
        return np.sort(np.concatenate(chosen))
    if task == "regression":
        return np.sort(rng.choice(n, most, replace=False))
    chosen = []
    for index in np.unique(target):
        rows = np.flatnonzero(target == index)
        count = max(round(most * len(rows) / n), FEWEST_OF_A_CLASS)
        chosen.append(rows if len(rows) <= count else rng.choice(rows, count, replace=False))
    return np.sort(np.concatenate(chosen))
