"""Model files that are damaged or hostile."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import BaggingRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from headrace.core.base.errors import BundleError, InternalError
from headrace.core.models import skops_file
from tests.core.models.test_fitted_model import fitted


def rewritten(data: bytes, change: Callable[[str, bytes], bytes], *, compression: int = zipfile.ZIP_STORED) -> bytes:
    """A model's file with changed parts."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(target, "w", compression) as written:
        for name in source.namelist():
            written.writestr(name, change(name, source.read(name)))
    return target.getvalue()


def array_changed(field: str, value: Any) -> Callable[[str, bytes], bytes]:
    """A change of one field in the first inner node of each tree."""

    def change(name: str, content: bytes) -> bytes:
        if not name.endswith(".npy"):
            return content
        array = np.load(io.BytesIO(content))
        if array.dtype.names is None or field not in array.dtype.names:
            return content
        array[field][0] = value
        target = io.BytesIO()
        np.save(target, array)
        return target.getvalue()

    return change


@pytest.mark.parametrize(
    ("family", "field", "value"),
    [
        ("random_forest", "left_child", 10**9),
        ("random_forest", "right_child", 0),
        ("random_forest", "feature", 10**6),
        ("random_forest", "feature", -7),
        ("hist_gradient_boosting", "left", 10**8),
        ("hist_gradient_boosting", "right", 0),
        ("hist_gradient_boosting", "feature_idx", 10**6),
        ("hist_gradient_boosting", "is_categorical", 1),
        ("lightgbm", "left", 10**8),
        ("lightgbm", "right", 0),
        ("lightgbm", "feature_idx", 10**6),
        ("xgboost", "feature_idx", 10**6),
    ],
)
def test_trees_that_point_outside_themselves_are_refused(family: str, field: str, value: int) -> None:
    """Scikit-learn would follow such an index into foreign memory, or around in a circle."""
    data = skops_file.dumps(fitted(family).pipeline)
    with pytest.raises(BundleError, match="trees"):
        skops_file.loads(rewritten(data, array_changed(field, value)))


@pytest.mark.parametrize(
    "sets",
    [
        np.zeros((0, 8), dtype=np.uint32),
        np.zeros((9, 4), dtype=np.uint32),
        np.zeros((9, 8), dtype=np.float64),
        np.zeros(72, dtype=np.uint32),
    ],
)
def test_sets_of_categories_that_are_too_few_or_too_short_are_refused(sets: Any) -> None:
    """Scikit-learn would read bits behind their end."""
    pipeline = fitted("xgboost").pipeline
    trees = [tree for trees in pipeline[-1]._predictors for tree in trees]
    asking = next(tree for tree in trees if tree.nodes["is_categorical"].any())
    assert skops_file.loads(skops_file.dumps(pipeline))
    asking.raw_left_cat_bitsets = sets
    with pytest.raises(BundleError, match="trees"):
        skops_file.loads(skops_file.dumps(pipeline))


def test_a_round_without_a_tree_for_each_class_is_refused() -> None:
    """A tree too many would add to a column that is not there."""
    pipeline = fitted("lightgbm", "multiclass").pipeline
    pipeline[-1]._predictors[0].append(pipeline[-1]._predictors[0][0])
    with pytest.raises(BundleError, match="trees"):
        skops_file.loads(skops_file.dumps(pipeline))


@pytest.mark.parametrize(
    "thing",
    [
        {"a": 1},
        Pipeline([("prepare", StandardScaler()), ("other", StandardScaler())]),
        Pipeline([("prepare", StandardScaler()), ("estimator", BaggingRegressor(n_estimators=2))]),
        Pipeline([("prepare", FunctionTransformer(np.log1p)), ("estimator", StandardScaler())]),
        Pipeline([("prepare", FunctionTransformer(print)), ("estimator", StandardScaler())]),
    ],
)
def test_anything_but_a_reviewed_pipeline_is_refused(thing: Any) -> None:
    """Types that skops itself would trust are refused too if no family needs them."""
    with pytest.raises(BundleError):
        skops_file.loads(skops.io.dumps(thing))


def test_a_type_hidden_in_the_schema_is_refused_before_anything_is_made() -> None:
    """The list is checked on the schema's text, before skops sees it."""

    def change(name: str, content: bytes) -> bytes:
        if name != "schema.json":
            return content
        schema = json.loads(content)
        schema["content"]["content"]["extra"] = {
            "__class__": "Popen",
            "__module__": "subprocess",
            "__loader__": "ObjectNode",
            "content": None,
        }
        return json.dumps(schema).encode()

    with pytest.raises(BundleError, match=r"subprocess\.Popen"):
        skops_file.loads(rewritten(skops_file.dumps(fitted().pipeline), change))


@pytest.mark.parametrize("data", [b"", b"not a zip", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_model_file_is_refused(data: bytes) -> None:
    """Damage is told in one sentence, whatever library it upset."""
    with pytest.raises(BundleError, match=r"model\.skops"):
        skops_file.loads(data)


def test_a_truncated_file_is_refused() -> None:
    """Half a file is no model."""
    data = skops_file.dumps(fitted("random_forest").pipeline)
    with pytest.raises(BundleError):
        skops_file.loads(data[: len(data) // 2])


def test_a_zip_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file that would fill the memory is refused by what its directory tells; no entry of it is read."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr("schema.json", bytes(64 << 20))
    bomb = target.getvalue()
    assert len(bomb) < 1 << 20
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("an entry was unpacked"))
    with pytest.raises(BundleError, match="must not be compressed"):
        skops_file.loads(bomb)


def test_a_compressed_file_is_refused() -> None:
    """Headrace writes none, and a small file could unpack to more than the memory holds."""
    data = skops_file.dumps(fitted().pipeline)
    packed = rewritten(data, lambda _, content: content, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(BundleError, match="compressed"):
        skops_file.loads(packed)


def test_saving_refuses_what_loading_would() -> None:
    """A family with a new type fails when it is written, not when it is served."""
    with pytest.raises(InternalError, match="BaggingRegressor"):
        skops_file.dumps(BaggingRegressor(n_estimators=2).fit(np.zeros((4, 1)), np.zeros(4)))


def test_a_file_holds_no_leftover_memory() -> None:
    """Padding between the fields of a tree's nodes is zero."""
    data = skops_file.dumps(fitted("random_forest").pipeline)
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        files = [source.read(name) for name in source.namelist() if name.endswith(".npy")]
    arrays = [(np.load(io.BytesIO(content)), content) for content in files]
    trees = [(array, content) for array, content in arrays if array.dtype.names and "left_child" in array.dtype.names]
    assert trees
    for tree, content in trees:
        used = sum(tree.dtype[name].itemsize for name in tree.dtype.names or ())
        # `numpy.load` copies field by field: what the file holds between them shows in its own bytes only.
        raw = np.frombuffer(content[-tree.nbytes :], dtype=np.uint8).reshape(len(tree), tree.dtype.itemsize)
        assert used < tree.dtype.itemsize
        assert not raw[:, used:].any()
