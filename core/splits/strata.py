"""Strata of a split: the number of test rows of each, and the cuts below which their draws are.

A stratum is a class of the target, or, for a number, the rows between two quantiles of it. The cuts are
recorded as text, so that a later split of a table that has grown can reuse them.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import InputError
from headrace.core.contracts.fault_sentences import must_be
from headrace.core.splits.draws import WHOLE

Draws = NDArray[np.int64]

_MOST_STRATA = 20
_TEST_ROWS_OF_A_STRATUM = 2
_DIGITS = 17


@dataclass(frozen=True)
class Stratum:
    """Rows with a cut of their own.

    Attributes:
        upto: The class as text; for a number, the largest value of the stratum.
        cut: Share of all possible draws, 0 to 1; a row with a smaller draw is a test row.
    """

    upto: str | float
    cut: float


def parse(text: str) -> tuple[Stratum, ...]:
    """Parse strata from their text.

    Args:
        text: JSON: cuts by class, ``{"no": 0.2, "yes": 0.21}``, or pairs of largest value and cut by rising value,
            ``[[12.5, 0.2], [40, 0.19]]``.

    Raises:
        InputError: If the text has another form.
    """
    must = "cuts by class, or pairs of largest value and cut, as JSON; as in the metadata of an earlier split"
    try:
        document = json.loads(text)
        pairs = (
            list(document.items()) if isinstance(document, dict) else [(float(value), cut) for value, cut in document]
        )
        parsed = tuple(Stratum(upto, float(cut)) for upto, cut in pairs)
    except (TypeError, ValueError) as error:
        raise InputError(must_be("the cut", must, text)) from error
    values = [stratum.upto for stratum in parsed if isinstance(stratum.upto, float)]
    if not parsed or not all(0 <= stratum.cut <= 1 for stratum in parsed) or values != sorted(set(values)):
        raise InputError(must_be("the cut", must, text))
    return parsed


def dump(strata: Sequence[Stratum]) -> str:
    """Return the text of some strata: ``parse(dump(strata)) == tuple(strata)``."""
    if any(isinstance(stratum.upto, str) for stratum in strata):
        return json.dumps({str(stratum.upto): stratum.cut for stratum in strata}, ensure_ascii=False)
    return json.dumps([[stratum.upto, stratum.cut] for stratum in strata])


def whole_cut(share: float) -> int:
    """Convert a share to a bound of draws."""
    return round(share * WHOLE)


def test_rows(counts: Sequence[int], *, share: float) -> list[int]:
    """Return the number of test rows of each stratum: its share within one row, and so for all of them together.

    Args:
        counts: Number of rows of each stratum, in a fixed order.
        share: Share of rows for the test part.

    Returns:
        One number per stratum. A stratum keeps at least one row for the train part, and two strata have a test row if
        two have more than one row, though that may take one from its share.
    """
    # Rounding the running total, not each stratum, keeps the total within one row of the share.
    ends = [math.floor(share * end + 0.5) for end in np.cumsum(counts).tolist()]
    numbers = [min(end - start, count - 1) for start, end, count in zip([0, *ends], ends, counts, strict=False)]
    spare = sorted((place for place, count in enumerate(counts) if count > 1), key=lambda place: -counts[place])
    for place in spare:
        if sum(number > 0 for number in numbers) < 2:
            numbers[place] = max(numbers[place], 1)
    return numbers


def edges(values: NDArray[np.float64], *, share: float) -> list[float]:
    """Return the largest values of strata of about equally many rows; equal values are in one stratum.

    Args:
        values: Target (n,), n > 0, in its own unit.
        share: Share of rows for the test part, or its complement if that is smaller.

    Returns:
        At most 20 rising values, so few that each stratum has at least about two rows for either part.
    """
    ordered, n = np.sort(values), len(values)
    count = max(1, min(_MOST_STRATA, int(n * min(share, 1 - share) / _TEST_ROWS_OF_A_STRATUM)))
    places = np.ceil(n * np.arange(1, count + 1) / count).astype(int) - 1
    return [float(value) for value in np.unique(ordered[places])]


def cut_between(draws: Draws, count: int) -> float:
    """Return the share with the fewest digits that separates the ``count`` smallest of some draws from the others.

    Args:
        draws: Different draws (n,).
        count: Number of draws below the cut, 0 to n.
    """
    ordered = np.sort(draws)
    below = int(ordered[count - 1]) if count > 0 else -1
    above = int(ordered[count]) if count < len(ordered) else WHOLE
    # The shortest number is readable in the metadata, and its text means the same number everywhere.
    for digits in range(1, _DIGITS):
        share = round((below + above) / 2 / WHOLE, digits)
        if 0 <= share <= 1 and below < whole_cut(share) <= above:
            return share
    return (below + above) / 2 / WHOLE
