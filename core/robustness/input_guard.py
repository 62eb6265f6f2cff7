"""The guard of a bundle: how unlike the training rows a row's numbers are together, though each is inside its bounds.

Each number is compared with the median and the spread of its column, missing ones count as usual, and the distance of a
row respects how columns move together (Mahalanobis 1936; robust: centre and spread by quantiles, covariance of limited
values). Reconstruction by the main components is the same distance with other weights. A server needs NumPy alone.

Another measure, such as the sharpness of a picture or the error of an autoencoder, is another class with ``find``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import BundleError, InputError, quote
from headrace.core.base.json_document import JsonDocument
from headrace.core.statistics.measures import Interval

FILE = "guard.json"
FORMAT = 1
GuardUse = Literal["off", "count", "warn", "refuse"]
"""What becomes of unusual rows: they are not looked for, counted after the answer, answered with a warning, refused."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class UnusualRow:
    """A row that is unlike the training rows.

    Attributes:
        row: Place of the row, from 0.
        sentence: What is unusual about it, without a full stop; no values of the row.
    """

    row: int
    sentence: str


class InputGuard(Protocol):
    """Finds rows that are unlike the training rows; may be called by several threads at once."""

    def find(self, matrix: Floats) -> Sequence[UnusualRow]:
        """Return the unusual rows of a model matrix (n, p), in order; empty for usual ones, in microseconds."""

    def count(self, matrix: Floats) -> int:
        """Return the number of unusual rows of a model matrix (n, p)."""


@dataclass(frozen=True)
class GuardDocument(JsonDocument):
    """What a bundle holds of its guard.

    Attributes:
        format: Version of this document.
        columns: Names of the columns of numbers (q) in the model matrix that count.
        centre: Median (q,) of each column in the training rows, in its unit.
        spread: Spread (q,) of each column: the interquartile range as a standard deviation.
        whitening: Matrix (q, q), by rows, that turns centred and scaled numbers into uncorrelated ones.
        limit: Largest squared distance of a usual row.
        wanted_false_alarms: Share of usual rows beyond the limit, as it was chosen on training rows that were held out.
        false_alarms: The same as measured on the test rows.
        rows: Number of training rows that it was learned from.
        test_rows: Number of test rows.
    """

    format: int
    columns: tuple[str, ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    whitening: tuple[tuple[float, ...], ...]
    limit: float
    wanted_false_alarms: float
    false_alarms: Interval
    rows: int
    test_rows: int

    expected: ClassVar[str] = "guard.json must be what the step package writes"
    remedy: ClassVar[str] = "package the model again"


class DistanceGuard:
    """A guard by the distance from the training rows."""

    def __init__(self, document: GuardDocument, columns: Sequence[str]) -> None:
        """Prepare the distance.

        Args:
            document: What the bundle holds.
            columns: Names of all columns (p) of the model matrix.

        Raises:
            BundleError: If the document does not belong to this matrix.
        """
        size = len(document.columns)
        whitening = [len(row) for row in document.whitening]
        shapes = (len(document.centre), len(document.spread), len(whitening))
        unknown = [name for name in document.columns if name not in columns]
        if document.format != FORMAT or unknown or set(shapes) != {size} or set(whitening) - {size} or not size:
            raise BundleError(
                f"guard.json must be of format {FORMAT} and of the model's own columns of numbers; "
                f"{quote(unknown) if unknown else 'its sizes do not match'}: package the model again."
            )
        self._names = document.columns
        self._places = np.array([list(columns).index(name) for name in document.columns])
        self._centre = np.array(document.centre)
        self._spread = np.array(document.spread)
        self._whitening = np.array(document.whitening)
        if not (np.isfinite(self._whitening).all() and np.isfinite(self._centre).all() and (self._spread > 0).all()):
            raise BundleError("guard.json must hold finite numbers, and spreads above 0: package the model again.")
        self._limit = document.limit
        # One product for a whole row: columns that do not count have weight 0.
        self._weights = np.zeros((len(columns), size))
        self._weights[self._places] = self._whitening / self._spread[:, np.newaxis]
        self._offset = self._centre @ self._weights[self._places]

    def find(self, matrix: Floats) -> Sequence[UnusualRow]:
        """Return the unusual rows of a matrix (n, p); see ``InputGuard``."""
        if len(matrix) == 1:
            # Methods instead of operators: half the time of a product this small.
            away = matrix[0].dot(self._weights)
            away -= self._offset
            if away.dot(away) <= self._limit:  # false if a value is missing
                return ()
        scaled = self._scale(matrix)
        beyond = np.flatnonzero(_squares(scaled @ self._whitening) > self._limit)
        return [UnusualRow(int(row), self._describe(scaled[row])) for row in beyond] if len(beyond) else ()

    def count(self, matrix: Floats) -> int:
        """Return the number of unusual rows of a matrix (n, p)."""
        return int((_squares(self._scale(matrix) @ self._whitening) > self._limit).sum())

    def _scale(self, matrix: Floats) -> Floats:
        return scale(matrix[:, self._places], self._centre, self._spread)

    def _describe(self, scaled: Floats) -> str:
        parts = scaled * (self._whitening @ (self._whitening.T @ scaled))
        most = int(parts.argmax())
        times = float(np.sqrt(_squares((scaled @ self._whitening)[np.newaxis])[0] / self._limit))
        return (
            f"is unlike the rows that the model learned from: its numbers together are {times:.3g} times as far from "
            f"them as the limit, most of all for column {quote(self._names[most])}"
        )


def scale(numbers: Floats, centre: Floats, spread: Floats) -> Floats:
    """Centre and scale numbers (n, q); a missing one becomes 0, as usual as can be."""
    scaled = (numbers - centre) / spread
    return np.where(np.isnan(scaled), 0.0, scaled)


def _squares(away: Floats) -> Floats:
    squared: Floats = np.einsum("ij,ij->i", away, away)
    return squared


def parse_guard(facts: object, columns: Sequence[str]) -> DistanceGuard:
    """Read the guard of a bundle.

    Args:
        facts: Content of ``guard.json``.
        columns: Names of all columns (p) of the model matrix.

    Raises:
        BundleError: If it is another document, or of another matrix.
    """
    try:
        return DistanceGuard(GuardDocument.from_json(facts), columns)
    except InputError as error:
        raise BundleError(str(error)) from error
