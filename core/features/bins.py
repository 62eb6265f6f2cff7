"""Bins that count the values of a model's inputs and predictions, without storing any value."""

from dataclasses import dataclass

from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout

MOST_COLUMNS = 200
MOST_CATEGORIES = 50
_BINS = 10
# Edges for numbers without known bounds: decades on both sides of zero.
_LADDER = tuple([-(10.0**power) for power in range(6, -3, -1)] + [0.0] + [10.0**power for power in range(-2, 7)])
# Edges for anomaly scores: those of an isolation forest are 0.3 to 0.8, others are distances of any size.
_SCORES = (
    *(0.01, 0.03, 0.1, 0.2, 0.3),
    *(round(0.35 + 0.025 * place, 3) for place in range(19)),
    *(0.9, 1.0),
    *(factor * 10.0**power for power in range(7) for factor in (2.0, 5.0, 10.0)),
)
_OF_TIMES = {
    "day_of_week": tuple(map(float, range(1, 7))),
    "weekend": (0.0,),
    "holiday": (0.0,),
    "month": tuple(map(float, range(1, 12))),
    "hour": tuple(map(float, range(23))),
}


@dataclass(frozen=True)
class ColumnBins:
    """The bins in which the values of one column are counted.

    Attributes:
        name: Name of the column.
        edges: Ascending upper edges of a number's bins; the last bin is above all edges. Empty for categories.
        categories: Counted categories, in the order of their codes in the matrix; one more bin is for all others.
    """

    name: str
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Number of bins, without the one for missing values."""
        return len(self.edges or self.categories) + 1


def features(contract: Contract) -> list[tuple[int, ColumnBins]]:
    """Return the matrix columns to count: at most 200, and none from personal data.

    Args:
        contract: The contract, whose bounds and categories define the bins.

    Returns:
        Pairs of the column's index in the matrix and its bins.
    """
    row_features = {feature.name: feature for feature in contract.features}
    personal = {column.name for column in contract.columns if column.personal}
    counted = []
    columns = matrix_layout.columns(contract)
    for position in matrix_layout.counted_columns(contract):
        column = columns[position]
        feature = row_features.get(column.name)
        if personal & set(feature.columns if feature else (matrix_layout.table_column(column),)):
            continue
        if column.categories is not None:
            bins = ColumnBins(column.name, categories=column.categories[:MOST_CATEGORIES])
        elif column.part_of is not None:
            bins = ColumnBins(column.name, edges=edges(0.0, 255.0))
        elif feature:
            bins = ColumnBins(column.name, edges=_OF_TIMES.get(feature.kind, _LADDER))
        else:
            source = contract.column(column.name)
            bins = ColumnBins(
                column.name, edges=edges(source.minimum, source.maximum, boolean=source.dtype == "boolean")
            )
        counted.append((position, bins))
    return counted[:MOST_COLUMNS]


def answers(contract: Contract) -> ColumnBins:
    """Return the bins of predictions: probabilities in tenths, values in the target's bounds, or anomaly scores."""
    if contract.task == "anomaly":
        return ColumnBins("value", edges=_SCORES)
    if contract.task != "regression":
        return ColumnBins("probability", edges=tuple(position / _BINS for position in range(1, _BINS)))
    return ColumnBins("value", edges=edges(contract.target.minimum, contract.target.maximum))


def edges(low: float | None, high: float | None, *, boolean: bool = False) -> tuple[float, ...]:
    """Return eleven edges of ten equal bins from ``low`` to ``high``; decades where a bound is unknown."""
    if boolean:
        return (0.0,)
    if low is None or high is None or not low < high:
        return _LADDER
    return (*(low + (high - low) * position / _BINS for position in range(_BINS)), high)
