"""Whether all inputs together have drifted: a kernel test of two samples whose features merge by addition.

Each input becomes a score: the normal quantile of the middle rank of its bin in the reference, with mean 0 and
variance 1 there. The features are the scores and the products of each two of them, those of the ANOVA kernel of
degree two; a product is taken of what differs from the sample's means, so that no shift of two inputs looks like a
change of their dependence. The distance of two samples is that of their mean features, the maximum mean discrepancy
(Gretton et al. 2012, A kernel two-sample test, JMLR 13). Its distribution without drift is that of a weighted sum of
chi-square variables whose weights, the eigenvalues of the features' correlation, the profile holds. A window needs the
sums of its scores and of their products only.

Three tests share the promise: all scores together (many small shifts), all products together (many small changes of
dependence), and each product (one pair of inputs that no longer belongs together). What depends on three inputs at
once, or on two without rising or falling, changes no feature and is not seen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf
from scipy.stats import norm

from headrace.core.base.errors import InputError
from headrace.core.drift.extra_variance import tail_with_variation
from headrace.core.drift.input_counts import ColumnCounts, InputCounts, Positions
from headrace.core.drift.two_samples import NO_EXTRA
from headrace.core.drift.window_variation import WindowVariation
from headrace.core.features.bins import ColumnBins

Floats = NDArray[np.float64]
Part = Literal["scores", "products", "pair"]

MOST_COLUMNS = 40
_EXTREME = 0.005
_CONSTANT = 1e-9
_PARTS = 3
_DIGITS = 9


@dataclass(frozen=True, eq=False)
class JointSums:
    """Sums over rows of the scores of the inputs and of their products.

    Attributes:
        rows: Number of rows.
        totals: Sums (p,) of the scores.
        products: Sums (p, p) of the products of each two scores.
    """

    rows: int
    totals: Floats
    products: Floats

    @classmethod
    def of(cls, scores: Floats) -> Self:
        """Sum the scores (n, p) of rows."""
        return cls(len(scores), scores.sum(axis=0), scores.T @ scores)

    @classmethod
    def empty(cls, columns: int) -> Self:
        """Return the sums over no rows of a number of columns."""
        return cls(0, np.zeros(columns), np.zeros((columns, columns)))

    def __add__(self, other: Self) -> "JointSums":
        return JointSums(self.rows + other.rows, self.totals + other.totals, self.products + other.products)

    def means(self) -> Floats:
        """Return the mean scores (p,), then the covariances of pairs of them (p (p - 1) / 2,)."""
        means = self.totals / self.rows
        covariances = self.products / self.rows - np.outer(means, means)
        return np.concatenate([means, covariances[np.triu_indices(len(means), 1)]])


@dataclass(frozen=True)
class JointReference:
    """The features of the reference rows, in a document; to nine digits.

    Attributes:
        rows: Number of rows.
        columns: Names of the columns (p), at most 40.
        means: Mean of each score (p), then the covariance of each pair of them, in the order of the columns.
        deviations: Standard deviation of each score, and of each product of two scores less their means.
        score_weights: Eigenvalues of the scores' correlation, descending.
        product_weights: Those of the products'.
    """

    rows: int
    columns: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    score_weights: tuple[float, ...]
    product_weights: tuple[float, ...]

    @classmethod
    def of(cls, names: Sequence[str], sums: JointSums, scores: Floats) -> Self:
        """Describe the reference.

        Args:
            names: Names of the columns (p).
            sums: Sums over all rows.
            scores: Scores (n, p) of a fair sample of them.
        """
        first, second = np.triu_indices(scores.shape[1], 1)
        centred = scores - scores.mean(axis=0)
        products = centred[:, first] * centred[:, second]
        score_deviations, score_weights = _describe_features(scores)
        product_deviations, product_weights = _describe_features(products)
        return cls(
            sums.rows,
            tuple(names),
            _round(sums.means()),
            _round(np.concatenate([score_deviations, product_deviations])),
            _round(score_weights),
            _round(product_weights),
        )

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The pairs of columns, in the order of their products."""
        first, second = np.triu_indices(len(self.columns), 1)
        return [(self.columns[one], self.columns[two]) for one, two in zip(first, second, strict=True)]

    def differences(self, means: Floats, centres: Sequence[float]) -> Floats:
        """Return the differences (f,) of features (f,) to others (f,), in standard deviations; 0 without any."""
        deviations = np.array(self.deviations)
        difference = means - np.array(centres)
        standard: Floats = np.divide(difference, deviations, out=np.zeros_like(difference), where=deviations > 0)
        return standard


@dataclass(frozen=True)
class JointDrift:
    """The comparison of all inputs together.

    Attributes:
        part: The most surprising of the three tests.
        p_value: Probability of a difference this large without drift, in all three.
        effect: Size of the difference, 0 to 1. For a pair, half the change of its correlation; else the chance by which
            a row of the window ranks above one of the reference, beyond one half and doubled.
        pair: The pair of inputs whose product has changed most surprisingly.
        correlations: Mean product of the pair's scores in the reference and in the window.
    """

    part: Part
    p_value: float
    effect: float
    pair: tuple[str, str]
    correlations: tuple[float, float]


def score_bins(counts: InputCounts) -> tuple[Floats, ...]:
    """Return the score of each bin (k + 1,) of the first 40 columns; 0 for what is missing or not listed."""
    return tuple(map(score_column, counts.columns[:MOST_COLUMNS]))


def score_column(column: ColumnCounts) -> Floats:
    """Return the score of each bin (k + 1,) of one column; 0 for what is missing or not listed."""
    return _score(column.bins, column.counts.astype(np.float64))


def score_rows(positions: Sequence[Positions], tables: Sequence[Floats]) -> Floats:
    """Return the scores (n, p) of rows whose bins (n,) in each of the p columns are given."""
    scores = np.empty((len(tables), len(positions[0]) if positions else 0))
    for target, place, table in zip(scores, positions, tables, strict=False):
        np.take(table, place, out=target)
    return scores.T


def find_joint_drift(
    reference: JointReference, window: JointSums, *, variation: WindowVariation | None = None
) -> JointDrift | None:
    """Test whether all inputs together have drifted.

    Args:
        reference: The features of the reference.
        window: The sums over the window's rows, of scores by the reference's bins.
        variation: How much windows differ without drift; None to take their rows for independent.

    Returns:
        The comparison; None if the window has no rows, or there are fewer than two columns.

    Raises:
        InputError: If the window's columns are others.
    """
    size = len(reference.columns)
    if len(window.totals) != size:
        raise InputError(
            f"sums of scores are compared for the same columns only; got {len(window.totals)}, and {size} in the "
            "profile: count the rows with the bundle that answered."
        )
    if not window.rows or not reference.rows or size < 2:
        return None
    rows = reference.rows * window.rows / (reference.rows + window.rows)
    means = window.means()
    # Within a block of time, pairs go together otherwise than in all of them, where a season moves both.
    centres = variation.centres if variation and variation.centres else reference.means
    differences = reference.differences(means, centres)
    excess = np.array(variation.features if variation and variation.features else np.zeros(len(means)))

    def tail(weights: Floats, statistic: float, total: float) -> float:
        extra = variation.extra_variance(total) if variation else NO_EXTRA
        return tail_with_variation(weights, statistic, rows=rows, extra=extra)

    squares = rows * differences**2
    weights = np.array(reference.score_weights), np.array(reference.product_weights)
    scores = tail(weights[0], float(squares[:size].sum()), float(excess[:size].sum()))
    products = tail(weights[1], float(squares[size:].sum()), float(excess[size:].sum()))
    ratios = squares[size:] / (1 + rows * np.maximum(excess[size:], 0) / (variation.rows if variation else 1))
    worst = int(np.argmax(ratios))
    pair = min(1.0, tail(np.ones(1), float(squares[size + worst]), float(excess[size + worst])) * len(ratios))
    before, now = centres[size + worst], float(means[size + worst])
    part, p_value = min((("scores", scores), ("products", products), ("pair", pair)), key=lambda one: one[1])
    effects = {
        "scores": lambda: _score_effect(reference, differences[:size], rows),
        "products": lambda: _product_effect(reference, differences[size:], rows),
        "pair": lambda: min(1.0, abs(now - before) / 2),
    }
    return JointDrift(
        part,  # type: ignore[arg-type]
        min(1.0, _PARTS * p_value),
        effects[part](),
        reference.pairs[worst],
        (before, now),
    )


def measure_features(
    blocks: Sequence[JointSums], reference: JointReference
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the excess of each feature (f,) over blocks of time, and the mean of each within a block (f,).

    Args:
        blocks: Sums over the rows of each block.
        reference: The features of the reference, whose deviations are the unit.
    """
    filled = [block for block in blocks if block.rows]
    if len(filled) < 2:
        return (), ()
    sizes = np.array([block.rows for block in filled])[:, None]
    means = np.array([block.means() for block in filled])
    centres = (sizes * means).sum(axis=0) / sizes.sum()
    units = np.array(reference.deviations)
    squares = (means - centres) ** 2
    standard = np.divide(squares, units**2, out=np.zeros_like(squares), where=units > 0)
    rows = 1 / (1 / sizes - 1 / sizes.sum())
    return _round(np.where(units > 0, (rows * standard - 1).sum(axis=0), 0.0)), _round(centres)


def _score(bins: ColumnBins, counts: Floats) -> Floats:
    if bins.categories:
        counts[-1] = 0.0  # what is not listed has no place in the order
    rows = counts.sum()
    scores = np.zeros(len(counts) + 1)
    if not rows:
        return scores
    shares = counts / rows
    ranks = np.clip(np.cumsum(shares) - shares / 2, _EXTREME, 1 - _EXTREME)
    normal = norm.ppf(ranks)
    normal -= (shares * normal).sum()
    deviation = math.sqrt(float((shares * normal**2).sum()))
    if deviation > 0:
        scores[:-1] = normal / deviation
    if bins.categories:
        scores[-2] = 0.0
    return scores


def _score_effect(reference: JointReference, differences: Floats, rows: float) -> float:
    size = len(reference.columns)
    spread = float(differences @ _correlations(reference, size) @ differences)
    return _separation(float((differences**2).sum()), spread, np.array(reference.score_weights), rows)


def _product_effect(reference: JointReference, differences: Floats, rows: float) -> float:
    """Return the effect, with the variance that products of normal variables have."""
    size = len(reference.columns)
    change = np.zeros((size, size))
    change[np.triu_indices(size, 1)] = differences
    change += change.T
    turned = change @ _correlations(reference, size)
    spread = float(np.trace(turned @ turned)) / 2
    return _separation(float((differences**2).sum()), spread, np.array(reference.product_weights), rows)


def _correlations(reference: JointReference, size: int) -> Floats:
    matrix = np.zeros((size, size))
    matrix[np.triu_indices(size, 1)] = reference.means[size:]
    return matrix + matrix.T + np.eye(size)


def _separation(square: float, spread: float, weights: Floats, rows: float) -> float:
    """Return how well rows are distinguished along a difference, 0 to 1, without what chance adds to it.

    Args:
        square: Squared length of the difference.
        spread: Variance of a row along it, times its squared length.
        weights: Eigenvalues of the features' correlation (k,).
        rows: Effective number of rows.
    """
    signal = max(0.0, square - float(weights.sum()) / rows)
    if not signal:
        return 0.0
    variance = max(spread - float((weights**2).sum()) / rows, signal)
    return float(erf(signal / math.sqrt(variance) / 2))


def _describe_features(features: Floats) -> tuple[Floats, Floats]:
    """Return the standard deviations (f,) of features (n, f), and the eigenvalues of their correlation, descending.

    Features that do not vary have no eigenvalue.
    """
    means = features.mean(axis=0)
    covariance = features.T @ features / len(features) - np.outer(means, means)
    variances = np.diag(covariance)
    varied = variances > _CONSTANT
    deviations = np.sqrt(np.where(varied, variances, 0.0))
    scale = deviations[varied]
    values = np.linalg.eigvalsh(covariance[np.ix_(varied, varied)] / np.outer(scale, scale))[::-1]
    return deviations, np.clip(values, 0.0, None)


def _round(values: Floats) -> tuple[float, ...]:
    """Return numbers to nine digits: sums in another order of rows must give the same profile."""
    return tuple(float(f"{value:.{_DIGITS}g}") for value in values)
