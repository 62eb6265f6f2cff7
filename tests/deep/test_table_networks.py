"""Networks over sequences and tables: gaps, scales and categories are part of the graph."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Column, Contract
from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.models import families, fitted_model, fitting, skops_file
from headrace.core.models.fitted_model import Model
from headrace.core.models.series.sequence_columns import find_sequences
from headrace.core.onnx_export.parity import convert_exactly

# Compiling takes longer than the fits: the default tests have one network with a sequence, and the one without.
NAMES = ["tcn", "mlp_embeddings", *(pytest.param(name, marks=pytest.mark.exhaustive) for name in ("gru", "lstm"))]
SMALL = {"units": 8, "epochs": 8, "batch_size": 32, "learning_rate": 0.01, "dropout": 0.0}
COLUMNS = (
    Column("size", "number"),
    Column("plan", "string", categories=("a", "b", "c"), unseen="accept"),
    *(Column(f"load_{hour}", "number") for hour in range(8)),
)
CONTRACT = Contract(
    "machines",
    "binary",
    (*COLUMNS, Column("fault", "string", "target", categories=("no", "yes"))),
    positive="yes",
)
MATRIX_COLUMNS = [MatrixColumn(column.name, column.categories, column.dtype) for column in COLUMNS]


@pytest.fixture(autouse=True, scope="module")
def _checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One folder for all of them, with what was compiled."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HEADRACE_CHECKPOINTS", str(tmp_path_factory.mktemp("fits") / "checkpoints"))
        yield


def machines(rows: int, seed: int = 0) -> tuple[Any, Any]:
    """A matrix (n, 10) with gaps, and whether the load rose, by more for some plans (n,)."""
    draw = np.random.default_rng(seed)
    load, plan = draw.normal(size=(rows, 8)).cumsum(axis=1), draw.integers(0, 2, rows)
    target = (load[:, -1] - load[:, 3] + plan > 0.5).astype(np.int64)
    matrix = np.column_stack([draw.normal(size=rows), plan, 100 + 10 * load])
    matrix[draw.random(matrix.shape) < 0.02] = np.nan
    return matrix, target


def fit(name: str, target: Any = None, rows: int = 300) -> Any:
    """A fitted pipeline."""
    pipeline = families.family(name).build(MATRIX_COLUMNS, task="binary", parameters=SMALL, seed=3)
    matrix, actual = machines(rows)
    fitting.fit(pipeline, matrix, actual if target is None else target)
    return pipeline


@pytest.mark.parametrize("name", NAMES)
def test_a_network_learns_answers_everything_and_is_its_graph(name: str) -> None:
    """Unseen rows, and missing, unlisted, unseen and huge values; the stored file gives the same without Keras."""
    pipeline = fit(name)
    matrix, target = machines(200, seed=1)
    found = fitted_model.predicted_probabilities(pipeline, matrix, 2)
    assert (found.argmax(axis=1) == target).mean() > 0.7
    strange = np.vstack([matrix[:4]] * 6)
    strange[0:4], strange[4:8, 1], strange[8:12, 1], strange[12:16, 1] = np.nan, -1, np.nan, 2
    strange[16:20], strange[20:24] = 1e30, -1e30
    answers = fitted_model.predicted_probabilities(pipeline, strange, 2)
    assert np.isfinite(answers).all()
    np.testing.assert_allclose(answers.sum(axis=1), 1.0, rtol=1e-5)
    stored = skops_file.loads(skops_file.dumps(pipeline))
    assert np.array_equal(fitted_model.predicted_probabilities(stored, matrix, 2), found)
    model = Model(pipeline, CONTRACT, name, SMALL, 3, {})
    assert convert_exactly(model, matrix[:40]).parity.off == 0
    # The same rows and seed give the same bytes.
    assert fit(name)[-1].content == pipeline[-1].content


def test_random_labels_are_not_learnt() -> None:
    """On rows that it has not seen, half of the answers are right."""
    labels = np.random.default_rng(5).integers(0, 2, 300)
    pipeline = fit("mlp_embeddings", labels)
    found = fitted_model.predicted_probabilities(pipeline, machines(600, seed=2)[0], 2).argmax(axis=1)
    fresh = np.random.default_rng(6).integers(0, 2, 600)
    assert 0.42 < (found == fresh).mean() < 0.58


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["x_1", "x_2", "x_3", "x_4"], ((0, 1, 2, 3),)),
        (["x_10", "x_9", "x_8", "x_7"], ((3, 2, 1, 0),)),
        (["a", "lag_2", "lag_3", "lag_4", "lag_5"], ((4, 3, 2, 1),)),
        (["x_1", "y_1", "x_2", "y_2", "x_3", "y_3", "x_4", "y_4"], ((0, 2, 4, 6), (1, 3, 5, 7))),
        (["x_1", "x_2", "x_3", "x_5"], ()),
        (["x_1", "x_2", "x_3"], ()),
        (["", "", ""], ()),
    ],
)
def test_sequences_are_numbered_columns_of_one_name(names: list[str], expected: Any) -> None:
    """In the order of time; lags count back from the latest value."""
    assert find_sequences(names) == expected


@pytest.mark.parametrize("name", ["gru", "lstm", "tcn"])
def test_columns_without_a_sequence_are_refused(name: str) -> None:
    """Before anything begins."""
    with pytest.raises(InputError, match=f"the family {name} takes sequences: at least 4 columns"):
        families.family(name).build(MATRIX_COLUMNS[:4], task="binary", parameters={}, seed=0)
