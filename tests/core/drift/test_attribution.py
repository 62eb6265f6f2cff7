"""Which inputs explain a change of the predictions."""

import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.core.base.errors import InputError
from headrace.core.drift.attribution import DriftAttribution, attribute_change
from headrace.core.drift.input_bins import choose_bins
from headrace.core.drift.input_counts import ColumnCounts, find_bins
from headrace.core.features.matrix_layout import MatrixColumn

COLUMNS = tuple(MatrixColumn(name) for name in ("first", "second", "third"))


def _score(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return 2 * matrix[:, 0] + matrix[:, 1]


def _attribute(reference: NDArray[np.float64], window: NDArray[np.float64]) -> DriftAttribution:
    bins = choose_bins(reference, COLUMNS)
    (output_bins,) = choose_bins(_score(reference)[:, None], (MatrixColumn("score"),))
    return attribute_change(
        [ColumnCounts.of(values, column) for values, column in zip(reference.T, bins, strict=True)],
        [find_bins(values, column) for values, column in zip(window.T, bins, strict=True)],
        outputs=ColumnCounts.of(_score(reference), output_bins),
        predictions=find_bins(_score(window), output_bins),
    )


def test_the_input_that_moved_the_predictions_explains_them() -> None:
    """Another that moved as far has no influence on the model, and a third has not moved."""
    rng = np.random.default_rng(0)
    reference, window = rng.standard_normal((20_000, 3)), rng.standard_normal((5000, 3))
    window[:, 0] += 0.5
    window[:, 2] += 0.5
    found = _attribute(reference, window)
    assert found.change > 0.1
    assert found.share("first") == pytest.approx(1.0, abs=0.1)
    assert abs(found.share("second")) < 0.1
    assert abs(found.share("third")) < 0.1
    assert found.change == pytest.approx(sum(found.parts.values()) + found.unexplained)


def test_two_inputs_share_the_change_by_their_influence() -> None:
    """Both have moved by as much; the first counts twice in the model."""
    rng = np.random.default_rng(1)
    reference, window = rng.standard_normal((20_000, 3)), rng.standard_normal((20_000, 3))
    window[:, :2] += 0.3
    found = _attribute(reference, window)
    assert found.share("first") == pytest.approx(2 / 3, abs=0.1)
    assert found.share("second") == pytest.approx(1 / 3, abs=0.1)


def test_a_change_of_dependence_is_not_explained() -> None:
    """No input has moved; what the predictions did remains."""
    rng = np.random.default_rng(2)
    reference = np.abs(rng.standard_normal((20_000, 3)))
    window = np.abs(rng.standard_normal((5000, 3)))
    bins = choose_bins(reference, COLUMNS)
    (output_bins,) = choose_bins(_score(reference)[:, None], (MatrixColumn("score"),))
    found = attribute_change(
        [ColumnCounts.of(values, column) for values, column in zip(reference.T, bins, strict=True)],
        [find_bins(values, column) for values, column in zip(window.T, bins, strict=True)],
        outputs=ColumnCounts.of(_score(reference), output_bins),
        predictions=find_bins(_score(window) + 1.0, output_bins),  # the model is another one
    )
    assert found.unexplained == pytest.approx(found.change, rel=0.1)


def test_too_many_inputs_and_no_rows_are_one_sentence() -> None:
    """Orders of many inputs cannot be averaged."""
    counts = ColumnCounts.of(np.zeros(3), choose_bins(np.zeros((3, 1)), COLUMNS[:1])[0])
    with pytest.raises(InputError, match="at most 8 inputs and on at least one row; got 9 inputs and 1 rows"):
        attribute_change([counts] * 9, [np.zeros(1, int)] * 9, outputs=counts, predictions=np.zeros(1, int))
    with pytest.raises(InputError, match="got 1 inputs and 0 rows"):
        attribute_change([counts], [np.zeros(0, int)], outputs=counts, predictions=np.zeros(0, int))
