"""How large the errors of a regression are by its inputs: an additive model of their size, fitted on the test part.

Each input becomes a few terms of the bin that a row lies in: its score (``joint_drift``), hinges where errors may bend,
and indicators of categories and missing values. The mean of an additive model over any rows follows from their counts
in these bins alone, so that a window needs no row. The sizes are fitted by least squares; their coefficients have the
covariance HC3 (MacKinnon and White 1985, Some heteroskedasticity-consistent covariance matrix estimators with improved
finite sample properties, Journal of Econometrics 29), for errors vary most where they are large.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from headrace.core.drift.input_counts import ColumnCounts, Positions, find_bins
from headrace.core.drift.joint_drift import score_column
from headrace.core.features.bins import ColumnBins

Floats = NDArray[np.float64]
Shape = Literal["score", "upper_half", "upper_tail", "lower_tail", "bin"]

MOST_ROWS = 50_000
MOST_TERMS = 48
ROWS_OF_A_TERM = 10
_TAIL = 1.5
_HINGES: tuple[Shape, ...] = ("upper_half", "upper_tail", "lower_tail")
_FEWEST_IN_BIN = 20
_MOST_BINS = 4
_FEWEST_BENT = 4
_RIDGE = 2.0
_LARGEST_LEVERAGE = 0.99
_DIGITS, _DIGITS_OF_COVARIANCE = 6, 4


@dataclass(frozen=True)
class ErrorTerm:
    """A function of the bin that a row lies in.

    Attributes:
        column: 0 for the predicted value, else the position of the profile's input, from 1.
        shape: The bin's score, by how much it exceeds 0 or 1.5, by how much it is below -1.5, or whether it is one bin.
        mean: Mean over the fitted rows.
        deviation: Standard deviation over them.
        bin: The bin of the shape ``bin``; one more than the last for a missing value.
    """

    column: int
    shape: Shape
    mean: float
    deviation: float
    bin: int | None = None


@dataclass(frozen=True)
class ErrorMeasure:
    """The model of one measure of the errors' size, for m terms; all but the mean relative to the mean.

    Attributes:
        name: ``mae`` for absolute errors, ``mse`` for squared ones.
        mean: Mean over the fitted rows, in the target's unit or its square.
        coefficients: Change of the measure for each term that rises by its standard deviation (m).
        covariance: Covariance of the mean and the coefficients (m + 1, m + 1): its upper triangle, row by row.
        noise: Variance of a row's measure about the model.
    """

    name: str
    mean: float
    coefficients: tuple[float, ...]
    covariance: tuple[float, ...]
    noise: float

    def matrix(self) -> Floats:
        """Return the covariance as a whole matrix (m + 1, m + 1)."""
        size = len(self.coefficients) + 1
        matrix = np.zeros((size, size))
        matrix[np.triu_indices(size)] = self.covariance
        return np.asarray(matrix + np.triu(matrix, 1).T)


@dataclass(frozen=True)
class ErrorModel:
    """How large the errors of a regression are by its inputs and predicted value.

    Attributes:
        rows: Rows of the test part that it is fitted on, at most 50,000.
        terms: The terms, at most 48 and one for each ten rows: those of the inputs that matter most.
        absolute: The model of absolute errors.
        squared: The model of squared errors.
    """

    rows: int
    terms: tuple[ErrorTerm, ...]
    absolute: ErrorMeasure
    squared: ErrorMeasure

    @classmethod
    def fit(cls, columns: Sequence[Floats], counts: Sequence[ColumnCounts], errors: Floats) -> Self:
        """Fit the model on n rows that the regression has not seen.

        Args:
            columns: The predicted value (n,), then each profiled column (n,) of the model matrix.
            counts: The counts from whose bins the scores follow: of the test part's predicted values, and of the
                training part's inputs.
            errors: Actual minus predicted value (n,).
        """
        if len(errors) > MOST_ROWS:
            chosen = np.sort(np.random.default_rng(0).choice(len(errors), MOST_ROWS, replace=False))
            columns, errors = [column[chosen] for column in columns], errors[chosen]
        # One thread: sums in another order would give another profile.
        with threadpool_limits(1, user_api="blas"):
            terms, design = _choose_terms(columns, counts, np.abs(errors))
            absolute, squared = (_fit_measure(name, np.abs(errors) ** power, design) for name, power in _POWERS)
        return cls(len(errors), terms, absolute, squared)


_POWERS = (("mae", 1), ("mse", 2))


def term_values(term: ErrorTerm, scores: Floats) -> Floats:
    """Return the term (k + 1,) of rows in each bin, a missing value last, whose scores (k + 1,) are given."""
    return _shape_values(term.shape, term.bin, scores)


def _shape_values(shape: Shape, place: int | None, scores: Floats) -> Floats:
    if shape == "bin":
        return np.asarray(np.arange(len(scores)) == place, dtype=np.float64)
    if shape == "score":
        return scores
    beyond = {"upper_half": scores, "upper_tail": scores - _TAIL, "lower_tail": -_TAIL - scores}
    return np.asarray(np.maximum(beyond[shape], 0.0))


@dataclass(frozen=True, eq=False)
class _Group:
    """Terms that enter the model together.

    Attributes:
        terms: The terms (m).
        design: Their standardized values (n, m).
    """

    terms: tuple[ErrorTerm, ...]
    design: Floats

    def strength(self, sizes: Floats) -> float:
        """Return the share of the variance of sizes (n,) that the terms explain, less what chance would."""
        centred = sizes - sizes.mean()
        total = float(centred @ centred)
        if not self.terms or not total:
            return 0.0
        explained = self.design @ np.linalg.lstsq(self.design, centred, rcond=None)[0]
        return float(explained @ explained) / total - len(self.terms) / len(sizes)


def _choose_terms(
    columns: Sequence[Floats], counts: Sequence[ColumnCounts], sizes: Floats
) -> tuple[tuple[ErrorTerm, ...], Floats]:
    """Choose terms, and return their standardized values (n, m).

    The predicted value comes first, then each input by how much it explains, then how the strongest of them bend.
    """
    budget = min(MOST_TERMS, len(sizes) // ROWS_OF_A_TERM)
    if not budget:
        return (), np.empty((len(sizes), 0))
    straight, bent = [], []
    for place, (values, column) in enumerate(zip(columns, counts, strict=True)):
        positions = find_bins(values, column.bins)
        scores = score_column(column)
        straight.append(_make_group(place, _straight_shapes(column.bins, positions), positions, scores))
        hinges = [(hinge, None) for hinge in _HINGES] if _may_bend(column, positions) else []
        bent.append(_make_group(place, hinges, positions, scores))
    order = [0, *sorted(range(1, len(columns)), key=lambda place: -straight[place].strength(sizes))]
    strengths = [max(one.strength(sizes), other.strength(sizes)) for one, other in zip(straight, bent, strict=True)]
    bends = sorted(range(len(columns)), key=lambda place: -strengths[place])
    chosen = [_Group((), np.empty((len(sizes), 0)))]
    for group in (*(straight[place] for place in order), *(bent[place] for place in bends)):
        if len(group.terms) <= budget:
            chosen.append(group)
            budget -= len(group.terms)
    return tuple(term for group in chosen for term in group.terms), np.hstack([group.design for group in chosen])


def _straight_shapes(bins: ColumnBins, positions: Positions) -> list[tuple[Shape, int | None]]:
    """Return the score of a number, or indicators of the commonest categories but the first; and that of none."""
    rows = np.bincount(positions, minlength=bins.count + 1)
    missing: list[tuple[Shape, int | None]] = [("bin", bins.count)] if rows[-1] >= _FEWEST_IN_BIN else []
    if not bins.categories:
        return [("score", None), *missing]
    common = np.argsort(-rows[:-1], kind="stable")[1 : 1 + _MOST_BINS]
    return [*(("bin", int(place)) for place in common if rows[place] >= _FEWEST_IN_BIN), *missing]


def _may_bend(column: ColumnCounts, positions: Positions) -> bool:
    return not column.bins.categories and len(np.unique(positions)) >= _FEWEST_BENT


def _make_group(place: int, shapes: Sequence[tuple[Shape, int | None]], positions: Positions, scores: Floats) -> _Group:
    terms, columns = [], []
    for shape, place_of_bin in shapes:
        values = _shape_values(shape, place_of_bin, scores)[positions]
        mean, deviation = _round(float(values.mean())), _round(float(values.std()))
        # The deviation of equal numbers is not always 0; and the effect of a few rows is that of their errors.
        if len(values) - int(np.unique_counts(values).counts.max()) >= ROWS_OF_A_TERM:
            terms.append(ErrorTerm(place, shape, mean, deviation, place_of_bin))
            columns.append((values - mean) / deviation)
    return _Group(tuple(terms), np.column_stack(columns) if columns else np.empty((len(positions), 0)))


def _fit_measure(name: str, sizes: Floats, design: Floats) -> ErrorMeasure:
    """Fit sizes (n,) by standardized terms (n, m)."""
    rows, count = design.shape
    mean = float(sizes.mean()) if rows else 0.0
    if not mean:
        return ErrorMeasure(name, 0.0, (0.0,) * count, (0.0,) * ((count + 1) * (count + 2) // 2), 0.0)
    changes = sizes / mean - 1
    inverse = np.linalg.inv(design.T @ design + _RIDGE * np.eye(count))
    coefficients = inverse @ (design.T @ changes)
    residuals = changes - design @ coefficients
    leverages = np.minimum(((design @ inverse) * design).sum(axis=1) + 1 / rows, _LARGEST_LEVERAGE)
    influence = np.column_stack([np.full(rows, 1 / rows), design @ inverse]) * (residuals / (1 - leverages))[:, None]
    covariance = influence.T @ influence
    noise = float(residuals @ residuals) / max(1, rows - 1 - count)
    upper = tuple(_round(one, _DIGITS_OF_COVARIANCE) for one in covariance[np.triu_indices(count + 1)])
    return ErrorMeasure(name, mean, tuple(map(_round, coefficients)), upper, _round(noise))


def _round(value: float, digits: int = _DIGITS) -> float:
    """Return a number to some digits: a profile must not grow by digits that mean nothing."""
    return float(f"{value:.{digits}g}")
