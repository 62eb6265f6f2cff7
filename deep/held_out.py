"""The rows that a fit holds out for early stopping."""

import numpy as np
from numpy.typing import NDArray

_FEWEST = 50
_SHARE = 0.1
_MOST = 5_000


def divide(target: NDArray[np.generic], *, classify: bool, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of the rows to fit on, and of those held out: a tenth, of each class its share.

    Args:
        target: Target (n,).
        classify: Whether the target is classes.
        seed: Seed of the draw.

    Returns:
        Two sorted arrays of places (n,); with fewer than 50 rows none is held out.
    """
    rows = len(target)
    if rows < _FEWEST:
        return np.arange(rows), np.arange(0)
    random = np.random.Generator(np.random.PCG64([seed, 1]))
    order = random.permutation(rows)
    if classify:
        order = order[np.argsort(target[order], kind="stable")]
    wanted = min(_MOST, max(1, round(_SHARE * rows)))
    # Evenly over the classes, which stand one after another; each class keeps rows to be fitted on.
    step = rows / wanted
    held = np.unique((np.arange(wanted) * step + step / 2).astype(np.int64))
    kept = np.delete(order, held)
    return np.sort(kept).astype(np.int64), np.sort(order[held]).astype(np.int64)


def divide_in_time(rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places (m,) of the rows to fit on, and those (k,) of the latest tenth, which is held out.

    Neighbouring windows of a series share most of their values: drawn at random, the held-out ones would be known.

    Args:
        rows: Number of rows, which stand in the order of time; with fewer than 50 none is held out.
    """
    wanted = min(_MOST, max(1, round(_SHARE * rows))) if rows >= _FEWEST else 0
    return np.arange(rows - wanted), np.arange(rows - wanted, rows)
