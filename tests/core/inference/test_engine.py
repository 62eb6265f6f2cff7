"""ONNX Runtime and what it is given."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import AttributeProto, ModelProto, TensorProto, helper, load_from_string

from headrace.core.base.errors import BundleError
from headrace.core.base.files import write_json
from headrace.core.contracts.contract_yaml import dump
from headrace.core.features import model_matrix
from headrace.core.graphs import onnx_safety
from headrace.core.inference import engine
from headrace.core.inference.engine import OnnxEngine
from headrace.core.models.fitted_model import Model, predicted_probabilities, save
from headrace.core.onnx_export.export import convert
from tests.core import made
from tests.core.onnx_export.test_export import fitted
from tests.properties import examples


@pytest.fixture(scope="module")
def model() -> Model:
    """A small forest: its file is long enough to be damaged anywhere."""
    return fitted("random_forest", "binary")[0]


@pytest.fixture(scope="module")
def content(model: Model) -> bytes:
    """The forest as ONNX."""
    return convert(model)


def rows(model: Model, count: int = 300) -> model_matrix.Matrix:
    """Rows of the model's matrix."""
    return model_matrix.encode(made.table(count, seed=3), model.contract)


def test_threads_share_an_engine(model: Model, content: bytes) -> None:
    """Each gets the answers to its own rows."""
    answer, asked = OnnxEngine(content, model.contract), rows(model)
    alone = np.concatenate([answer(asked[place : place + 1]) for place in range(len(asked))])
    with ThreadPoolExecutor(8) as pool:
        together = np.concatenate(list(pool.map(lambda place: answer(asked[place : place + 1]), range(len(asked)))))
    np.testing.assert_array_equal(together, alone)


def test_neither_threads_nor_batches_change_an_answer(model: Model, content: bytes) -> None:
    """Sums over trees may be split over threads; the answers stay within the last digits."""
    asked = rows(model)
    one, many = OnnxEngine(content, model.contract), OnnxEngine(content, model.contract, threads=4)
    single = np.concatenate([one(asked[place : place + 1]) for place in range(len(asked))])
    np.testing.assert_allclose(one(asked), single, rtol=0, atol=1e-15)
    np.testing.assert_allclose(many(asked), single, rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", ["onnx", "sklearn"])
def test_a_folder_says_which_engine_it_wants(model: Model, content: bytes, tmp_path: Path, name: str) -> None:
    """Both give the same answers."""
    save(model, tmp_path)
    (tmp_path / "model.onnx").write_bytes(content)
    write_json(tmp_path / "engine.json", {"format": 1, "engine": name})
    loaded = engine.load(tmp_path, model.contract)
    assert loaded.name == name
    wanted = predicted_probabilities(model.pipeline, rows(model), 2)
    np.testing.assert_allclose(loaded(rows(model)), wanted, rtol=0, atol=1e-12)


def test_a_file_that_is_too_large_is_not_read(model: Model, tmp_path: Path) -> None:
    """Its size decides before a byte of it is in memory."""
    write_json(tmp_path / "engine.json", {"format": 1, "engine": "onnx"})
    with (tmp_path / "model.onnx").open("wb") as stream:
        stream.truncate((1 << 30) + 1)
    with pytest.raises(BundleError, match="at most 1073741824 bytes"):
        engine.load(tmp_path, model.contract)


def test_a_model_of_another_contract_is_refused(content: bytes) -> None:
    """As many columns and classes as the contract has, or none at all."""
    with pytest.raises(BundleError, match=r"must take X \(n, 1\) and give Y \(n, 2\)"):
        OnnxEngine(content, made.only(["size"]))
    with pytest.raises(BundleError, match=r"give Y \(n\)"):
        OnnxEngine(content, made.contract("regression"))


@examples(200)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_still_a_model(data: st.DataObject) -> None:
    """Whatever byte is changed or wherever it ends: a sentence, or an engine that answers; never a crash."""
    model, content = _shared()
    place = data.draw(st.integers(0, len(content) - 1) | st.integers(0, 400))
    damaged = bytearray(content)
    damaged[place] ^= data.draw(st.integers(1, 255))
    damaged = damaged[: data.draw(st.just(len(content)) | st.integers(0, len(content)))]
    try:
        found = OnnxEngine(bytes(damaged), model.contract)
    except BundleError as error:
        assert "model.onnx must" in str(error)
        assert "\n" not in str(error)
    else:
        assert found.name == "onnx"


_FOREST: list[tuple[Model, bytes]] = []


def _shared() -> tuple[Model, bytes]:
    if not _FOREST:
        found = fitted("random_forest", "binary")[0]
        _FOREST.append((found, convert(found)))
    return _FOREST[0]


def small(change: Callable[[ModelProto], None]) -> bytes:
    """A model of one number and two classes, changed."""
    value = helper.make_tensor_value_info
    nodes = [helper.make_node("Concat", ["X", "X"], ["Y"], axis=1)]
    sides = [value("X", TensorProto.DOUBLE, [None, 1])], [value("Y", TensorProto.DOUBLE, [None, 2])]
    graph = helper.make_graph(nodes, "headrace", *sides)
    found = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    change(found)
    return bytes(found.SerializeToString())


def _with_external(found: ModelProto) -> None:
    array = found.graph.initializer.add()
    array.name, array.data_type, array.data_location = "w", TensorProto.DOUBLE, TensorProto.EXTERNAL
    array.dims.append(2)
    entry = array.external_data.add()
    entry.key, entry.value = "location", "secret.bin"


def _with_operator(kind: str, domain: str = "") -> Callable[[ModelProto], None]:
    def change(found: ModelProto) -> None:
        found.graph.node.append(helper.make_node(kind, ["X"], ["Z"], domain=domain))

    return change


def _with_loop(found: ModelProto) -> None:
    node = helper.make_node("Loop", ["X"], ["Z"])
    node.attribute.append(AttributeProto(name="body", type=AttributeProto.GRAPH, g=found.graph))
    found.graph.node.append(node)


def _with_function(found: ModelProto) -> None:
    found.functions.add().name = "f"


def _with_sparse(found: ModelProto) -> None:
    found.graph.sparse_initializer.add()


def _with_many(found: ModelProto) -> None:
    for _ in range(2000):
        found.graph.node.append(helper.make_node("Identity", ["X"], ["Z"]))


def _in_float32(found: ModelProto) -> None:
    for side in (*found.graph.input, *found.graph.output):
        side.type.tensor_type.elem_type = TensorProto.FLOAT


def _renamed(found: ModelProto) -> None:
    found.graph.output[0].name = found.graph.node[0].output[0] = "Z"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_with_external, "it names another file"),
        (_with_operator("Gelu", "com.microsoft"), "it holds the operator 'com.microsoft.Gelu'"),
        (_with_operator("NonZero"), "it holds the operator 'NonZero'"),
        (_with_loop, "it holds the operator 'Loop'"),
        (_with_function, "it holds the field 25"),
        (_with_sparse, "it holds the field 15"),
        (_with_many, "it has 2001 operators"),
        (_in_float32, "of float64"),
        (_renamed, "must take X"),
    ],
)
def test_what_headrace_does_not_write_is_refused(change: Callable[[ModelProto], None], told: str) -> None:
    """No file, loop, function or operator but its own reaches ONNX Runtime, and no other type or name comes through."""
    agreed = made.only(["size"])
    assert OnnxEngine(small(lambda _: None), agreed)(np.ones((2, 1))).tolist() == [[1.0, 1.0], [1.0, 1.0]]
    with pytest.raises(BundleError, match=told):
        OnnxEngine(small(change), agreed)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nodes_featureids", 7),
        ("nodes_featureids", 10**9),
        ("nodes_featureids", -1),
        ("nodes_truenodeids", 10**7),
        ("nodes_truenodeids", -3),
        ("nodes_truenodeids", 0),
        ("leaf_targetids", 10**6),
        ("tree_roots", 10**7),
    ],
)
def test_trees_that_point_outside_themselves_are_refused(model: Model, content: bytes, name: str, value: int) -> None:
    """Beyond the columns, the nodes or the targets, or back to their own root: no memory is read that is not theirs."""
    damaged = load_from_string(content)
    (trees,) = [node for node in damaged.graph.node if node.op_type == "TreeEnsemble"]
    (attribute,) = [found for found in trees.attribute if found.name == name]
    attribute.ints[0] = value
    with pytest.raises(BundleError, match="ONNX Runtime cannot"):
        OnnxEngine(damaged.SerializeToString(), model.contract)


@pytest.mark.parametrize("junk", [b"", b"\x00", b"not a model", b"PK\x03\x04", b"\xff" * 100, b"{}"])
def test_what_is_no_model_is_refused(junk: bytes) -> None:
    """In one sentence."""
    with pytest.raises(BundleError, match=r"model\.onnx must be one that Headrace wrote"):
        OnnxEngine(junk, made.contract())


def test_the_walk_sees_the_operators_that_onnx_sees(content: bytes) -> None:
    """The walk by hand agrees with the library on a real file."""
    seen = [(node.domain, node.op_type) for node in load_from_string(content).graph.node]
    assert list(onnx_safety.nodes(content)) == seen
    assert set(seen) <= onnx_safety.OPERATORS


_LOAD = """
import sys
from pathlib import Path
from headrace.core.inference import engine
from headrace.core.contracts.contract_yaml import load
folder = Path(sys.argv[1])
engine.load(folder, load(folder / "contract.yaml"))
"""


def test_nobody_is_told_of_a_models_use(model: Model, content: bytes, tmp_path: Path) -> None:
    """ONNX Runtime, which sends statistics to its maker unless told not to, keeps no identity and nothing to send."""
    folder, home = tmp_path / "model", tmp_path / "home"
    home.mkdir()
    save(model, folder)
    (folder / "contract.yaml").write_text(dump(model.contract))
    (folder / "model.onnx").write_bytes(content)
    write_json(folder / "engine.json", {"format": 1, "engine": "onnx"})
    # A machine that says CI is left alone by ONNX Runtime anyway: this one does not say so.
    clean = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)}
    subprocess.run([sys.executable, "-B", "-c", _LOAD, str(folder)], env=clean, check=True)
    assert list(home.iterdir()) == []
