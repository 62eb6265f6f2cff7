"""A bundle under the real MLflow: `mlflow models serve` answers as the suite's own server does."""

from collections.abc import Iterator
from typing import Any

import pytest

from headrace.core.bundles.bundle import Bundle
from tests.made_bundle import make_bundle
from tests.real.mlserver_parts import only
from tests.real.peers import Peer, mlflow
from tests.serving.conftest import Running, running

pytestmark = [pytest.mark.mlflow, pytest.mark.timeout(300)]

# A model with an exact ONNX form, with times, categories and missing values; one without, which scikit-learn serves.
KINDS: dict[str, dict[str, Any]] = {
    "onnx": {"family": "hist_gradient_boosting", "parameters": {"max_iter": 5}},
    "sklearn": {"family": "knn"},
}


@pytest.fixture(scope="module", params=KINDS)
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of each kind."""
    made = make_bundle(tmp_path_factory.mktemp("made"), **KINDS[request.param])
    assert made.json("engine.json")["engine"] == request.param
    return made


@pytest.fixture(scope="module")
def ours(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Headrace's own server of it."""
    with running(bundle.folder, tmp_path_factory.mktemp("ours")) as server:
        yield server


@pytest.fixture(scope="module")
def under_mlflow(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """``mlflow models serve`` with the same folder, and beside MLflow what the bundle says that it needs."""
    folder = tmp_path_factory.mktemp("mlflow")
    path = only(bundle.folder / "requirements.txt", folder / "packages")
    with mlflow(bundle.folder, path=path, folder=folder / "log") as server:
        yield server


def _rows(bundle: Bundle) -> list[dict[str, Any]]:
    return [case["request"] for case in bundle.json("cases.json")["cases"]]


@pytest.mark.parametrize("form", ["dataframe_records", "dataframe_split", "instances", "inputs"])
def test_mlflow_answers_as_headrace_does(bundle: Bundle, ours: Running, under_mlflow: Peer, form: str) -> None:
    """All cases in each form that MLflow's protocol has: the same predictions, to the last bit."""
    rows = _rows(bundle)
    names = list(rows[0])
    document: Any = {
        "dataframe_records": rows,
        "dataframe_split": {"columns": names, "data": [list(row.values()) for row in rows]},
        "instances": rows,
        "inputs": {name: [row[name] for row in rows] for name in names},
    }[form]
    status, found = under_mlflow.ask("/invocations", {form: document})
    assert status == 200, found
    assert found["predictions"] == ours.remote.predict(rows).document["predictions"]


def test_mlflow_refuses_what_headrace_refuses(bundle: Bundle, under_mlflow: Peer) -> None:
    """A row that breaks the contract gets 400; MLflow keeps the sentence in its trace."""
    status, found = under_mlflow.ask("/invocations", {"dataframe_records": [{**_rows(bundle)[0], "spent": 1}]})
    assert status == 400
    assert "spent" in found["stack_trace"]
