"""Bundles: reproducible, whole, and altered ones are refused."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace.core.base.errors import BundleError, InputError
from headrace.core.base.files import read_json, write_json
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.drift.input_profile import TrainingRows, profile_inputs
from headrace.core.evaluation.evaluate import read_test
from headrace.core.evaluation.evaluation_document import Evaluation
from headrace.core.evaluation.verdict import GateVerdict
from headrace.core.models import fitted_model as models
from headrace.core.packaging import data_digest
from headrace.core.packaging.learn_guard import learn_guard
from headrace.core.packaging.package import BundleContent, BundleInputs, assemble, pack
from headrace.core.packaging.provenance import public_name
from headrace.core.validation.data_checks import DataChecks
from headrace.core.validation.records import table, validate_records
from headrace.core.validation.table import blocks
from tests.conftest import write_table
from tests.made_bundle import make_bundle, make_parts
from tests.made_documents import make_evaluation


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[BundleInputs, dict[str, Any], Bundle]:
    """Parts of a small line and the bundle made of them."""
    folder = tmp_path_factory.mktemp("bundle")
    parts, source = make_parts(folder)
    return parts, source, pack(folder / "bundle", parts=parts, source=source)


def test_a_bundle_holds_what_made_the_model(made: tuple[BundleInputs, dict[str, Any], Bundle]) -> None:
    """Model, contract, measurements, cases, versions, origin and card are all there, and the name is the contract's."""
    bundle = made[2]
    assert [entry.path for entry in bundle.manifest.files] == [
        "MLmodel",
        "card.html",
        "card.md",
        "card.yaml",
        "cases.json",
        "contract.yaml",
        "engine.json",
        "environment.json",
        "explain.json",
        "guard.json",
        "metrics.json",
        "model-settings.json",
        "model.json",
        "model.onnx",
        "model.skops",
        "model.skops.types.json",
        "profile.json",
        "provenance.json",
        "requirements.lock",
        "requirements.txt",
        "risk.html",
        "risk.md",
        "sbom.cdx.json",
    ]
    assert bundle.name == "customers"
    assert bundle.json("environment.json")["packages"]["scikit-learn"]
    assert bundle.json("provenance.json")["table"]["source"] == "customers.csv"
    assert bundle.json("metrics.json")["metrics"]["roc_auc"]["value"] > 0.7


def test_the_same_line_in_another_folder_gives_the_same_digest(
    made: tuple[BundleInputs, dict[str, Any], Bundle], tmp_path: Path
) -> None:
    """Nothing of the machine, the clock or chance is inside."""
    again = make_bundle(tmp_path / "elsewhere")
    assert again.digest == made[2].digest
    assert all((again.folder / entry.path).read_bytes() for entry in again.manifest.files)
    for entry in again.manifest.files:
        assert str(tmp_path).encode() not in (again.folder / entry.path).read_bytes(), entry.path


def test_the_model_answers_its_cases(made: tuple[BundleInputs, dict[str, Any], Bundle]) -> None:
    """The expected answers are those of the packed model, with the threshold that the evaluation chose."""
    bundle = made[2]
    model, content = bundle.model(), bundle.json("cases.json")
    requests = [case["request"] for case in content["cases"]]
    prediction = model.predict(validate_records(table(requests, model.contract), model.contract))
    assert prediction.labels == [case["expected"]["label"] for case in content["cases"]]
    assert 0 < len(requests) <= 20
    assert any(value is None for request in requests for value in request.values())
    assert {case["actual"] for case in content["cases"]} == {"no", "yes"}
    assert model.threshold == bundle.json("metrics.json")["threshold"]["value"]


def test_the_engine_is_told_with_what_it_was_compared_on(made: tuple[BundleInputs, dict[str, Any], Bundle]) -> None:
    """The model is served by ONNX because it answers as scikit-learn does, and engine.json says how nearly."""
    record = made[2].json("engine.json")
    assert record["parity"].pop("rows") > 100
    difference = record["parity"].pop("largest_difference")
    assert 0 <= difference <= 1e-12
    assert record == {
        "format": 1,
        "engine": "onnx",
        "reason": "",
        "tolerance": 1e-9,
        "parity": {"labels_differ": 0},
    }


@pytest.mark.parametrize(
    "family", ["random_forest", "hist_gradient_boosting", "lightgbm", "xgboost", "mlp", "naive_bayes"]
)
def test_each_family_gives_the_same_digest_twice(tmp_path: Path, family: str) -> None:
    """The ONNX file and what is told of it are the same bytes for the same line, from files or from memory."""
    quick: dict[str, dict[str, Any]] = {
        "random_forest": {"n_estimators": 5},
        "hist_gradient_boosting": {"max_iter": 5},
        "lightgbm": {"n_estimators": 5},
        "xgboost": {"n_estimators": 5},
        "mlp": {"max_iter": 10},
    }
    parts, source = make_parts(tmp_path, family=family, parameters=quick.get(family, {}))
    one, other = (pack(tmp_path / name, parts=parts, source=source) for name in ("one", "other"))
    assert one.digest == other.digest
    assert one.json("engine.json")["engine"] == "onnx", one.json("engine.json")["reason"]
    kept = assemble(tmp_path / "memory", _in_memory(parts), source=source)
    assert kept.digest == one.digest


def _in_memory(parts: BundleInputs) -> BundleContent:
    """The parts as values, the model's file not among them."""
    model, train = models.load(parts.model), parts.train_table
    test = read_test(parts.test_table, parts.test_actuals)
    return BundleContent(
        model=model,
        test=test,
        guard=learn_guard(model, train, test) if train else None,
        evaluation=Evaluation.read(parts.evaluation),
        verdict=GateVerdict.from_json(read_json(parts.verdict)),
        best=read_json(parts.best_parameters),
        checks=DataChecks.read(parts.checks),
        train=data_digest.describe_table(train) if train else None,
        inputs=profile_inputs(lambda: (TrainingRows(model.encode(frame)) for frame in blocks(train)), model.contract)
        if train
        else None,
    )


def test_a_regression_has_values(tmp_path: Path) -> None:
    """Cases of a regression hold numbers, and the card says what is predicted."""
    bundle = make_bundle(tmp_path, target="spend", family="linear", table=_whole(tmp_path))
    case = bundle.json("cases.json")["cases"][0]
    assert isinstance(case["expected"]["value"], float)
    assert isinstance(case["actual"], float)
    assert "`spend` (regression)" in (bundle.folder / "card.md").read_text()


def _whole(folder: Path) -> Path:
    """A table without missing values."""
    rows = write_table(folder / "t.csv").read_text().splitlines()
    path = folder / "customers.csv"
    path.write_text("\n".join(row for row in rows if ",," not in row) + "\n")
    return path


def test_the_card_has_every_section_of_the_paper(made: tuple[BundleInputs, dict[str, Any], Bundle]) -> None:
    """What only people know is marked, so that nobody takes silence for an answer."""
    card = (made[2].folder / "card.md").read_text()
    headings = [line[3:] for line in card.splitlines() if line.startswith("## ")]
    assert headings == [
        "Model details",
        "Intended use",
        "Factors",
        "Metrics",
        "Evaluation data",
        "Training data",
        "Quantitative analyses",
        "Ethical considerations",
        "Caveats and recommendations",
    ]
    assert card.count("To be written by a person") >= 6
    assert "| roc_auc |" in card


@pytest.mark.parametrize(
    "name", ["model.skops", "model.onnx", "contract.yaml", "cases.json", "card.md", "manifest.json"]
)
def test_one_changed_byte_is_found(
    made: tuple[BundleInputs, dict[str, Any], Bundle], tmp_path: Path, name: str
) -> None:
    """Whichever file it is in."""
    folder = shutil.copytree(made[2].folder, tmp_path / "copy")
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(BundleError):
        open_bundle(folder)


def test_a_bundle_of_another_name_is_refused(made: tuple[BundleInputs, dict[str, Any], Bundle], tmp_path: Path) -> None:
    """The manifest's name must be the contract's: a key under a wrong name would lie."""
    folder = shutil.copytree(made[2].folder, tmp_path / "copy")
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "name": "other"}))
    with pytest.raises(BundleError, match="other"):
        open_bundle(folder).model()


def test_parts_of_different_lines_are_refused(
    made: tuple[BundleInputs, dict[str, Any], Bundle], tmp_path: Path
) -> None:
    """A contract that the model was not fitted under, or an evaluation of another task, ends in a sentence."""
    parts, source, _ = made
    other = tmp_path / "contract.yaml"
    other.write_text(parts.contract.read_text().replace("maximum: ", "maximum: 1"))
    with pytest.raises(InputError, match="contract that the model was fitted under"):
        pack(tmp_path / "bundle", parts=replace(parts, contract=other), source=source)
    another = tmp_path / "evaluation.json"
    write_json(another, make_evaluation("regression").as_json())
    with pytest.raises(InputError, match="binary task"):
        pack(tmp_path / "bundle", parts=replace(parts, evaluation=another), source=source)
    another.write_text("{}")
    with pytest.raises(InputError, match="the evaluation must be what the step evaluate writes"):
        pack(tmp_path / "bundle", parts=replace(parts, evaluation=another), source=source)
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("/home/me/secret/t.csv", "t.csv"),
        ("t.csv", "t.csv"),
        ("https://me:pw@host:8443/a/t.csv?token=abc", "https://host:8443/a/t.csv"),
        ("s3://bucket/a/t.csv", "s3://bucket/a/t.csv"),
        ("postgresql://me:pw@host/db#orders", "postgresql://host/db#orders"),
        ("sqlite:////home/me/t.db#orders", "sqlite:///t.db#orders"),
    ],
)
def test_a_source_is_told_without_what_is_private(source: str, told: str) -> None:
    """No folder of the machine, no password and no token goes into a bundle."""
    assert public_name(source) == told
