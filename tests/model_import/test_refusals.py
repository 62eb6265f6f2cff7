"""What is no model, or none that can be read as data, is refused in one sentence, and nothing is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import headrace.api as hr
from headrace.core.base.errors import UserError
from tests.model_import import made_models as made

Make = Callable[[Path], Any]


def _link(folder: Path) -> None:
    made.sklearn_model(folder)
    (folder / "model.skops").rename(folder.parent / "secret")
    (folder / "model.skops").symlink_to(folder.parent / "secret")


def _path(name: str) -> Make:
    facts = {"pickled_model": name, "serialization_format": "skops", "sklearn_version": "1.9.1"}
    return lambda folder: made.write_model(folder, {"sklearn": facts})


def _text(text: str) -> Make:
    def write(folder: Path) -> None:
        folder.mkdir()
        (folder / "MLmodel").write_text(text)

    return write


def _external(folder: Path) -> None:
    graph = made.graph()
    graph.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    made.onnx_model(folder, graph)


def _two_scores(folder: Path) -> None:
    graph = made.graph()
    graph.graph.node.append(helper.make_node("Identity", ["raw"], ["other"]))
    graph.graph.output.append(helper.make_tensor_value_info("other", 1, [None, 1]))
    made.onnx_model(folder, graph)


def _inputs(*inputs: dict[str, Any]) -> Make:
    return lambda folder: made.sklearn_model(folder, inputs=inputs)


_LIST = {"left_children": [0, -1, -1]}
_CASES: dict[str, tuple[Make, str]] = {
    "nothing": (lambda _: None, "there is no such folder"),
    "empty": (Path.mkdir, "must hold the file MLmodel, as a model of MLflow does; it holds nothing"),
    "yaml": (_text("flavors: [1"), "must be YAML that can be read"),
    "list": (_text("- 1"), "must be a YAML mapping"),
    "alias": (_text("flavors: &a {x: {}}\nother: *a"), "must be YAML without aliases"),
    "tag": (_text("flavors: !!python/object/apply:os.system [true]"), "must be YAML that can be read"),
    "flavors": (_text("mlflow_version: 3"), "must list the model's flavors"),
    "other": (lambda folder: made.write_model(folder, {"spark": {}, "mleap": {}}), "it has mleap, spark"),
    "function": (
        lambda folder: made.write_model(folder, {"python_function": {"loader_module": "evil"}}),
        "it is a Python function of its own (loader_module 'evil')",
    ),
    "unsigned": (lambda folder: made.sklearn_model(folder, inputs=None), "must have a signature with inputs"),
    "link": (_link, "'model.skops' is a link or a device, and is not followed"),
    "up": (_path("../model.skops"), "must name files of its own folder; it names '../model.skops'"),
    "root": (_path("/etc/passwd"), "must name files of its own folder"),
    "absent": (_path("model.skops"), "must hold 'model.skops', which its MLmodel names"),
    "pickle": (
        lambda folder: made.write_model(
            folder, {"sklearn": {"pickled_model": "m.pkl", "serialization_format": "cloudpickle"}}, {"m.pkl": b"\x80"}
        ),
        "'m.pkl' is a cloudpickle, which runs code when it is loaded",
    ),
    "hidden pickle": (
        lambda folder: made.write_model(
            folder,
            {"sklearn": {"pickled_model": "m", "serialization_format": "skops", "sklearn_version": "1.9.1"}},
            {"m": b"\x80\x04N."},
        ),
        "must be a skops file that scikit-learn",
    ),
    "old": (lambda folder: made.sklearn_model(folder, version="1.2.0"), "it is one of '1.2.0'"),
    "function type": (
        lambda folder: made.sklearn_model(folder, make_pipeline(FunctionTransformer(np.log1p), made.fitted())),
        "must hold types only that are reviewed as data",
    ),
    "no probabilities": (
        lambda folder: made.sklearn_model(folder, made.fitted(RidgeClassifier())),
        "must hold types only that are reviewed as data",
    ),
    "datetime": (_inputs({"type": "datetime", "name": "a"}), "the input 'a' must be double, float"),
    "any": (_inputs({"type": "any", "name": "a"}), "the input 'a' must be double, float"),
    "array": (_inputs({"type": "array", "items": {"type": "double"}, "name": "a"}), "it is an array"),
    "object": (_inputs({"type": "object", "properties": {}, "name": "a"}), "it is an object with properties"),
    "binary": (_inputs({"type": "binary", "name": "a"}), "it is binary"),
    "nameless": (_inputs({"type": "double"}), "input 0 must have a name"),
    "tensor": (
        _inputs({"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 28, 28]}}),
        "it has the shape [-1, 28, 28]",
    ),
    "twice": (_inputs(made.SIGNATURE[0], made.SIGNATURE[0]), "'a'] is there twice"),
    "other names": (
        _inputs(made.SIGNATURE[1], made.SIGNATURE[0]),
        "the signature must list the columns that the model was fitted on, in their order ['a', 'b']",
    ),
    "opset": (lambda folder: made.onnx_model(folder, made.graph(opset=25)), "operator set 24 of ai.onnx at most"),
    "garbage": (
        lambda folder: made.write_model(folder, {"onnx": {"data": "m"}}, {"m": b"\xff\xff"}),
        "must be a model of ONNX; it cannot be read",
    ),
    "external": (_external, "'w' is in another file"),
    "operator": (lambda folder: made.onnx_model(folder, made.graph(kind="Celu")), "'Celu' is not one of them"),
    "scores": (_two_scores, "must have one output of scores"),
    "classes": (lambda folder: made.onnx_model(folder, made.graph(outputs=3)), "name their 3 classes by --class"),
    "width": (lambda folder: made.onnx_model(folder, made.graph(columns=5)), "must take rows (n, 2)"),
    "version": (
        lambda folder: made.xgboost_model(folder, made.booster(version=(1, 2, 0))),
        "must be of XGBoost 1.7 to 3; it is of 1.2.0",
    ),
    "binary model": (lambda folder: made.xgboost_model(folder, b"binf\x00"), "it is in another form"),
    "json": (lambda folder: made.xgboost_model(folder, b'{"a": '), "must be a model of XGBoost in JSON"),
    "ubjson": (lambda folder: made.xgboost_model(folder, b"{L\x00"), "must be a model of XGBoost in UBJSON"),
    "fields": (lambda folder: made.xgboost_model(folder, {"version": [3, 0, 0]}), "reading it failed with KeyError"),
    "objective": (lambda folder: made.xgboost_model(folder, made.booster(objective="rank:ndcg")), "it has 'rank:ndcg'"),
    "circle": (lambda folder: made.xgboost_model(folder, made.booster(**_LIST)), "point at their own nodes"),
    "sets": (lambda folder: made.xgboost_model(folder, made.booster(split_type=[1, 0, 0])), "by sets of categories"),
}


@pytest.mark.parametrize("name", _CASES)
def test_it_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    """The sentence says what was expected and what came; no bundle and no part of one is left."""
    make, told = _CASES[name]
    make(tmp_path / "model")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UserError) as caught:
        hr.import_model(tmp_path / "model", tmp_path / "new")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"classes": ["a", "b", "c"]}, "the model predicts 2 classes"),
        ({"classes": ["", "b"]}, "the name of a class must not be empty"),
        ({"classes": ["a", "a"]}, "must have different names"),
        ({"positive": "maybe"}, "positive must be one of the classes"),
        ({"threshold": 1.5}, "the threshold must be above 0 and below 1"),
        ({"target": "a"}, "named differently"),
        ({"name": "Not A Name"}, "lower case letters"),
        ({"card": "nowhere.yaml"}, "there is no card file"),
        ({"registry": "ftp://x"}, ""),
    ],
)
def test_what_a_person_says_must_fit(given: dict[str, Any], told: str, tmp_path: Path) -> None:
    """An option that does not fit the model is refused; one that the address does not need is not looked at."""
    made.sklearn_model(tmp_path / "model")
    if not told:
        assert hr.import_model(tmp_path / "model", tmp_path / "new", **given).name == "model"
        return
    with pytest.raises(UserError, match=told):
        hr.import_model(tmp_path / "model", tmp_path / "new", **given)
    assert not (tmp_path / "new").exists()


def test_trees_that_point_outside_themselves_are_refused(tmp_path: Path) -> None:
    """Skops loads them, and scikit-learn would follow them out of its memory."""
    forest = made.fitted(RandomForestClassifier(n_estimators=2, random_state=0))
    tree = forest.estimators_[0].tree_
    state = tree.__getstate__()
    state["nodes"]["left_child"][0] = 10_000
    tree.__setstate__(state)
    made.sklearn_model(tmp_path / "model", forest)
    with pytest.raises(UserError, match="must point at their own nodes only"):
        hr.import_model(tmp_path / "model", tmp_path / "new")


def test_the_folder_of_the_model_stays_as_it_is(tmp_path: Path) -> None:
    """A bundle inside it would become a part of the model."""
    made.sklearn_model(tmp_path / "model")
    with pytest.raises(UserError, match="must not be written into the folder of the model"):
        hr.import_model(tmp_path / "model", tmp_path / "model" / "new")
    assert not (tmp_path / "model" / "new").exists()


def test_a_folder_that_exists_stays(tmp_path: Path) -> None:
    """Nothing is replaced."""
    made.sklearn_model(tmp_path / "model")
    (tmp_path / "new").mkdir()
    with pytest.raises(UserError, match="must not exist yet"):
        hr.import_model(tmp_path / "model", tmp_path / "new")
