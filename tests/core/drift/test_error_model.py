"""How large the errors of a regression are by its inputs, as a bundle's profile holds it."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.json_document import as_json
from headrace.core.drift.error_model import MOST_TERMS, ErrorModel
from headrace.core.drift.input_bins import choose_bins, choose_edges
from headrace.core.drift.input_counts import ColumnCounts, InputCounts
from headrace.core.features.bins import ColumnBins
from headrace.core.features.matrix_layout import MatrixColumn

Rng = np.random.Generator


def _fit(values: np.ndarray, inputs: np.ndarray, errors: np.ndarray, **categories: int) -> ErrorModel:
    """Fit with bins of the same rows; ``categories`` says how many categories the columns ``x0`` and so on have."""
    columns = [
        MatrixColumn(name, categories=tuple(map(str, range(categories[name]))) if name in categories else None)
        for name in (f"x{place}" for place in range(inputs.shape[1]))
    ]
    counts = InputCounts.of(inputs, choose_bins(inputs, columns)).columns
    predicted = ColumnCounts.of(values, ColumnBins("value", edges=choose_edges(values)))
    return ErrorModel.fit([values, *inputs.T], [predicted, *counts], errors)


def test_the_inputs_that_matter_have_the_most_terms() -> None:
    """Of forty inputs, errors depend on one: it bends in the model, and all others are there with what room is left."""
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((2000, 40))
    model = _fit(inputs[:, 0], inputs, (1 + np.abs(inputs[:, 7])) * rng.standard_normal(2000))
    assert len(model.terms) <= MOST_TERMS
    assert {term.shape for term in model.terms if term.column == 8} == {
        "score",
        "upper_half",
        "upper_tail",
        "lower_tail",
    }
    assert {term.column for term in model.terms} == set(range(41))


def test_a_small_test_part_has_one_term_for_ten_rows() -> None:
    """More would fit its noise."""
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((45, 20))
    assert len(_fit(inputs[:, 0], inputs, rng.standard_normal(45)).terms) == 4


def test_categories_and_missing_values_have_terms_of_their_own() -> None:
    """A category with few rows has none, and neither has the commonest, with which the others are compared."""
    rng = np.random.default_rng(0)
    codes = np.repeat([0.0, 1.0, 2.0], [600, 390, 10])
    number = np.where(np.arange(1000) % 5, rng.standard_normal(1000), np.nan)
    inputs = np.column_stack([codes, number])
    errors = np.where(codes == 1, 3.0, 1.0) * rng.choice([-1.0, 1.0], 1000)
    model = _fit(rng.standard_normal(1000), inputs, errors, x0=3)
    assert [(term.shape, term.bin) for term in model.terms if term.column == 1] == [("bin", 1)]
    missing = [term for term in model.terms if term.column == 2 and term.shape == "bin"]
    assert [(term.mean, term.deviation) for term in missing] == [(0.2, 0.4)]
    (effect,) = (
        change * model.absolute.mean / term.deviation
        for term, change in zip(model.terms, model.absolute.coefficients, strict=True)
        if term.column == 1
    )
    assert effect == pytest.approx(2.0, rel=0.02)


@given(seed=st.integers(0, 50), factor=st.sampled_from([1e-6, 0.5, 1000.0, -1.0]))
def test_the_unit_of_the_target_changes_the_means_only(seed: int, factor: float) -> None:
    """Errors in another unit, or of the other sign, depend on the inputs in the same way."""
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((200, 3))
    errors = rng.standard_normal(200) * (2 + inputs[:, 0])
    one, other = _fit(inputs[:, 1], inputs, errors), _fit(inputs[:, 1], inputs, factor * errors)
    assert other.terms == one.terms
    assert other.absolute.mean == pytest.approx(abs(factor) * one.absolute.mean)
    assert other.squared.mean == pytest.approx(factor**2 * one.squared.mean)
    for measure, changed in ((one.absolute, other.absolute), (one.squared, other.squared)):
        assert changed.coefficients == pytest.approx(measure.coefficients, rel=1e-4, abs=1e-5)
        assert changed.noise == pytest.approx(measure.noise, rel=1e-4)


def test_an_input_that_hardly_varies_has_no_term() -> None:
    """Trips of one month: the computed deviation of equal scores is 1e-18, and any window would lie far off."""
    rng = np.random.default_rng(0)
    month, rare = np.full(1287, 3.0), np.zeros(1287)
    month[0], rare[:9] = 2.0, 1.0
    model = _fit(rng.standard_normal(1287), np.column_stack([month, rare]), rng.standard_normal(1287))
    assert {term.column for term in model.terms} == {0}
    constant = ColumnCounts.of(np.full(1287, 0.3), ColumnBins("month", edges=(0.1, 0.2, 0.4, 0.5)))
    values = np.full(1287, 0.3)
    predicted = ColumnCounts.of(values, ColumnBins("value", edges=(0.0, 1.0)))
    assert ErrorModel.fit([values, values], [predicted, constant], rng.standard_normal(1287)).terms == ()


@pytest.mark.parametrize("rows", [0, 1, 9, 100])
def test_few_rows_no_errors_and_constant_inputs_are_described(rows: int) -> None:
    """There is nothing that an input could tell."""
    model = _fit(np.zeros(rows), np.ones((rows, 2)), np.zeros(rows))
    assert (model.rows, model.terms) == (rows, ())
    assert (model.absolute.mean, model.squared.mean) == (0.0, 0.0)


def test_its_part_of_the_profile_is_bounded() -> None:
    """However many inputs and rows there are, it has at most 40,000 characters."""
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((1500, 120))
    model = _fit(inputs[:, 0], inputs, rng.standard_normal(1500))
    assert len(model.terms) == MOST_TERMS
    assert len(json.dumps(as_json(model))) < 40_000
