"""The gate of a converted model, and the rows that it asks."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from headrace.core.contracts.contract import Column, Contract
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.inference.engine import OnnxEngine
from headrace.core.models import families
from headrace.core.models.fitted_model import Model
from headrace.core.models.fitting import fit
from headrace.core.onnx_export import parity, probe_rows
from headrace.core.onnx_export.export import convert
from headrace.core.onnx_export.graph import InexactError
from headrace.core.onnx_export.trees import list_trees
from tests.core import made
from tests.core.onnx_export.test_export import answers, fitted


def rows(model: Model, count: int = 300) -> model_matrix.Matrix:
    """Rows that the model has not seen."""
    return model_matrix.encode(made.table(count, task=model.contract.task, seed=7), model.contract)


def asked(model: Model, real: model_matrix.Matrix) -> model_matrix.Matrix:
    """All rows that the gate asks."""
    return np.concatenate(list(probe_rows.blocks(model, real)))


def test_it_asks_what_a_table_may_hold_and_no_more() -> None:
    """Real rows, all missing, each category, unlisted ones, both ends; but no number beyond the matrix's own bounds."""
    model, _ = fitted("random_forest", "binary")
    real, found = rows(model), asked(model, rows(model))
    np.testing.assert_array_equal(found[: len(real)], real)
    assert np.isnan(found).all(axis=1).any()
    for place, column in enumerate(matrix_layout.columns(model.contract)):
        values = set(found[~np.isnan(found[:, place]), place].tolist())
        assert np.isnan(found[:, place]).any()
        if column.categories is None:
            assert {1e30, -1e30, 0.0} <= values
        else:
            assert values == {-1.0, *map(float, range(len(column.categories)))}
    assert np.nanmax(np.abs(found)) == 1e30


def test_it_keeps_to_bounds_that_the_door_keeps() -> None:
    """Where the contract refuses a number, no model has to answer it."""
    model, _ = fitted("hist_gradient_boosting", "binary", features="numbers")
    columns = tuple(
        replace(column, minimum=-4.0, maximum=4.0) if column.name == "size" else column
        for column in model.contract.columns
    )
    strict = replace(model, contract=replace(model.contract, columns=columns, rules={"range": "stop"}))
    found = asked(strict, rows(strict))[:, 0]
    assert np.nanmax(found) == 4.0
    assert np.nanmin(found) == -4.0


@pytest.mark.parametrize("name", ["random_forest", "hist_gradient_boosting"])
def test_rows_beside_a_split_come_through_that_split(name: str) -> None:
    """Else they would test the first node of a tree again and again: most nodes of a small model are tested."""
    model, _ = fitted(name, "binary", features="numbers")
    prepared = model.pipeline[:-1].transform(asked(model, rows(model)))
    if name == "random_forest":
        prepared = prepared.astype(np.float32)
    reached = on_split = splits = 0
    for tree in list_trees(model.pipeline[-1])[:5]:
        inner = np.flatnonzero(tree.left >= 0)
        node = np.zeros(len(prepared), dtype=np.int64)
        seen, touched = set(), set()
        for _ in range(50):
            value = prepared[np.arange(len(prepared)), tree.feature[node]]
            seen |= set(node[tree.left[node] >= 0].tolist())
            touched |= set(node[(tree.left[node] >= 0) & (value == tree.threshold[node].astype(value.dtype))].tolist())
            left = (value <= tree.threshold[node]) | (np.isnan(value) & tree.missing_left[node])
            node = np.where(tree.left[node] < 0, node, np.where(left, tree.left[node], tree.right[node]))
        splits, reached, on_split = splits + len(inner), reached + len(seen), on_split + len(touched)
    assert reached == splits
    assert on_split > 0.8 * splits


def test_wide_tables_are_asked_in_blocks() -> None:
    """The rows made of a table of many columns are never in memory at once."""
    columns = tuple(Column(f"n{place}", "number") for place in range(3000))
    agreed = Contract("wide", "binary", columns=(*columns, Column("t", "string", role="target", categories=("a", "b"))))
    real = np.random.default_rng(0).normal(size=(60, 3000))
    pipeline = families.family("logistic").build(matrix_layout.columns(agreed), task="binary", parameters={}, seed=0)
    fit(pipeline, real, np.arange(60) % 2)
    model = Model(pipeline=pipeline, contract=agreed, family="logistic", parameters={}, seed=0, train={})
    blocks = [block.shape for block in probe_rows.blocks(model, real)]
    assert max(count * width for count, width in blocks) <= 1 << 22
    assert sum(count for count, _ in blocks) > 6000
    assert parity.convert_exactly(model, real).parity.rows == sum(count for count, _ in blocks)


def test_a_column_whose_absence_tells_all_is_split_exactly() -> None:
    """Boosting then splits at infinity, and only missing values go the other way."""
    draw = np.random.default_rng(0)
    target = draw.integers(0, 2, 400)
    real = np.where(target == 1, np.nan, draw.normal(size=400)).reshape(-1, 1)
    agreed = made.only(["size"])
    pipeline = families.family("hist_gradient_boosting").build(
        matrix_layout.columns(agreed), task="binary", parameters={"max_iter": 5}, seed=0
    )
    fit(pipeline, real, target)
    model = Model(pipeline=pipeline, contract=agreed, family="", parameters={}, seed=0, train={})
    assert np.isinf(np.concatenate([tree.threshold for tree in list_trees(pipeline[-1])])).any()
    found = parity.convert_exactly(model, real)
    engine = OnnxEngine(found.content, agreed)
    assert engine(np.array([[np.nan]]))[0, 1] > 0.5 > engine(np.array([[1e30]]))[0, 1]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("name", ["random_forest", "hist_gradient_boosting", "mlp"])
@pytest.mark.parametrize("kept", [(0, 2), (1,), (2,)])
def test_categories_that_training_rows_lack_are_looked_up_as_unknown(name: str, task: Any, kept: tuple[int]) -> None:
    """Whether between those that they hold, before or behind; and missing ones that they did not hold."""
    model, _ = fitted(name, task)
    encoded = model_matrix.encode(made.table(300, task=task, seed=2), model.contract)
    encoded = encoded[np.isin(encoded[:, 2], kept)]
    target = made.table(300, task=task, seed=2)
    target = model_matrix.encode_target(target, model.contract)[
        np.isin(model_matrix.encode(target, model.contract)[:, 2], kept)
    ]
    parameters = {"random_forest": {"n_estimators": 5}, "mlp": {"max_iter": 5}}.get(name, {"max_iter": 5})
    pipeline = families.family(name).build(
        matrix_layout.columns(model.contract), task=task, parameters=parameters, seed=0
    )
    fit(pipeline, encoded, target)
    lacking = replace(model, pipeline=pipeline)
    found = parity.convert_exactly(lacking, rows(lacking))
    strange = rows(lacking)
    strange[:, 2] = np.resize([np.nan, -1, 0, 1, 2], len(strange))
    np.testing.assert_allclose(
        OnnxEngine(found.content, model.contract)(strange), answers(lacking, strange), rtol=1e-9, atol=1e-12
    )


def test_trees_are_bit_for_bit_the_same() -> None:
    """The mean of a forest is added up in the order of scikit-learn."""
    model, _ = fitted("random_forest", "regression")
    real = rows(model)
    found = parity.convert_exactly(model, real)
    np.testing.assert_array_equal(OnnxEngine(found.content, model.contract)(real), answers(model, real))
    assert found.parity.largest_difference == 0.0


def test_what_was_measured_is_told_as_a_power_of_ten() -> None:
    """So that another processor's last digit does not change the digest of a bundle."""
    measured = parity.ParityReport(rows=3, answers=6, off=0, largest_difference=3.3e-16, labels_differ=0)
    assert measured.as_json() == {"rows": 3, "largest_difference": 1e-15, "labels_differ": 0}
    assert parity.ParityReport(largest_difference=np.inf).as_json()["largest_difference"] == 1e300
    assert parity.ParityReport().as_json()["largest_difference"] == 0


def test_an_answer_that_is_no_number_is_a_difference() -> None:
    """Even if both have none: nobody could compare what they would say of the next row."""
    model, _ = fitted("linear", "regression")
    model.pipeline[-1].coef_[:] = np.nan
    with pytest.raises(InexactError, match=r"answers differ from scikit-learn's"):
        parity.convert_exactly(model, rows(model))


def test_a_model_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is written: scikit-learn serves it instead."""
    monkeypatch.setattr("headrace.core.onnx_export.tree_ensemble.MOST_NODES", 10)
    model, _ = fitted("random_forest", "binary")
    with pytest.raises(InexactError, match="at most 10 nodes"):
        convert(model)
