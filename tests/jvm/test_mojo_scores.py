"""The Java library scores MOJOs of a real H2O as Python's side-car does, alone and as a function of Flink SQL."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.core.base.errors import RequestError
from headrace.core.contracts.contract import Column, Contract, Task
from headrace.core.inference.prediction_json import to_json
from headrace.core.inference.request_encoder import RequestEncoder
from headrace.core.inference.scorer import Scorer
from headrace.core.jvm_export import model_jar
from headrace.core.jvm_export.scoring_plan import build_plan
from headrace.core.models.fitted_model import Prediction
from headrace.core.mojo.mojo_engine import MojoEngine
from tests.jvm.comparison import JavaServer
from tests.jvm.java_parts import compile_java, engine_jars, library
from tests.jvm.test_flink import PROGRAMS, run_statements
from tests.real import h2o_mojos

pytestmark = [pytest.mark.jvm, pytest.mark.h2o]

TASKS: dict[str, Task] = {
    "Binomial": "binary",
    "Multinomial": "multiclass",
    "Regression": "regression",
    "AnomalyDetection": "anomaly",
    "AutoEncoder": "anomaly",
}
SCORED = (
    *("gbm_binomial", "gbm_multinomial", "gbm_regression", "drf_binomial", "glm_binomial", "glm_multinomial"),
    *("deeplearning_binomial", "xgboost_binomial", "stackedensemble_binomial"),
    *("isolationforest", "deeplearning_autoencoder"),
)
# The MOJO's own threshold is that of the largest F1, 0.499.
THRESHOLD = 0.8
ROWS: list[dict[str, Any]] = [
    {"age": 40, "wide": 9007199254740991, "code": "007", "city": "c01"},
    {"age": 40.0, "wide": 9007199254740991, "code": "7", "city": "c01"},
    {"age": "40", "wide": "9007199254740991", "code": "007", "city": "c01"},
    {"age": None, "wide": 9007199254000000, "code": None, "city": None},
    {"age": "", "wide": 9007199254000000, "code": "", "city": "elsewhere"},
    {"age": 40, "wide": 9007199254740991, "code": "gold", "city": "c01"},
    {"age": 40, "wide": 9007199254740991, "code": 7, "city": "c01"},
    {"age": True, "wide": 9007199254740991, "code": "007", "city": "c01"},
    {"age": "forty", "wide": 9007199254740991, "code": "007", "city": "c01"},
    {"AGE": 40, "wide": 9007199254740991, "code": "007", "city": "c01"},
    {"age": 40, "wide": 1e300, "code": "007", "city": "c01"},
]
"""Numbers of several types, empty texts, unseen categories, a misspelt name: H2O's wrapper raises, or takes NA."""


@dataclass(frozen=True)
class Exported:
    """A model in Python, and its folder and jar for Java."""

    scorer: Scorer
    folder: Path
    jar: Path

    def answer(self, row: dict[str, Any]) -> Any:
        """Python's answer to a row: the rule that it breaks, or what a server gives."""
        try:
            matrix = RequestEncoder(self.scorer.contract).encode_rows([row]).matrix
        except RequestError as error:
            return error.reason
        return self.predict(matrix)[0]

    def predict(self, matrix: Any) -> Any:
        """Python's answers to a matrix."""
        scores, classes = self.scorer.scores(matrix), self.scorer.classes
        if self.scorer.answers_alerts:
            return to_json(Prediction(values=scores, alerts=(scores >= self.scorer.threshold).tolist()), ())
        if not classes:
            return to_json(Prediction(values=scores), ())
        labels = [classes[place] for place in self.scorer.choose_classes(scores)]
        return to_json(Prediction(labels=labels, probabilities=scores), classes)


def export(name: str, folder: Path) -> Exported:
    """What `headrace export` writes of a bundle, for a made MOJO."""
    made, jar = h2o_mojos.mojo(name), library()
    category = made.description.category
    classes = h2o_mojos.CLASSES.get(category)
    target = Column("target", "number" if classes is None else "string", role="target", categories=classes)
    coded = [Column(one, "string", categories=h2o_mojos.CATEGORIES[one], unseen="accept") for one in ("code", "city")]
    is_anomaly = TASKS[category] == "anomaly"
    columns = (Column("age", "number"), Column("wide", "integer"), *coded, *(() if is_anomaly else (target,)))
    contract = Contract(
        name.replace("_", "-"), TASKS[category], columns, positive="yes" if classes == ("yes", "no") else ""
    )
    engine = MojoEngine.open(made.path, made.description, threads=1)
    threshold = float(np.quantile(made.predicted, 0.9)) if is_anomaly else THRESHOLD
    scorer = Scorer(contract, engine, threshold, contract.name, "0" * 64, "")
    exported = Exported(scorer, folder / name, folder / f"{contract.name}.jar")
    cases = [{"request": row, "expected": exported.answer(row)} for row in ROWS[:5]]
    document = {"tolerance": {"relative": 1e-12, "absolute": 1e-12}, "cases": cases}
    files = {
        "plan.json": json.dumps(build_plan(scorer, engine=engine.name)).encode(),
        "cases.json": json.dumps(document).encode(),
        "model.mojo": made.path.read_bytes(),
        "mojo.json": json.dumps(made.description.as_json()).encode(),
    }
    exported.folder.mkdir()
    for file, content in files.items():
        (exported.folder / file).write_bytes(content)
    model_jar._pack(jar, exported.jar, name=contract.name, files=files)  # without a bundle
    return exported


@pytest.fixture
def closing() -> Iterator[list[Exported]]:
    """Models whose Java process is ended after the test."""
    models: list[Exported] = []
    yield models
    for one in models:
        one.scorer.engine.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", SCORED)
def test_answers_are_those_of_python(java: JavaServer, tmp_path: Path, closing: list[Exported], name: str) -> None:
    """Bit by bit; a row is refused by both or by none."""
    model = export(name, tmp_path)
    closing.append(model)
    java.ask(open=name, path=str(model.folder))
    for row in ROWS:
        found, expected = java.answer(use=name, row=row), model.answer(row)
        assert (found["rule"] if "rule" in found else found["answer"]) == expected, row
    rows = [_as_row(values) for values in h2o_mojos.matrix()[:60].tolist()]
    for row, expected in zip(rows, model.predict(h2o_mojos.matrix()[:60]), strict=True):
        assert java.ask(use=name, row=row)["answer"] == expected


def _as_row(values: list[float]) -> dict[str, Any]:
    age, wide, *codes = values
    texts = [
        None if np.isnan(code) else "elsewhere" if code < 0 else h2o_mojos.CATEGORIES[name][int(code)]
        for name, code in zip(("code", "city"), codes, strict=True)
    ]
    return {"age": None if np.isnan(age) else age, "wide": int(wide), "code": texts[0], "city": texts[1]}


def test_the_threshold_and_the_types_are_those_of_the_contract(tmp_path: Path, closing: list[Exported]) -> None:
    """H2O 3.46.0.11 labels by the threshold of the largest F1.

    Its wrapper refuses whole numbers, booleans and null, and takes a misspelt column for a missing value.
    """
    model = export("gbm_binomial", tmp_path)
    closing.append(model)
    answers = [model.answer(row) for row in ROWS]
    assert answers[0] == answers[2], "a number and the text of it"
    assert answers[0] != answers[1], "007 is not 7"
    assert answers[6:] == [answers[1], "type", "type", "columns", "type"]
    labels = {(one["label"], one["probabilities"]["yes"] >= THRESHOLD) for one in model.predict(h2o_mojos.matrix())}
    assert labels == {("yes", True), ("no", False)}
    shown = [one["probabilities"]["yes"] for one in model.predict(h2o_mojos.matrix()) if one["label"] == "no"]
    assert max(shown) > 0.6, "H2O would say yes"


def test_a_damaged_export_is_refused(java: JavaServer, tmp_path: Path, closing: list[Exported]) -> None:
    """A description of another model, a MOJO that is none, an engine that is unknown."""
    model = export("gbm_binomial", tmp_path)
    closing.append(model)
    other = json.dumps(h2o_mojos.mojo("glm_binomial").description.as_json()).encode()
    plan = json.loads((model.folder / "plan.json").read_bytes())
    for name, content, said in (
        ("mojo.json", other, "mojo.json must describe model.mojo; the MOJO has the columns"),
        ("mojo.json", b"[]", "mojo.json must be one that Headrace wrote"),
        ("model.mojo", b"PK", "must be a MOJO that h2o-genmodel 3.46.0.11 reads"),
        ("plan.json", json.dumps(plan | {"engine": "pmml"}).encode(), "must be onnx or mojo; got pmml instead"),
    ):
        kept = (model.folder / name).read_bytes()
        (model.folder / name).write_bytes(content)
        assert said in java.answer(open="damaged", path=str(model.folder))["failure"]
        (model.folder / name).write_bytes(kept)


@pytest.mark.parametrize("name", ["isolationforest", "deeplearning_autoencoder"])
def test_an_anomaly_model_answers_scores_and_alerts(
    java: JavaServer, tmp_path: Path, closing: list[Exported], name: str
) -> None:
    """A tenth of the rows reach the threshold, in Java as in Python."""
    model = export(name, tmp_path)
    closing.append(model)
    java.ask(open=name, path=str(model.folder))
    rows = [_as_row(values) for values in h2o_mojos.matrix()[:60].tolist()]
    answers = [java.ask(use=name, row=row)["answer"] for row in rows]
    assert [set(answer) for answer in answers] == [{"score", "alert"}] * 60
    assert 0 < sum(answer["alert"] for answer in answers) < 30
    assert all(answer["alert"] == (answer["score"] >= model.scorer.threshold) for answer in answers)


SCRIPT = """CREATE TABLE t (n INT, age DOUBLE, wide BIGINT, code STRING, city STRING)
  WITH ('connector' = 'filesystem', 'path' = '@ROWS@', 'format' = 'json');
CREATE MODEL churn INPUT (age DOUBLE, wide BIGINT, code STRING, city STRING)
  OUTPUT (label STRING, probability DOUBLE, status STRING) WITH ('provider' = 'headrace');
SELECT n, label, probability, status FROM ML_PREDICT(TABLE t, MODEL churn, DESCRIPTOR(age, wide, code, city));
CREATE TEMPORARY SYSTEM FUNCTION headrace_predict AS 'headrace.jvm.flink.HeadracePredict';
SELECT n, p.label, p.probability, p.status
  FROM (SELECT n, headrace_predict('@NAME@', 'age', age, 'wide', wide, 'code', code, 'city', city) AS p FROM t);
"""


@pytest.mark.parametrize("name", [pytest.param("gbm_binomial", marks=pytest.mark.exhaustive), "xgboost_binomial"])
def test_flink_scores_with_a_mojo(tmp_path: Path, closing: list[Exported], name: str) -> None:
    """As a model and as a function; XGBoost's reader is found although Flink has a class loader of its own."""
    model = export(name, tmp_path)
    closing.append(model)
    rows = [_as_row(values) for values in h2o_mojos.matrix()[:20].tolist()]
    (tmp_path / "rows.json").write_text("".join(json.dumps({"n": n, **row}) + "\n" for n, row in enumerate(rows)))
    script = tmp_path / "script.sql"
    script.write_text(SCRIPT.replace("@ROWS@", str(tmp_path / "rows.json")).replace("@NAME@", model.scorer.name))
    classes = compile_java(tmp_path / "classes", *PROGRAMS, classpath=f"{engine_jars('flink')}/*")
    lines = run_statements(script, classes, model.jar)
    assert not [line for line in lines if line[0] == "error"]
    facts = [dict(field.split("=", 1) for field in line[1:]) for line in lines]
    assert [fact["n"] for fact in facts] == [str(n) for n in range(20)] * 2
    for fact, expected in zip(facts, model.predict(h2o_mojos.matrix()[:20]) * 2, strict=True):
        assert (fact["label"], fact["status"]) == (expected["label"], "scored")
        assert float(fact["probability"]) == expected["probabilities"]["yes"]


ALERTS = """CREATE TABLE t (n INT, age DOUBLE, wide BIGINT, code STRING, city STRING)
  WITH ('connector' = 'filesystem', 'path' = '@ROWS@', 'format' = 'json');
CREATE MODEL odd INPUT (age DOUBLE, wide BIGINT, code STRING, city STRING)
  OUTPUT (score DOUBLE, alert BOOLEAN) WITH ('provider' = 'headrace');
SELECT n, score, alert FROM ML_PREDICT(TABLE t, MODEL odd, DESCRIPTOR(age, wide, code, city));
CREATE TEMPORARY SYSTEM FUNCTION headrace_predict AS 'headrace.jvm.flink.HeadracePredict';
SELECT n, p.`value` AS score, p.alert AS alert
  FROM (SELECT n, headrace_predict('@NAME@', 'age', age, 'wide', wide, 'code', code, 'city', city) AS p FROM t);
CREATE MODEL wrong INPUT (age DOUBLE, wide BIGINT, code STRING, city STRING)
  OUTPUT (label STRING) WITH ('provider' = 'headrace');
SELECT * FROM ML_PREDICT(TABLE t, MODEL wrong, DESCRIPTOR(age, wide, code, city));
"""


def test_flink_answers_alerts(tmp_path: Path, closing: list[Exported]) -> None:
    """A model and a function; what an anomaly model has not is refused when the query is planned."""
    model = export("isolationforest", tmp_path)
    closing.append(model)
    rows = [_as_row(values) for values in h2o_mojos.matrix()[:20].tolist()]
    (tmp_path / "rows.json").write_text("".join(json.dumps({"n": n, **row}) + "\n" for n, row in enumerate(rows)))
    script = tmp_path / "script.sql"
    script.write_text(ALERTS.replace("@ROWS@", str(tmp_path / "rows.json")).replace("@NAME@", model.scorer.name))
    classes = compile_java(tmp_path / "classes", *PROGRAMS, classpath=f"{engine_jars('flink')}/*")
    *lines, (kind, sentence) = run_statements(script, classes, model.jar)
    assert kind == "error"
    assert "chosen from [status, violations, reason, model_digest, answer, score, alert]" in sentence
    facts = [dict(field.split("=", 1) for field in line[1:]) for line in lines]
    expected = [(one["score"], str(one["alert"]).lower()) for one in model.predict(h2o_mojos.matrix()[:20])]
    assert [(float(fact["score"]), fact["alert"]) for fact in facts] == expected * 2
