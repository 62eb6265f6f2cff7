"""A linear regression by step."""

from typing import Any

import numpy as np
import polars as pl
from sklearn.linear_model import Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from headrace.core.contracts.contract import Column, Contract
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.models import families, fitting, skops_file
from headrace.core.models.fitted_model import Model
from headrace.core.models.series.direct_linear import DirectRidge
from headrace.core.onnx_export.parity import convert_exactly
from headrace.core.series.regular_series import read_series
from headrace.core.series.window_contract import window_contract
from headrace.core.series.windows import training_windows
from tests.core.series.made_series import MONTHLY, monthly

TABLE = Contract("made", "regression", (Column("month", "timestamp", "timestamp"), Column("sold", "number", "target")))
CONTRACT = window_contract(TABLE, MONTHLY, keys={})


@parametrize_with_checks([DirectRidge()])
def test_estimator_keeps_the_rules_of_scikit_learn(estimator: Any, check: Any) -> None:
    """As every estimator of our own does."""
    check(estimator)


def test_each_step_is_a_ridge_regression_of_its_own_and_unknown_ones_are_their_mean() -> None:
    """Codes that no row has, and those that are not listed."""
    draw = np.random.default_rng(0)
    matrix, codes = draw.normal(size=(90, 3)), np.repeat([0.0, 2.0], 45)
    target = matrix @ [1.0, 2.0, 3.0] * (1 + codes) + codes
    found = DirectRidge(steps=3).fit(np.column_stack([matrix, codes]), target)
    alone = [Ridge().fit(matrix[codes == code], target[codes == code]) for code in (0.0, 2.0)]
    np.testing.assert_allclose(found.predict(np.column_stack([matrix, codes]))[:45], alone[0].predict(matrix[:45]))
    mean = (alone[0].predict(matrix) + alone[1].predict(matrix)) / 2
    for code in (1.0, -1.0, 7.0):
        np.testing.assert_allclose(found.predict(np.column_stack([matrix, np.full(90, code)])), mean)


def test_windows_of_a_season_are_learnt_and_the_graph_is_exact() -> None:
    """Missing values and steps that are not listed too, as the probes have them."""
    rows = read_series(monthly(), MONTHLY).series
    frame = training_windows(rows, MONTHLY)
    encoded = model_matrix.encode(with_features(frame), CONTRACT)
    target = model_matrix.encode_target(frame, CONTRACT)
    pipeline = families.family("direct_linear").build(
        matrix_layout.columns(CONTRACT), task="regression", parameters={}, seed=0
    )
    fitting.fit(pipeline, encoded[:400], target[:400])
    later = np.abs(pipeline.predict(encoded[420:]) - target[420:]).mean()
    assert later < 0.4 * np.abs(target[420:]).mean()
    model = Model(pipeline, CONTRACT, "direct_linear", {}, 0, {})
    assert convert_exactly(model, encoded[:50]).parity.off == 0
    stored = skops_file.loads(skops_file.dumps(pipeline))
    assert np.array_equal(stored.predict(encoded), pipeline.predict(encoded))


def with_features(frame: pl.DataFrame) -> pl.DataFrame:
    """The windows with the features of their times."""
    from headrace.core.features import row_features

    return row_features.add(frame, CONTRACT)
