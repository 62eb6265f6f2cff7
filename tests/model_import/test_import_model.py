"""Models become bundles: names, classes, thresholds, columns and test cases."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import headrace.api as hr
from headrace.core.bundles.bundle import open_bundle
from headrace.core.inference.request_encoder import RequestEncoder
from headrace.core.inference.scorer import Scorer
from tests.conftest import headrace
from tests.model_import import made_models as made


def test_the_command_makes_a_bundle(tmp_path: Path) -> None:
    """From the folder to a bundle with the names that were given; the last line says what comes next."""
    made.sklearn_model(tmp_path / "model", made.fitted(labels=("good", "bad")))
    done = headrace(
        "import", str(tmp_path / "model"), "-o", str(tmp_path / "new"), "--target", "risk", "--positive", "bad",
        "--threshold", "0.3", "--name", "credit",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("credit ")
    assert "  warning: Nothing is known of how good this model is" in done.stdout
    assert done.stdout.splitlines()[-1] == f"Next: headrace serve {tmp_path}/new"
    scorer = Scorer.open(open_bundle(tmp_path / "new"))
    assert (scorer.contract.target.name, scorer.classes, scorer.positive, scorer.threshold) == (
        "risk", ("bad", "good"), 0, 0.3,
    )  # fmt: skip


def test_a_pickle_ends_the_command_with_two(tmp_path: Path) -> None:
    """One sentence on the screen."""
    facts = {"pickled_model": "m.pkl", "serialization_format": "pickle"}
    made.write_model(tmp_path / "model", {"sklearn": facts}, {"m.pkl": b"\x80"})
    done = headrace("import", str(tmp_path / "model"), "-o", str(tmp_path / "new"))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("headrace: ")


def test_half_is_the_first_class(tmp_path: Path) -> None:
    """scikit-learn and XGBoost predict the second class above 0.5 only; so does the bundle unless told otherwise."""
    made.sklearn_model(tmp_path / "model")
    assert Scorer.open(hr.import_model(tmp_path / "model", tmp_path / "own")).threshold == math.nextafter(0.5, 1)
    told = hr.import_model(tmp_path / "model", tmp_path / "told", threshold=0.5)
    assert Scorer.open(told).threshold == 0.5


def test_a_graph_of_one_number_is_a_regression_unless_classes_are_named(tmp_path: Path) -> None:
    """MLflow does not say what the number is."""
    made.onnx_model(tmp_path / "model", made.graph())
    value = Scorer.open(hr.import_model(tmp_path / "model", tmp_path / "value"))
    row = np.array([[1.0, 3.0]])
    expected = 1 / (1 + math.exp(-2))
    assert value.contract.task == "regression"
    assert value.scores(row)[0] == pytest.approx(expected, abs=1e-6)
    named = Scorer.open(hr.import_model(tmp_path / "model", tmp_path / "named", classes=["no", "yes"]))
    assert named.classes == ("no", "yes")
    assert named.scores(row)[0] == pytest.approx([1 - expected, expected], abs=1e-6)


def test_the_columns_of_an_array_are_named_by_a_person_or_by_place(tmp_path: Path) -> None:
    """A tensor of rows and columns has no names."""
    tensor = {"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}
    made.sklearn_model(
        tmp_path / "model", LinearRegression().fit([[0.0, 1.0], [1.0, 3.0]], [0.0, 1.0]), inputs=[tensor]
    )
    plain = hr.import_model(tmp_path / "model", tmp_path / "plain")
    assert [one.name for one in Scorer.open(plain).contract.inputs] == ["x0", "x1"]
    assert "column_names" in {note["rule"] for note in plain.json("provenance.json")["findings"]}
    named = hr.import_model(tmp_path / "model", tmp_path / "named", column_names=["size", "age"])
    assert [one.name for one in Scorer.open(named).contract.inputs] == ["size", "age"]


def test_rows_of_the_example_are_the_test_cases(tmp_path: Path) -> None:
    """A row that the contract refuses is none, which a note says."""
    example = {"dataframe_split": {"columns": ["a", "b"], "data": [[1.0, 2.0], [None, 2.0], [7, 0.5]]}}
    folder = made.sklearn_model(tmp_path / "model")
    (folder / "serving_input_example.json").write_text(json.dumps(example))
    bundle = hr.import_model(folder, tmp_path / "new")
    assert [case["request"] for case in bundle.json("cases.json")["cases"]] == [
        {"a": 1.0, "b": 2.0},
        {"a": 7, "b": 0.5},
    ]
    assert [
        note["count"] for note in bundle.json("provenance.json")["findings"] if note["rule"] == "input_example"
    ] == [1]


@pytest.mark.parametrize(
    "example",
    [
        {"columns": ["a", "b"], "data": [[1.0, 2.0]]},
        {"dataframe_records": [{"a": 1.0, "b": 2.0}]},
        {"inputs": {"a": [1.0], "b": [[2.0]]}},
        {"inputs": [[1.0, 2.0]]},
        [{"a": 1.0, "b": 2.0}],
    ],
)
def test_each_form_of_example_is_read(example: object, tmp_path: Path) -> None:
    """Those that MLflow writes for frames, records, arrays and tensors by name."""
    folder = made.sklearn_model(tmp_path / "model")
    (folder / "input_example.json").write_text(json.dumps(example))
    cases = hr.import_model(folder, tmp_path / "new").json("cases.json")["cases"]
    assert [case["request"] for case in cases] == [{"a": 1.0, "b": 2.0}]


def test_a_booster_takes_the_branches_of_its_document(tmp_path: Path) -> None:
    """The leaf of the side that the threshold says, the missing side where a value is missing, and the base score."""
    made.xgboost_model(tmp_path / "model", made.booster())
    scorer = Scorer.open(hr.import_model(tmp_path / "model", tmp_path / "new"))
    rows = [{"a": 0, "b": below} for below in (0.25, 0.5, None, float(np.nextafter(0.5, 0)))]
    scores = scorer.scores(RequestEncoder(scorer.contract).encode_rows(rows).matrix)[:, 1]
    left, right = 1 / (1 + math.exp(1)), 1 / (1 + math.exp(-2))
    # 0.49999999999999994 is 0.5 in float32, in which XGBoost compares.
    assert scores.tolist() == pytest.approx([left, right, left, right])


def test_code_and_run_of_the_model_are_recorded(tmp_path: Path) -> None:
    """What MLmodel says goes into the provenance, with a digest over the folder."""
    made.sklearn_model(tmp_path / "model", run_id="r" * 32)
    facts = hr.import_model(tmp_path / "model", tmp_path / "new").json("provenance.json")["imported"]
    assert facts == {
        "tool": "mlflow", "version": "3.17.2", "source": "model", "flavor": "sklearn",
        "library": facts["library"], "digest": facts["digest"], "model": "u" * 32, "run": "r" * 32, "registered": "",
        "commit": "", "code": "none",
    }  # fmt: skip
    (tmp_path / "model" / "notes.txt").write_text("another file")
    other = hr.import_model(tmp_path / "model", tmp_path / "other").json("provenance.json")["imported"]
    assert other["digest"] != facts["digest"]
