"""Strata of a split: how many rows of each are test rows, and the cuts below which their draws are.

A stratum is a class of the target, or, for a number, the rows between two quantiles of it. What has been found is told
as text, so that a later split of a table that has grown can be made by the same cuts.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import InputError
from headrace.core.contracts.fault_sentences import wants
from headrace.core.splits.draws import WHOLE

Draws = NDArray[np.int64]

_MOST_STRATA = 20
_TEST_ROWS_OF_A_STRATUM = 2
_DIGITS = 17


@dataclass(frozen=True)
class Stratum:
    """Rows that are divided by a cut of their own.

    Attributes:
        upto: The class as text; of a number, the largest value of the stratum.
        cut: Share of all possible draws, 0 to 1; a row whose draw is below is a test row.
    """

    upto: str | float
    cut: float


def parse(text: str) -> tuple[Stratum, ...]:
    """Strata from their text.

    Args:
        text: JSON: cuts by class, ``{"no": 0.2, "yes": 0.21}``, or pairs of largest value and cut by rising value,
            ``[[12.5, 0.2], [40, 0.19]]``.

    Raises:
        InputError: If it is no such text.
    """
    must = "cuts by class, or pairs of largest value and cut, as JSON; as an earlier split's metadata tell it"
    try:
        given = json.loads(text)
        pairs = list(given.items()) if isinstance(given, dict) else [(float(value), cut) for value, cut in given]
        found = tuple(Stratum(upto, float(cut)) for upto, cut in pairs)
    except (TypeError, ValueError) as error:
        raise InputError(wants("the cut", must, text)) from error
    values = [stratum.upto for stratum in found if isinstance(stratum.upto, float)]
    if not found or not all(0 <= stratum.cut <= 1 for stratum in found) or values != sorted(set(values)):
        raise InputError(wants("the cut", must, text))
    return found


def dump(strata: Sequence[Stratum]) -> str:
    """The text of some strata: ``parse(dump(strata)) == tuple(strata)``."""
    if any(isinstance(stratum.upto, str) for stratum in strata):
        return json.dumps({str(stratum.upto): stratum.cut for stratum in strata}, ensure_ascii=False)
    return json.dumps([[stratum.upto, stratum.cut] for stratum in strata])


def whole_cut(share: float) -> int:
    """A share as a bound of draws."""
    return round(share * WHOLE)


def test_rows(counts: Sequence[int], *, share: float) -> list[int]:
    """How many rows of each stratum are test rows: its share within one row, and so all of them together.

    Args:
        counts: Rows of each stratum, in a fixed order.
        share: Share of rows for the test part.

    Returns:
        As many numbers. A stratum keeps at least one row for the train part, and two strata have a test row if two
        have more than one row, though that may take one from its share.
    """
    ends = [math.floor(share * end + 0.5) for end in np.cumsum(counts).tolist()]
    wanted = [min(end - start, count - 1) for start, end, count in zip([0, *ends], ends, counts, strict=False)]
    spare = sorted((place for place, count in enumerate(counts) if count > 1), key=lambda place: -counts[place])
    for place in spare:
        if sum(number > 0 for number in wanted) < 2:
            wanted[place] = max(wanted[place], 1)
    return wanted


def edges(values: NDArray[np.float64], *, share: float) -> list[float]:
    """Largest values of strata of about equally many rows; equal values are in one stratum.

    Args:
        values: Target (n,), n > 0.
        share: Share of rows for the test part, or its complement if that is smaller.

    Returns:
        At most 20 rising values, so few that each stratum has at least about two rows for either part.
    """
    ordered, n = np.sort(values), len(values)
    count = max(1, min(_MOST_STRATA, int(n * min(share, 1 - share) / _TEST_ROWS_OF_A_STRATUM)))
    places = np.ceil(n * np.arange(1, count + 1) / count).astype(int) - 1
    return [float(value) for value in np.unique(ordered[places])]


def cut_between(draws: Draws, wanted: int) -> float:
    """The shortest share that parts the ``wanted`` smallest of some draws from the others.

    Args:
        draws: Different draws (n,).
        wanted: From 0 to n.
    """
    ordered = np.sort(draws)
    below = int(ordered[wanted - 1]) if wanted > 0 else -1
    above = int(ordered[wanted]) if wanted < len(ordered) else WHOLE
    for digits in range(1, _DIGITS):
        share = round((below + above) / 2 / WHOLE, digits)
        if 0 <= share <= 1 and below < whole_cut(share) <= above:
            return share
    return (below + above) / 2 / WHOLE
