"""The model matrix."""

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import DataError, InputError
from headrace.core.contracts.contract import Column, Contract, RowFeature
from headrace.core.features import matrix_layout, model_matrix
from tests.core import made


def test_columns_are_the_features_in_the_order_of_the_table_then_row_features() -> None:
    """Ids, targets and ignored columns are left out."""
    agreed = Contract(
        name="t",
        task="regression",
        columns=(
            Column("y", "number", role="target"),
            Column("b", "number"),
            Column("id", "integer", role="id"),
            Column("a", "integer"),
            Column("note", "string", role="ignore"),
        ),
        features=(RowFeature("share", "ratio", ("a", "b")),),
    )
    assert [column.name for column in matrix_layout.columns(agreed)] == ["b", "a", "share"]


def test_encode_gives_numbers_indices_and_nan() -> None:
    """Each dtype has its own way into the matrix; a value that is not listed is -1, a missing one NaN."""
    frame = made.table(3).with_columns(
        size=pl.Series([1.5, None, -2.0]),
        age=pl.Series([20, 30, 40]),
        plan=pl.Series(["premium", None, "gold"]),
        rooms=pl.Series([3, 9, None]),
        member=pl.Series([True, False, None]),
    )
    expected = [
        [1.5, 20, 2, 2, 1, 3, np.nan],
        [np.nan, 30, np.nan, -1, 0, 3, np.nan],
        [-2.0, 40, -1, np.nan, np.nan, 3, np.nan],
    ]
    encoded = model_matrix.encode(frame, made.contract())
    np.testing.assert_array_equal(encoded, expected)
    assert encoded.dtype == np.float64
    assert encoded.flags["C_CONTIGUOUS"]


def test_encode_does_not_depend_on_the_order_of_the_frames_columns() -> None:
    """A client may send columns in any order."""
    frame = made.table(20)
    shuffled = frame.select(reversed(frame.columns))
    np.testing.assert_array_equal(
        model_matrix.encode(shuffled, made.contract()), model_matrix.encode(frame, made.contract())
    )


def test_encode_of_no_rows_has_the_right_width() -> None:
    """An empty request is no error here."""
    assert model_matrix.encode(made.table(5).head(0), made.contract()).shape == (0, 7)


def test_encode_names_absent_columns() -> None:
    """A table without a feature is refused by name."""
    with pytest.raises(InputError, match="age"):
        model_matrix.encode(made.table(5).drop("age"), made.contract())


def test_encode_refuses_infinities_by_column() -> None:
    """An infinite number would poison every mean."""
    frame = made.table(5).with_columns(size=pl.lit(float("inf")))
    with pytest.raises(DataError, match=r"size.*infinit"):
        model_matrix.encode(frame, made.contract())


def test_encode_holds_numbers_where_float32_can_add_them_up() -> None:
    """Trees compare in float32, where 1e300 would be infinite."""
    frame = made.table(2).with_columns(size=pl.Series([1e300, -1e300]))
    encoded = model_matrix.encode(frame, made.contract())
    assert np.isfinite(np.repeat(encoded[:, 0], 10_000).astype(np.float32).cumsum()).all()


def test_a_target_whose_squares_would_overflow_is_refused() -> None:
    """With a remedy."""
    with pytest.raises(DataError, match="larger unit"):
        model_matrix.encode_target(pl.DataFrame({"target": [1e160, 1.0]}), made.contract("regression"))


def test_no_feature_at_all_is_refused_with_a_remedy() -> None:
    """A model of nothing is a mistake of the contract."""
    with pytest.raises(DataError, match="give a column the role 'feature'"):
        matrix_layout.columns(made.only([]))


def test_target_becomes_indices_in_the_order_of_the_contract() -> None:
    """The order of classes is the contract's, not that of their appearance."""
    frame = pl.DataFrame({"target": ["high", "low", "middle"]})
    np.testing.assert_array_equal(model_matrix.encode_target(frame, made.contract("multiclass")), [2, 0, 1])


@pytest.mark.parametrize(
    ("dtype", "categories", "values"),
    [
        ("integer", ("0", "1"), [1, 0]),
        ("number", ("1", "2"), [2.0, 1.0]),
        ("boolean", ("false", "true"), [True, False]),
        ("boolean", ("False", "True"), [True, False]),
    ],
)
def test_target_of_any_dtype_is_compared_by_value(
    dtype: str, categories: tuple[str, ...], values: list[object]
) -> None:
    """Classes are text in the contract but numbers or booleans in the table."""
    target = Column("y", dtype, role="target", categories=categories)  # type: ignore[arg-type]
    agreed = Contract(name="t", task="binary", columns=(Column("x", "number"), target))
    np.testing.assert_array_equal(model_matrix.encode_target(pl.DataFrame({"y": values}), agreed), [1, 0])


def test_strange_target_is_refused_with_an_example() -> None:
    """A class that the contract does not list is named."""
    with pytest.raises(DataError, match="perhaps"):
        model_matrix.encode_target(pl.DataFrame({"target": ["yes", "perhaps"]}), made.contract())


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_missing_target_is_refused(task: str) -> None:
    """Rows without a target cannot be learned from."""
    frame = made.table(5, task=task).with_columns(target=None)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="target"):
        model_matrix.encode_target(frame, made.contract(task))  # type: ignore[arg-type]


def test_positive_class_is_the_contracts_or_the_last() -> None:
    """Without a word from the contract the second class is the positive one."""
    from dataclasses import replace

    assert matrix_layout.positive(replace(made.contract(), positive="no")) == 0
    assert matrix_layout.positive(replace(made.contract(), positive="")) == 1
