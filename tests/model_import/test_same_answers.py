"""Imported models answer as the originals did, which the real MLflow loaded and asked."""

import json
from pathlib import Path

import numpy as np
import pytest

import headrace.api as hr
from headrace.core.base.errors import InputError
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.inference.request_encoder import RequestEncoder
from headrace.core.inference.scorer import Scorer
from headrace.serving.deployment.smoke_test import run_smoke_test
from tests.real import mlflow_models

pytestmark = pytest.mark.mlflow

# Engine that answers, and largest difference: XGBoost and graphs of float32 add in another precision.
_MODELS = {
    "frame": ("onnx", 1e-9),
    "forest": ("onnx", 1e-9),
    "strict": ("onnx", 1e-9),
    "boosted": ("onnx", 1e-9),
    "three": ("onnx", 1e-9),
    "tied": ("sklearn", 1e-9),
    "linear": ("sklearn", 1e-9),
    "network": ("onnx", 1e-9),
    "array": ("sklearn", 1e-9),
    "early": ("onnx", 2e-6),
    "softprob": ("onnx", 2e-6),
    "dart": ("onnx", 2e-6),
    "poisson": ("onnx", 2e-6),
    "random": ("onnx", 2e-6),
    "graph": ("onnx", 1e-6),
    "matrix": ("onnx", 1e-6),
    "value": ("onnx", 1e-5),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models that the real MLflow saved, with their answers."""
    return mlflow_models.save_models(tmp_path_factory.mktemp("mlflow") / "models")


def imported(saved: Path, name: str, folder: Path) -> Bundle:
    """The bundle of a saved model."""
    columns = ["age", "income", "kids"] if name == "array" else ()
    return hr.import_model(saved / name, folder / name, column_names=columns)


@pytest.mark.parametrize("name", _MODELS)
def test_answers_are_those_of_the_original(saved: Path, name: str, tmp_path: Path) -> None:
    """Rows with missing and unseen values, and numbers at both sides of splits; the bundle refuses none of them."""
    engine, most = _MODELS[name]
    bundle = imported(saved, name, tmp_path)
    assert bundle.json("engine.json")["engine"] == engine, bundle.json("engine.json")["reason"]
    answers = json.loads((saved / f"{name}.answers.json").read_text())
    scorer = Scorer.open(bundle)
    rows = [{key: row[key] for key in (one.name for one in scorer.contract.inputs)} for row in answers["rows"]]
    scores = scorer.scores(RequestEncoder(scorer.contract).encode_rows(rows).matrix)
    expected = np.array(answers.get("probabilities", answers.get("values")))
    unit = np.ones_like(expected) if scorer.classes else np.maximum(1.0, np.abs(expected))
    assert scores.shape == expected.shape
    assert float((np.abs(scores - expected) / unit).max()) <= most
    if "labels" in answers:
        labels = [scorer.classes[place] for place in scorer.choose_classes(scores).tolist()]
        assert labels == answers["labels"]


def test_the_bundle_is_a_normal_one(saved: Path, tmp_path: Path) -> None:
    """A server answers its cases, which are the rows of the input example; the card says what is not known."""
    bundle = imported(saved, "frame", tmp_path)
    run_smoke_test(bundle.folder)
    cases = bundle.json("cases.json")["cases"]
    answers = json.loads((saved / "frame.answers.json").read_text())
    # The last of them is asked without a value too, which the contract allows.
    assert [case["request"] for case in cases] == answers["rows"][:3]
    assert [case["expected"]["label"] for case in cases] == answers["labels"][:3]
    facts = bundle.json("provenance.json")["imported"]
    assert (facts["flavor"], facts["library"], facts["code"]) == ("sklearn", "scikit-learn 1.9.1", "none")
    assert len(facts["model"]) == 32
    assert "Not known: the model was fitted elsewhere." in (bundle.folder / "card.md").read_text()
    again = imported(saved, "frame", tmp_path / "again")
    assert again.digest == bundle.digest


def test_the_signature_is_the_contract(saved: Path, tmp_path: Path) -> None:
    """Types, categories, and which values may be missing or new: as the original takes them."""
    columns = {column.name: column for column in Scorer.open(imported(saved, "frame", tmp_path)).contract.inputs}
    assert [one.dtype for one in columns.values()] == ["number", "number", "string", "integer"]
    assert [one.missing for one in columns.values()] == [1.0, 1.0, 1.0, 0.0]
    assert columns["city"].categories == ("bonn", "oslo", "rome")
    assert columns["city"].unseen == "accept"
    strict = Scorer.open(imported(saved, "strict", tmp_path))
    encoder = RequestEncoder(strict.contract)
    row = {"age": 30.0, "income": 2.0, "city": "rome", "kids": 1}
    assert encoder.encode_rows([row]).matrix.shape == (1, 4)
    for wrong in ({"city": "paris"}, {"kids": 9}, {"income": None}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            encoder.encode_rows([{**row, **wrong}])


def test_a_pickle_is_loaded_in_a_sandbox_only(saved: Path, tmp_path: Path) -> None:
    """Its answers are those of the same pipeline that was stored as data."""
    with pytest.raises(InputError, match=r"'model\.pkl' is a cloudpickle, which runs code"):
        hr.import_model(saved / "pickled", tmp_path / "refused")
    assert not (tmp_path / "refused").exists()
    bundle = hr.import_model(saved / "pickled", tmp_path / "pickled", name="frame", in_sandbox=True)
    assert bundle.json("provenance.json")["imported"]["code"] == "sandbox"
    data = imported(saved, "frame", tmp_path)
    assert (bundle.folder / "model.skops").read_bytes() == (data.folder / "model.skops").read_bytes()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("custom", "it is a Python function of its own (python_model 'python_model.pkl')"),
        ("sets", "it splits by sets of categories (enable_categorical)"),
    ],
)
def test_what_cannot_be_data_is_refused(saved: Path, name: str, sentence: str, tmp_path: Path) -> None:
    """In a sandbox too, with the reason; nothing is written."""
    with pytest.raises(InputError) as caught:
        hr.import_model(saved / name, tmp_path / "new", in_sandbox=True)
    assert sentence in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_the_bundle_opens_without_the_original(saved: Path, tmp_path: Path) -> None:
    """Nothing in it refers to the folder that it was made of."""
    bundle = imported(saved, "early", tmp_path)
    assert str(saved) not in "".join(
        (bundle.folder / entry.path).read_text(errors="ignore") for entry in open_bundle(bundle.folder).manifest.files
    )
