"""Bins in which values are counted: a model's inputs and answers, without keeping any of them."""

from dataclasses import dataclass

from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout

MOST_COLUMNS = 200
MOST_CATEGORIES = 50
_BINS = 10
# Edges for numbers of which nothing is known: decades on both sides of zero.
_LADDER = tuple([-(10.0**power) for power in range(6, -3, -1)] + [0.0] + [10.0**power for power in range(-2, 7)])
_OF_TIMES = {
    "day_of_week": tuple(map(float, range(1, 7))),
    "weekend": (0.0,),
    "holiday": (0.0,),
    "month": tuple(map(float, range(1, 12))),
    "hour": tuple(map(float, range(23))),
}


@dataclass(frozen=True)
class ColumnBins:
    """How the values of one column are counted.

    Attributes:
        name: Name of the column.
        edges: Ascending upper edges of the bins of a number, the last bin being what lies above; empty for categories.
        categories: Categories that are counted, by their place in the matrix; a further bin takes all others.
    """

    name: str
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many bins there are, without the one for missing values."""
        return len(self.edges or self.categories) + 1


def features(contract: Contract) -> list[tuple[int, ColumnBins]]:
    """The columns of the matrix that are counted, with their places: at most 200, and none that holds personal data.

    Args:
        contract: The contract; its bounds and categories are the bins.
    """
    kinds = {made.name: made for made in contract.features}
    personal = {column.name for column in contract.columns if column.personal}
    found = []
    for place, column in enumerate(matrix_layout.columns(contract)):
        made = kinds.get(column.name)
        if personal & set(made.columns if made else (column.name,)):
            continue
        if column.categories is not None:
            bins = ColumnBins(column.name, categories=column.categories[:MOST_CATEGORIES])
        elif made:
            bins = ColumnBins(column.name, edges=_OF_TIMES.get(made.kind, _LADDER))
        else:
            described = contract.column(column.name)
            bins = ColumnBins(
                column.name, edges=edges(described.minimum, described.maximum, boolean=described.dtype == "boolean")
            )
        found.append((place, bins))
    return found[:MOST_COLUMNS]


def answers(contract: Contract) -> ColumnBins:
    """How answers are counted: probabilities in tenths, or values between the bounds of the target."""
    if contract.task != "regression":
        return ColumnBins("probability", edges=tuple(place / _BINS for place in range(1, _BINS)))
    return ColumnBins("value", edges=edges(contract.target.minimum, contract.target.maximum))


def edges(low: float | None, high: float | None, *, boolean: bool = False) -> tuple[float, ...]:
    """Eleven edges of ten equal bins from ``low`` to ``high``; decades where a bound is not known."""
    if boolean:
        return (0.0,)
    if low is None or high is None or not low < high:
        return _LADDER
    return (*(low + (high - low) * place / _BINS for place in range(_BINS)), high)
