"""The targets of simulated tables: chances of classes, and what is known of numbers."""

from collections.abc import Mapping
from functools import cache

import numpy as np
import truth_inputs
from scipy.optimize import brentq
from scipy.special import expit, softmax
from truth_inputs import Floats, Rows, Table

CLASSES: Mapping[str, tuple[str, ...]] = {"two classes": ("no", "yes"), "five classes": ("a", "b", "c", "d", "e")}
_SLOPE = 1.7  # of the log-odds: the best AUC is 0.83
_PERSON = 1.5  # the same of a person's own effect
_DRIFT = 0.8  # log-odds by which the positives grow over the whole period
_FIVE = np.log([0.35, 0.25, 0.2, 0.12, 0.08])
_SAMPLE = 40_000  # rows by which intercepts are found


def chances(rows: Rows, table: Table) -> Floats:
    """Chance of each class of each row (n, k)."""
    if table.target == "two classes":
        positive = expit(_intercept(table) + _log_odds(rows, table))
        return np.stack([1 - positive, positive], axis=1)
    turns = 2 * np.pi * np.arange(len(_FIVE)) / len(_FIVE)
    both = np.outer(rows.first, np.cos(turns)) + np.outer(rows.second, np.sin(turns))
    return np.asarray(softmax(_FIVE + (_SLOPE if table.signal else 0.0) * both, axis=1))


def numbers(rows: Rows, table: Table, rng: np.random.Generator, *, draws: int) -> tuple[Floats, Floats, Floats]:
    """A number as target: its mean and its variance for each row (n,), and draws of it (draws, n)."""
    score = _score(rows, table)
    if table.of_people:
        score = score + rows.person
    shape = (draws, len(score))
    if table.target in {"normal", "heavy tails"}:
        noise = rng.normal(size=shape) if table.target == "normal" else rng.standard_t(3, size=shape) / np.sqrt(3)
        mean = 10 + 2 * score
        return mean, np.full(len(score), 4.0), mean + 2 * noise
    inflated = table.target == "zero-inflated"
    centre, spread = (1 + 0.4 * score, 0.6) if inflated else (1 + 0.7 * score, 0.7)
    mean, square = np.exp(centre + spread**2 / 2), np.exp(2 * centre + 2 * spread**2)
    drawn = np.exp(centre + spread * rng.normal(size=shape))
    if inflated:
        share = expit(1.2 * score - 0.4)
        mean, square, drawn = share * mean, share * square, np.where(rng.random(shape) < share, drawn, 0.0)
    return mean, square - np.square(mean), drawn


def _score(rows: Rows, table: Table) -> Floats:
    """The score by which a target goes; with time it turns from the first towards the second."""
    if not table.signal:
        return np.zeros_like(rows.first)
    if table.structure == "time":
        return (1 - 0.5 * rows.time) * rows.first + 0.5 * rows.time * rows.second
    return rows.first


def _log_odds(rows: Rows, table: Table) -> Floats:
    odds = _SLOPE * _score(rows, table)
    if table.of_people:
        odds = odds + _PERSON * rows.person
    if table.structure == "time":
        odds = odds + _DRIFT * rows.time
    return odds


@cache
def _intercept(table: Table) -> float:
    """What makes the positives as rare as they are to be."""
    odds = _log_odds(truth_inputs.drawn(table, _SAMPLE, np.random.default_rng(0)), table)
    share = 1 / (1 + table.negatives)
    return float(brentq(lambda shift: expit(shift + odds).mean() - share, -30, 30))
