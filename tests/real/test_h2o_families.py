"""Models that a real H2O fits, from its first fit to a scored table."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import urllib3

from headrace.core.base.errors import BundleError, DataError, InputError, MissingError
from headrace.core.contracts.contract import Contract, Task
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.inference.scorer import Scorer
from headrace.core.models import families, fitted_model, fitting
from headrace.core.models.fitted_model import Model
from headrace.core.models.h2o import h2o_server
from headrace.core.models.h2o.h2o_estimator import H2OEstimator
from headrace.core.onnx_export.graph import InexactError
from headrace.core.onnx_export.parity import convert_exactly
from headrace.core.runtime.processes import running
from tests.conftest import headrace
from tests.core import made
from tests.jvm.java_parts import library
from tests.made_bundle import make_bundle
from tests.real.h2o_parts import h2o, importable_h2o

pytestmark = [pytest.mark.h2o, pytest.mark.timeout(600)]
QUICK: dict[str, dict[str, Any]] = {
    "h2o_gbm": {"ntrees": 10, "sample_rate": 0.8, "col_sample_rate": 0.8},
    "h2o_deep_learning": {"hidden_units": 8, "epochs": 3},
    "h2o_automl": {"max_models": 2},
}
WITH_TARGET: tuple[Task, ...] = ("binary", "multiclass", "regression")
ALL = [(name, task) for name in ("h2o_gbm", "h2o_glm", "h2o_deep_learning") for task in WITH_TARGET]
_SECONDS = 120


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    """H2O's server, which this process starts at its first fit, and ends here."""
    importable_h2o()
    library()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADRACE_H2O_MEMORY", "800m")
        yield
        h2o_server.close()


def pipeline(name: str, task: Task, agreed: Contract, *, seed: int = 3) -> Any:
    """An unfitted pipeline."""
    columns = matrix_layout.columns(agreed)
    return families.family(name).build(columns, task=task, parameters=QUICK.get(name, {}), seed=seed)


def fitted(name: str, task: Task, *, seed: int = 3) -> Model:
    """A small model."""
    agreed, frame = made.contract(task), made.table(150, task=task)
    fresh = pipeline(name, task, agreed, seed=seed)
    fitting.fit(fresh, model_matrix.encode(frame, agreed), model_matrix.encode_target(frame, agreed))
    return Model(fresh, agreed, name, QUICK.get(name, {}), seed, {"rows": 150, "digest": "0" * 64})


def scores(model: Model, matrix: Any) -> Any:
    """Its probabilities or values."""
    if model.contract.task == "regression":
        return fitted_model.predicted_values(model.pipeline, matrix)
    return fitted_model.predicted_probabilities(model.pipeline, matrix, len(model.classes))


@pytest.fixture
def own_predictions(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What H2O itself predicts for ``rows``, right after each fit."""
    found: dict[str, Any] = {}
    for way in ("_fit_alone", "_fit_by_automl"):
        fit = getattr(H2OEstimator, way)

        def fit_and_predict(self: Any, client: Any, *given: Any, _fit: Any = fit) -> Any:
            model = _fit(self, client, *given)
            path = Path(found["folder"]) / "rows.csv"
            types = self.table.write(found["rows"], np.zeros(len(found["rows"])), path)
            rows = client.upload_file(str(path), destination_frame="rows", header=1, sep=",", col_types=types)
            told = model.predict(rows).as_data_frame(use_pandas=False, header=False)
            first = 1 if self.table.classify else 0
            found["scores"] = np.array([[float(value) for value in row[first:]] for row in told])
            return model

        monkeypatch.setattr(H2OEstimator, way, fit_and_predict)
    return found


@pytest.mark.parametrize(("name", "task"), [*ALL, ("h2o_automl", "binary")])
def test_scores_are_those_of_h2o_itself(name: str, task: Task, own_predictions: dict[str, Any], tmp_path: Path) -> None:
    """Also of rows with missing and unlisted values, and the same after a way through a folder."""
    matrix = made.contract(task)
    rows = model_matrix.encode(made.table(60, task=task, seed=8), matrix)
    rows[0], rows[1, 2], rows[2, 3] = np.nan, -1, -1
    own_predictions.update(rows=rows, folder=tmp_path)
    model = fitted(name, task)
    found = scores(model, rows)
    np.testing.assert_allclose(found.reshape(len(rows), -1), own_predictions["scores"], rtol=1e-12, atol=1e-12)
    fitted_model.save(model, tmp_path / "model")
    assert not (tmp_path / "model" / "model.skops").exists()
    back = fitted_model.load(tmp_path / "model")
    np.testing.assert_array_equal(scores(back, rows), found)


@pytest.mark.parametrize("task", WITH_TARGET)
def test_a_linear_model_has_an_exact_form_in_onnx(task: Task) -> None:
    """Its MOJO is a list of coefficients, so a server needs no Java."""
    model = fitted("h2o_glm", task)
    exact = convert_exactly(model, model.encode(made.table(60, task=task, seed=8)))
    assert exact.parity.rows > 100
    assert exact.parity.largest_difference < 1e-12


def test_another_model_has_none() -> None:
    """It is served by Java, and the bundle says so."""
    model = fitted("h2o_gbm", "binary")
    with pytest.raises(InexactError, match="a MOJO of gbm is scored by Java"):
        convert_exactly(model, model.encode(made.table(60)))


@pytest.mark.parametrize("name", ["h2o_gbm", "h2o_deep_learning", "h2o_automl"])
def test_equal_fits_give_equal_bytes(name: str, tmp_path: Path) -> None:
    """The same rows and seed give the same files, however often the server has fitted before."""
    for place in ("one", "other"):
        fitted_model.save(fitted(name, "binary"), tmp_path / place)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes(), path.name


def test_unlisted_and_missing_categories_are_one_and_the_same() -> None:
    """Both are missing to a MOJO."""
    model = fitted("h2o_gbm", "binary")
    rows = np.repeat(model_matrix.encode(made.table(1, seed=8), model.contract), 2, axis=0)
    rows[:, 2] = [np.nan, -1]
    first, second = scores(model, rows)
    np.testing.assert_array_equal(first, second)


def test_a_class_without_training_rows_has_the_probability_0() -> None:
    """H2O gives two probabilities; the contract's third class is in between."""
    agreed, frame = made.contract("multiclass"), made.table(150, task="multiclass")
    frame = frame.filter(pl.col("target") != "middle")
    fresh = pipeline("h2o_glm", "multiclass", agreed)
    fitting.fit(fresh, model_matrix.encode(frame, agreed), model_matrix.encode_target(frame, agreed))
    model = Model(fresh, agreed, "h2o_glm", {}, 0, {})
    found = scores(model, model_matrix.encode(frame, agreed))
    assert (found[:, 1] == 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_what_h2o_refuses_is_one_sentence() -> None:
    """And the server goes on."""
    agreed, frame = made.contract(), made.table(12)
    encoded, target = model_matrix.encode(frame, agreed), model_matrix.encode_target(frame, agreed)
    with pytest.raises(DataError, match=r"H2O must be able to fit this model; it said .*min_rows"):
        pipeline("h2o_gbm", "binary", agreed).fit(encoded, target)
    guard = h2o_server.running_guard()
    fitted("h2o_glm", "binary")
    assert h2o_server.running_guard() == guard


def test_a_server_that_ended_is_started_again() -> None:
    """A fit after the end of the last one, as by the kernel when memory is short."""
    fitted("h2o_glm", "binary")
    guard = h2o_server.running_guard()
    assert guard is not None
    os.kill(guard, signal.SIGKILL)
    fitted("h2o_glm", "binary")
    assert h2o_server.running_guard() not in {None, guard}


def test_a_server_that_cannot_start_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Java's own words, with the setting that it is about."""
    h2o_server.close()
    monkeypatch.setenv("HEADRACE_H2O_MEMORY", "900000g")
    with (
        pytest.raises(InputError, match="must start within 120 seconds; its log ends with 'Could not reserve"),
        h2o_server.open_session(),
    ):
        pass


def test_nothing_runs_on_after_a_kill(tmp_path: Path) -> None:
    """SIGKILL to the process that fits ends its server."""
    script = tmp_path / "fit.py"
    script.write_text(
        "import time\n"
        "from headrace.core.models.h2o import h2o_server\n"
        "with h2o_server.open_session() as (client, folder):\n"
        "    print(h2o_server.running_guard(), folder, flush=True)\n"
        "    time.sleep(600)\n"
    )
    variables = {**os.environ, "PYTHONPATH": str(h2o())}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=variables) as process:
        assert process.stdout is not None
        number, folder = process.stdout.readline().split()
        guard = int(number)
        java = int(Path(f"/proc/{guard}/task/{guard}/children").read_text().split()[0])
        assert "h2o.jar" in Path(f"/proc/{java}/cmdline").read_text()
        process.kill()
    deadline = time.monotonic() + _SECONDS
    while running(java) or running(guard):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not Path(folder).exists()


def test_a_stranger_is_not_let_in() -> None:
    """The server takes the password of its process only, and listens on the loopback address only."""
    with h2o_server.open_session() as (client, _):
        url = client.connection().base_url
        assert url.startswith("http://127.0.0.1:")
        assert urllib3.request("GET", f"{url}/3/Cloud", retries=False).status == 401


def test_a_bundle_answers_the_same_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its engine and by ``headrace score``; without Java, or with other bytes, it is refused in a sentence."""
    bundle = make_bundle(tmp_path / "a", family="h2o_gbm", parameters={"ntrees": 5})
    assert bundle.json("engine.json")["engine"] == "mojo"
    assert {"model.mojo", "mojo.json"} <= {entry.path for entry in bundle.manifest.files}
    assert "model.skops" not in {entry.path for entry in bundle.manifest.files}
    scorer = Scorer.open(bundle)
    matrix = np.array(
        [
            [np.nan if value is None else value for value in case["matrix"]]
            for case in bundle.json("cases.json")["cases"]
        ]
    )
    expected = [case["expected"]["probabilities"] for case in bundle.json("cases.json")["cases"]]
    found = [dict(zip(scorer.classes, row, strict=True)) for row in scorer.scores(matrix).tolist()]
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other)
    answered = headrace(
        "score", str(bundle.folder), str(tmp_path / "a" / "customers.csv"), "-o", str(tmp_path / "out.csv")
    )
    assert answered.returncode == 0, answered.stderr
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingError, match="Java 17 or newer must be installed"):
        Scorer.open(bundle)
    mojo = bundle.folder / "model.mojo"
    mojo.write_bytes(mojo.read_bytes().replace(b"h2o_version = 3.46.0.11", b"h2o_version = 3.46.0.99"))
    with pytest.raises(BundleError, match=r"must be whole; 'model\.ini' in it is damaged"):
        Scorer.open(bundle)


def test_a_run_searches_families_of_both_kinds(tmp_path: Path) -> None:
    """``headrace run`` compares H2O's with scikit-learn's on the same folds, and serves the winner."""
    table = tmp_path / "rows.csv"
    frame = made.table(200).select("size", "age", "plan", "rooms", "target")
    frame.with_columns(pl.col("rooms").map_elements(lambda one: f"00{one}", return_dtype=pl.String)).write_csv(table)
    done = headrace(
        "run", str(table), "--target", "target", "--positive", "yes", "--families", "h2o_gbm,logistic", "--budget", "2",
        "--folds", "2", "--output", str(tmp_path / "run"), "--summary", str(tmp_path / "summary.json"),
        PYTHONPATH=str(h2o()), HEADRACE_H2O_MEMORY="800m", timeout=500, fresh=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["status"] == "succeeded", summary
    assert summary["model"]["family"] in {"h2o_gbm", "logistic"}
