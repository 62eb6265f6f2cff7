"""An autoencoder as a family of the task anomaly."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from headrace.core.base.errors import InternalError
from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.graphs.load_graph import load_graph
from headrace.core.models import families, fitted_model, fitting, skops_file

COLUMNS = [*(MatrixColumn(f"sensor {place}") for place in range(5)), MatrixColumn("mode", ("a", "b"))]
SMALL = {"units": 16, "code": 2, "epochs": 60, "batch_size": 32, "learning_rate": 0.02}


@pytest.fixture(scope="module", autouse=True)
def _checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HEADRACE_CHECKPOINTS", str(tmp_path_factory.mktemp("fits") / "checkpoints"))
        yield


def sensors(rows: int, seed: int = 0) -> Any:
    """A matrix (n, 6) of sensors that follow two hidden numbers, and a mode that follows one; with gaps."""
    draw = np.random.default_rng(seed)
    hidden = draw.normal(size=(rows, 2))
    mixed = hidden @ np.array([[1, 0, 1, 2, -1], [0, 1, 1, -1, 2.0]]) + 0.05 * draw.normal(size=(rows, 5))
    matrix = np.column_stack([1000 + 50 * mixed, hidden[:, 0] > 0])
    matrix[draw.random(matrix.shape) < 0.01] = np.nan
    return matrix


@pytest.fixture(scope="module")
def pipeline() -> Any:
    """A fitted pipeline; labels, as a few rows have them, do not reach the fit."""
    made = families.family("autoencoder").build(COLUMNS, task="anomaly", parameters=SMALL, seed=1)
    matrix = sensors(400)
    fitting.fit(made, matrix, np.full(len(matrix), np.nan))
    return made


def broken(matrix: Any) -> Any:
    """The same rows, with a third sensor that does not fit the others."""
    changed = matrix.copy()
    changed[:, 2] = np.nan_to_num(matrix[:, 2], nan=1000.0) + 150.0
    return changed


def test_rows_that_do_not_fit_together_have_higher_scores(pipeline: Any) -> None:
    """Each value of them is a usual one; the column that does not fit is named by the explanation."""
    matrix = np.nan_to_num(sensors(200, seed=1), nan=1000.0)
    usual, strange = (fitted_model.predicted_values(pipeline, rows) for rows in (matrix, broken(matrix)))
    assert np.mean(strange[:, None] > usual[None]) > 0.9
    shares = pipeline[-1].explain_scores(broken(matrix))
    np.testing.assert_allclose(shares.sum(axis=1), strange, rtol=1e-6)
    assert (shares >= 0).all()
    assert (shares.argmax(axis=1) == 2).mean() > 0.6


def test_whatever_may_come_has_a_finite_score_and_the_file_gives_the_same(pipeline: Any) -> None:
    """Missing, unlisted and huge values."""
    strange = np.array([[np.nan] * 6, [1e30] * 5 + [-1], [-1e30] * 5 + [1], [0.0] * 5 + [np.nan]])
    found = fitted_model.predicted_values(pipeline, strange)
    assert np.isfinite(found).all()
    stored = skops_file.loads(skops_file.dumps(pipeline))
    assert np.array_equal(fitted_model.predicted_values(stored, strange), found)
    run = load_graph(pipeline[-1].content, columns=6, classes=0)
    np.testing.assert_allclose(-run(["Y"], {"X": strange})[0], pipeline[-1].score_samples(strange))


def test_a_target_is_refused(pipeline: Any) -> None:
    """Labels serve the evaluation only."""
    with pytest.raises(InternalError, match="without a target"):
        pipeline[-1].fit(sensors(10), np.zeros(10))
