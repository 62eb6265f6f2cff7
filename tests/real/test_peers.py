"""One folder, three servers, equal answers: Headrace's own, the real MLServer and the real MLflow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.core.bundles.bundle import Bundle
from tests.conftest import write_table
from tests.made_bundle import make_bundle
from tests.real.peers import Peer, beside, mlflow, mlserver, wheel
from tests.serving.conftest import Running, running

pytestmark = [pytest.mark.peers, pytest.mark.timeout(1200)]

# A model with an exact ONNX form, with times, categories and missing values; one without, which scikit-learn serves.
KINDS: dict[str, dict[str, Any]] = {
    "binary, onnx": {"family": "hist_gradient_boosting", "parameters": {"max_iter": 5}},
    "regression, onnx": {"family": "linear", "target": "spend"},
    "binary, scikit-learn": {"family": "knn"},
}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this project."""
    return wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module", params=KINDS)
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of each kind."""
    folder = tmp_path_factory.mktemp("made")
    choices = dict(KINDS[request.param])
    if choices.get("target") == "spend":
        rows = write_table(folder / "all.csv").read_text().splitlines()
        choices["table"] = folder / "customers.csv"
        choices["table"].write_text("\n".join(row for row in rows if ",," not in row) + "\n")
    made = make_bundle(folder, **choices)
    engine = made.json("engine.json")
    assert (engine["engine"] == "onnx") == ("onnx" in request.param), engine
    return made


@pytest.fixture(scope="module")
def path(bundle: Bundle, wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the bundle says that another server needs beside itself."""
    folder = tmp_path_factory.mktemp("beside") / "packages"
    return beside(bundle.folder / "requirements.txt", wheels=wheels, folder=folder)


@pytest.fixture(scope="module")
def ours(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Headrace's own server of it."""
    with running(bundle.folder, tmp_path_factory.mktemp("ours")) as server:
        yield server


@pytest.fixture(scope="module")
def under_mlserver(bundle: Bundle, path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """``mlserver start`` with the same folder."""
    with mlserver(bundle.folder, path=path, folder=tmp_path_factory.mktemp("mlserver")) as server:
        yield server


@pytest.fixture(scope="module")
def under_mlflow(bundle: Bundle, path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """``mlflow models serve`` with the same folder."""
    with mlflow(bundle.folder, path=path, folder=tmp_path_factory.mktemp("mlflow")) as server:
        yield server


def _rows(bundle: Bundle) -> list[dict[str, Any]]:
    return [case["request"] for case in bundle.json("cases.json")["cases"]]


def _tensors(bundle: Bundle, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kinds = {"integer": "INT64", "number": "FP64", "string": "BYTES", "timestamp": "BYTES", "boolean": "BOOL"}
    inputs = bundle.model().contract.inputs
    return [
        {
            "name": column.name,
            "shape": [len(rows)],
            "datatype": kinds[column.dtype],
            "data": [row[column.name] for row in rows],
        }
        for column in inputs
    ]


def test_mlserver_answers_as_headrace_does(bundle: Bundle, ours: Running, under_mlserver: Peer) -> None:
    """Every case alone and all at once, in V2: the same tensors, to the last bit, under the bundle's digest."""
    rows = _rows(bundle)
    for some in ([row] for row in rows), [rows]:
        for asked in some:
            document = {"id": "1", "inputs": _tensors(bundle, asked)}
            status, found = under_mlserver.ask(f"/v2/models/{bundle.name}/infer", document)
            expected = ours.remote.pool.request(
                "POST", f"http://{ours.host}/v2/models/{bundle.name}/infer", json=document
            ).json()
            assert status == 200, found
            assert found["outputs"] == expected["outputs"]
            assert (found["model_name"], found["model_version"]) == (bundle.name, bundle.digest)


def test_mlserver_refuses_what_headrace_refuses(bundle: Bundle, under_mlserver: Peer) -> None:
    """A row that breaks the contract gets 400 and the sentence."""
    inputs = [{"name": "spent", "shape": [1], "datatype": "FP64", "data": [1.0]}, *_tensors(bundle, _rows(bundle)[:1])]
    status, found = under_mlserver.ask(f"/v2/models/{bundle.name}/infer", {"inputs": inputs})
    assert status == 400
    assert "spent" in found["error"]


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
