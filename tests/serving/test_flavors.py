"""The same folder opened by MLflow's client in this process; the servers of others are in tests/real."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from headrace.core.base.errors import BundleError, RequestError
from headrace.core.bundles.bundle import Bundle
from headrace.core.packaging import flavors
from headrace.serving.deployment.client import EndpointClient
from headrace.serving.mlflow_loader import _load_pyfunc
from tests.conftest import REPOSITORY
from tests.serving.conftest import GOOD


def _ours(remote: EndpointClient, rows: list[Any]) -> list[Any]:
    """What Headrace's own server answers."""
    return list(remote.predict(rows).document["predictions"])


def _theirs(found: pd.DataFrame) -> list[Any]:
    """The same through JSON, as MLflow's server sends it."""
    return list(json.loads(json.dumps(found.to_dict(orient="records"))))


def test_the_papers_name_classes_that_are_installed(bundle: Bundle) -> None:
    """Neither file holds code, a time or an identifier; both name modules of Headrace."""
    document = yaml.safe_load((bundle.folder / "MLmodel").read_text())
    assert document["flavors"]["python_function"]["loader_module"] == flavors.LOADER == _load_pyfunc.__module__
    assert set(document) == {"flavors", "mlflow_version"}
    settings = bundle.json("model-settings.json")
    assert settings["name"] == bundle.name
    module, _, name = settings["implementation"].rpartition(".")
    source = REPOSITORY / f"{module.removeprefix('headrace.').replace('.', '/')}.py"
    assert name in source.read_text().partition("import ")[2]
    assert f"class {name}(MLModel)" in (REPOSITORY / "serving" / "mlserver" / "runtime.py").read_text()
    assert not [entry.path for entry in bundle.manifest.files if entry.path.endswith((".py", ".pkl", ".joblib"))]


@pytest.mark.filterwarnings("ignore")  # MLflow warns of what it finds installed
def test_mlflow_loads_the_bundle_and_answers_alike(bundle: Bundle, remote: EndpointClient) -> None:
    """MLflow's own client reads MLmodel; every case is answered with the numbers of Headrace's server."""
    import mlflow.pyfunc

    model = mlflow.pyfunc.load_model(str(bundle.folder))
    rows = [case["request"] for case in bundle.json("cases.json")["cases"]]
    assert _theirs(model.predict(pd.DataFrame(rows))) == _ours(remote, rows)


def test_forms_of_a_table(bundle: Bundle, remote: EndpointClient) -> None:
    """A frame, a dict of arrays, rows as objects and rows in order: all the forms that MLflow's server makes."""
    predictor = _load_pyfunc(str(bundle.folder))
    rows = [{**GOOD, "spend": None}, GOOD]
    frame = pd.DataFrame(rows)
    in_order = [[row["age"], row["spend"], row["plan"], row["joined"]] for row in rows]
    wanted = _ours(remote, rows)
    assert _theirs(predictor.predict(frame)) == wanted
    assert _theirs(predictor.predict({name: frame[name].to_numpy() for name in frame})) == wanted
    assert _theirs(predictor.predict(rows)) == wanted
    assert _theirs(predictor.predict(in_order)) == wanted


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([31.0, None], name="age"),
        pd.Series([31, None], name="age", dtype="Int64"),
        pd.Series(["31", None], name="age"),
        pd.Series(pd.to_datetime(["2024-03-02 23:15:00", None]), name="joined"),
        pd.Series(pd.Categorical(["premium", None]), name="plan"),
        pd.Series([20.5, float("nan")], name="spend"),
    ],
    ids=lambda series: f"{series.name} as {series.dtype}",
)
def test_types_of_pandas_mean_what_json_means(bundle: Bundle, remote: EndpointClient, column: "pd.Series[Any]") -> None:
    """Whole numbers beside a missing one, times, categories: answered as the same values in JSON are, or refused so."""
    rows: list[dict[str, Any]] = [dict(GOOD), {**GOOD, str(column.name): None}]
    frame = pd.DataFrame(rows)
    frame[column.name] = column
    reply = remote.predict(rows)
    predictor = _load_pyfunc(str(bundle.folder))
    if reply.status == 200:
        assert _theirs(predictor.predict(frame)) == reply.document["predictions"]
    else:
        with pytest.raises(RequestError) as caught:
            predictor.predict(frame)
        assert str(caught.value) == reply.document["error"]


def test_what_the_contract_refuses_is_refused_here(bundle: Bundle) -> None:
    """In the same sentence as at Headrace's own endpoint."""
    predictor = _load_pyfunc(str(bundle.folder))
    with pytest.raises(RequestError, match="plan"):
        predictor.predict(pd.DataFrame([{**GOOD, "plan": "platinum"}]))
    with pytest.raises(RequestError, match="spent"):
        predictor.predict(pd.DataFrame([{**GOOD, "spent": 1}]))


def test_an_altered_bundle_is_not_loaded(bundle: Bundle, tmp_path: Path) -> None:
    """MLflow itself would not look."""
    import shutil

    folder = shutil.copytree(bundle.folder, tmp_path / "altered")
    (folder / "model.json").write_text("{}")
    with pytest.raises(BundleError, match=r"model\.json is changed"):
        _load_pyfunc(str(folder))
