"""Isolation forests and autoencoders that a real H2O fits, without looking at a label."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.core.base.errors import DataError
from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.models import families, fitted_model, fitting
from headrace.core.models.anomaly.anomaly_estimator import is_anomaly_pipeline
from headrace.core.models.fitted_model import Model
from headrace.core.models.h2o import h2o_server
from headrace.core.models.h2o.h2o_estimator import H2OEstimator
from headrace.core.onnx_export.graph import InexactError
from headrace.core.onnx_export.parity import convert_exactly
from headrace.core.statistics import metrics
from tests.core import made
from tests.fraud import payments
from tests.jvm.java_parts import library
from tests.made_bundle import make_bundle
from tests.real.h2o_parts import importable_h2o
from tests.serving.conftest import running

pytestmark = [pytest.mark.h2o, pytest.mark.timeout(600)]
NAMES = ("h2o_isolation_forest", "h2o_autoencoder")
QUICK: dict[str, dict[str, Any]] = {
    "h2o_isolation_forest": {"ntrees": 20},
    "h2o_autoencoder": {"hidden_units": 3, "epochs": 5},
}


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    """H2O's server, which this process starts at its first fit, and ends here."""
    importable_h2o()
    library()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADRACE_H2O_MEMORY", "800m")
        yield
        h2o_server.close()


def fitted(
    name: str, *, seed: int = 3, parameters: dict[str, Any] | None = None, agreed: Contract | None = None
) -> Model:
    """A small model."""
    agreed, frame = agreed or made.contract("anomaly"), made.table(300, task="anomaly")
    given = QUICK[name] if parameters is None else parameters
    columns = matrix_layout.columns(agreed)
    fresh = families.family(name).build(columns, task="anomaly", parameters=given, seed=seed)
    fitting.fit(fresh, model_matrix.encode(frame, agreed), model_matrix.encode_target(frame, agreed))
    return Model(fresh, agreed, name, given, seed, {"rows": 300, "digest": "0" * 64})


def rows() -> Any:
    """A model matrix with missing, unlisted and extreme values."""
    matrix = model_matrix.encode(made.table(60, task="anomaly", seed=8), made.contract("anomaly"))
    matrix[0], matrix[1, 2], matrix[2, 3], matrix[3, 0] = np.nan, -1, -1, 1e9
    return matrix


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What H2O itself says of ``rows`` right after a fit: scores, and squared errors by input of the network."""
    found: dict[str, Any] = {}
    fit = H2OEstimator._fit_alone

    def fit_and_predict(self: Any, client: Any, given: Any) -> Any:
        model = fit(self, client, given)
        found["columns"] = given["training_frame"].columns
        types = self.table.write(rows(), None, tmp_path / "rows.csv")
        asked = client.upload_file(str(tmp_path / "rows.csv"), header=1, sep=",", col_types=types)
        is_forest = self.algorithm == "isolationforest"
        told = (model.predict if is_forest else model.anomaly)(asked)
        found["scores"] = _numbers(told)[:, 0]
        if not is_forest:
            errors = model.anomaly(asked, per_feature=True)
            found["names"], found["errors"] = list(errors.columns), _numbers(errors)
        return model

    monkeypatch.setattr(H2OEstimator, "_fit_alone", fit_and_predict)
    return found


def _numbers(frame: Any) -> Any:
    return np.array([[float(value) for value in row] for row in frame.as_data_frame(use_pandas=False, header=False)])


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_those_of_h2o_itself(name: str, own: dict[str, Any], tmp_path: Path) -> None:
    """Of a forest H2O's ``predict``, of an autoencoder its ``anomaly``; the same after a way through a folder."""
    model = fitted(name)
    found = fitted_model.predicted_values(model.pipeline, rows())
    np.testing.assert_allclose(found, own["scores"], rtol=1e-12, atol=1e-12)
    assert "target" not in own["columns"], "H2O never gets a label"
    fitted_model.save(model, tmp_path / "model")
    back = fitted_model.load(tmp_path / "model")
    assert is_anomaly_pipeline(back.pipeline)
    np.testing.assert_array_equal(fitted_model.predicted_values(back.pipeline, rows()), found)


@pytest.mark.parametrize("name", NAMES)
def test_odd_rows_score_higher(name: str) -> None:
    """On rows that the fit did not see, against labels that it never got."""
    test = made.table(600, task="anomaly", seed=1)
    model = fitted(name, parameters={}, agreed=made.only(["size", "age"], task="anomaly"))
    scores, labels = model.score(test), model_matrix.encode_target(test, model.contract)
    assert metrics.roc_auc(labels[labels >= 0] == 1, scores[labels >= 0]) > 0.8


@pytest.mark.parametrize("name", NAMES)
def test_equal_fits_give_equal_bytes(name: str, tmp_path: Path) -> None:
    """The same rows and seed give the same files."""
    for place in ("one", "other"):
        fitted_model.save(fitted(name), tmp_path / place)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("activation", ["Tanh", "Rectifier"])
def test_errors_of_the_columns_are_those_of_h2o(activation: str, own: dict[str, Any]) -> None:
    """H2O gives them by input of the network; a column's are added up, so that all of them make the score."""
    model = fitted("h2o_autoencoder", parameters={"hidden_layers": 2, "epochs": 5, "activation": activation})
    found = model.pipeline[-1].explain_scores(rows())
    np.testing.assert_allclose(found.sum(axis=1), own["scores"], rtol=1e-12)
    columns = matrix_layout.columns(model.contract)
    for place, column in enumerate(columns):
        start = f"reconstr_{column.name}."
        of_column = own["errors"][:, [name.startswith(start) for name in own["names"]]]
        expected = of_column.sum(axis=1) / len(own["names"])
        np.testing.assert_allclose(found[:, place], expected, rtol=1e-9, atol=1e-15, err_msg=column.name)


@pytest.mark.parametrize("activation", ["Tanh", "Rectifier"])
def test_an_autoencoder_has_an_exact_form_in_onnx(activation: str) -> None:
    """So a server needs no Java."""
    model = fitted("h2o_autoencoder", parameters={"hidden_layers": 2, "epochs": 5, "activation": activation})
    exact = convert_exactly(model, model.encode(made.table(60, task="anomaly", seed=8)))
    assert exact.parity.rows > 100
    assert exact.parity.largest_difference < 1e-12


def test_a_forest_has_none_and_does_not_explain() -> None:
    """It is served by Java, and its scores are no sums over columns."""
    model = fitted("h2o_isolation_forest")
    with pytest.raises(InexactError, match="a MOJO of isolationforest is scored by Java"):
        convert_exactly(model, rows())
    assert not hasattr(model.pipeline[-1], "explain_scores")


def test_what_h2o_refuses_is_one_sentence() -> None:
    """More rows in a tree than the table has are taken; a table without a column that varies is not."""
    fitted("h2o_isolation_forest", parameters={"ntrees": 2, "sample_size": 5000})
    agreed = made.only(["constant"], task="anomaly")
    fresh = families.family("h2o_isolation_forest").build(
        matrix_layout.columns(agreed), task="anomaly", parameters={}, seed=0
    )
    with pytest.raises(DataError, match="H2O must be able to fit this model; it said"):
        fresh.fit(model_matrix.encode(made.table(30, task="anomaly"), agreed))


@pytest.mark.parametrize(("name", "engine"), [("h2o_isolation_forest", "mojo"), ("h2o_autoencoder", "onnx")])
def test_a_server_answers_scores_and_alerts(name: str, engine: str, tmp_path: Path) -> None:
    """As the model itself; an odd payment is an alert, and an autoencoder says which columns make it one."""
    payments(600).write_csv(tmp_path / "payments.csv")
    bundle = make_bundle(
        tmp_path, table=tmp_path / "payments.csv", target="label", task="anomaly", family=name, parameters=QUICK[name]
    )
    assert bundle.json("engine.json")["engine"] == engine
    cases = bundle.json("cases.json")["cases"]
    body = json.dumps({"instances": [case["request"] for case in cases]}).encode()
    with running(bundle.folder, tmp_path / "server") as server:
        status, answer, _ = server.ask("POST", "/v1/models/customers:predict", body)
        assert (status, len(answer["predictions"])) == (200, len(cases))
        for found, case in zip(answer["predictions"], cases, strict=True):
            assert found == {
                "score": pytest.approx(case["expected"]["score"], rel=1e-9),
                "alert": case["expected"]["alert"],
            }
        status, answer, _ = server.ask("POST", "/v1/models/customers:explain", body)
    if engine == "mojo":
        assert status != 200
        assert "no exact contributions" in answer["error"]
        return
    assert status == 200, answer
    for found, case in zip(answer["explanations"], cases, strict=True):
        assert sum(found["contributions"].values()) == pytest.approx(case["expected"]["score"], rel=1e-9)
