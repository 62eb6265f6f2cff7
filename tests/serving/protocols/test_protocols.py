"""Both protocols as pure functions, over a model that stands for any."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import RequestError
from headrace.core.contracts.contract import Column, Contract
from headrace.core.inference.scorer import Scorer
from headrace.serving.model.limits import RequestLimits
from headrace.serving.model.served_model import ServedModel
from headrace.serving.protocols import binary_tensors, json_body, tensors, v1, v2
from headrace.serving.protocols.codecs import BINARY_HEADER, V1, V2
from tests.properties import examples

LIMITS = RequestLimits(rows=5, nesting=8)
CONTRACT = Contract(
    name="t",
    task="binary",
    columns=(
        Column("n", "integer"),
        Column("c", "string", categories=("a", "b")),
        Column("y", "string", role="target", categories=("no", "yes")),
    ),
)


class Halves:
    """An engine whose second probability is the number n over ten, for it is the codecs that are tested."""

    name = "onnx"

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        """Probabilities (n, 2)."""
        share = np.nan_to_num(matrix[:, 0]) / 10
        return np.stack([1 - share, share], axis=1)


SERVED = ServedModel(Scorer(CONTRACT, Halves(), 0.5, "t", "ab" * 32, "logistic"), folder=Path())
ROWS = [{"n": 1, "c": "a"}, {"n": None, "c": "b"}]


def tensor(name: str, data: list[Any], datatype: str = "INT64", shape: list[int] | None = None) -> dict[str, Any]:
    """A tensor of V2."""
    return {"name": name, "datatype": datatype, "shape": [len(data)] if shape is None else shape, "data": data}


def matrix(speech: Any, document: Any) -> np.ndarray:
    """The model matrix of a request."""
    asked = speech.read(json.dumps(document).encode(), (), SERVED, LIMITS)[1]
    return SERVED.predict_validated(asked).matrix


@pytest.mark.parametrize(
    "body", [b"", b"x", b"[1]", b"5", b'"a"', b"null", b'{"a": NaN}', b'{"a": Infinity}', b"\xff\xfe", b"[" * 2000]
)
def test_a_body_must_be_a_json_object(body: bytes) -> None:
    """Everything else is refused in a sentence."""
    with pytest.raises(RequestError, match="the body must be"):
        json_body.read(body, LIMITS)


def test_nesting_is_bounded_and_brackets_in_texts_do_not_count() -> None:
    """Eight deep passes, nine deep does not, and a text of brackets is a text."""
    deep = {"a": [[[[[[[1]]]]]]]}
    assert json_body.read(json.dumps(deep).encode(), LIMITS) == deep
    with pytest.raises(RequestError, match="nested at most 8 deep"):
        json_body.read(json.dumps({"a": [deep]}).encode(), LIMITS)
    text = {"a": "[" * 100}
    assert json_body.read(json.dumps(text).encode(), LIMITS) == text


FORMS = [
    {"instances": ROWS},
    {"instances": [[1, "a"], [None, "b"]]},
    {"dataframe_records": ROWS},
    {"dataframe_split": {"columns": ["c", "n"], "data": [["a", 1], ["b", None]]}},
    {"inputs": {"n": [1, None], "c": ["a", "b"]}},
    {"inputs": [[1, "a"], [None, "b"]]},
    {"instances": [{**row, "y": "no"} for row in ROWS]},
]


@pytest.mark.parametrize("document", FORMS, ids=lambda document: next(iter(document)))
def test_all_forms_of_v1_mean_the_same(document: dict[str, Any]) -> None:
    """KServe's instances, and the forms of MLflow's clients."""
    np.testing.assert_array_equal(matrix(V1, document), [[1.0, 0.0], [np.nan, 1.0]])


@pytest.mark.parametrize(
    "inputs",
    [
        [tensor("n", [1, None]), tensor("c", ["a", "b"], "BYTES")],
        [tensor("n", [[1], [None]], shape=[2, 1]), tensor("c", ["a", "b"], "BYTES", [2, 1])],
        [tensor("rows", [["1", "a"], ["", "b"]], "BYTES", [2, 2])],
        [tensor("rows", ["1", "a", "NA", "b"], "BYTES", [2, 2])],
    ],
    ids=["flat", "upright", "nested rows", "flat rows"],
)
def test_all_forms_of_v2_mean_the_same(inputs: list[Any]) -> None:
    """A tensor for each column, or one of whole rows in the contract's order."""
    np.testing.assert_array_equal(matrix(V2, {"inputs": inputs}), [[1.0, 0.0], [np.nan, 1.0]])


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({}, "the body must be"),
        ({"instances": None}, "the body must be"),
        ({"instances": {"n": 1}}, "instances must be an array of rows; got an object"),
        ({"instances": ROWS, "inputs": []}, None),
        ({"inputs": [], "dataframe_records": []}, "the body must be"),
        ({"dataframe_split": {"columns": ["n"], "data": [[1, 2]]}}, "row 0 of dataframe_split"),
        ({"dataframe_split": {"columns": ["n", "n"], "data": []}}, "occurs twice"),
        ({"dataframe_split": []}, "dataframe_split must be"),
        ({"dataframe_split": {"columns": [1], "data": []}}, "dataframe_split must be"),
        ({"inputs": {"n": 1}}, "an array for 'n'"),
        ({"inputs": {"n": [1, 2], "c": ["a"]}}, "'c' holds 1"),
        ({"instances": [ROWS[0]] * 6}, "at most 5 rows; got 6"),
        ({"inputs": {"n": [1] * 6, "c": ["a"] * 6}}, "at most 5 rows"),
    ],
)
def test_v1_refuses_other_documents(document: Any, says: str | None) -> None:
    """Each sentence says what was expected; what names rows twice is answered by its instances."""
    if says is None:
        assert matrix(V1, document).shape == (2, 2)
        return
    with pytest.raises(RequestError, match=says):
        matrix(V1, document)


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        (None, "at least one tensor"),
        ([], "at least one tensor"),
        ({}, "at least one tensor"),
        ([1], r"inputs\[0\] must be an object"),
        ([{}], r"inputs\[0\] must be an object"),
        ([{"name": 1}], r"inputs\[0\] must be an object"),
        ([{"name": "n"}], "datatype of"),
        ([tensor("n", [1], "INT65")], "datatype of"),
        ([{**tensor("n", [1]), "datatype": ["INT64"]}], "datatype of"),
        ([{"name": "n", "datatype": "INT64"}], "shape of"),
        ([tensor("n", [1], shape=[-1])], "shape of"),
        ([{**tensor("n", [1]), "shape": [1.0]}], "shape of"),
        ([{**tensor("n", [1]), "shape": [True]}], "shape of"),
        ([{"name": "n", "datatype": "INT64", "shape": [1]}], "in the array data; got null"),
        ([{**tensor("n", [1]), "data": "1"}], "in the array data; got a text"),
        ([tensor("n", [1, 2], shape=[3])], r"must hold 3 values, as its shape '?\[3\]'? says; got 2"),
        ([tensor("n", [1, 2], shape=[2**62, 2**62])], "must hold"),
        ([tensor("n", [[1, [2]], [[3]]], shape=[4])], "nested no deeper"),
        ([tensor("n", [1.5])], "value 0 of the tensor 'n' must be an integer of 64 bits.*got a number"),
        ([tensor("n", [1, True])], "value 1 of the tensor"),
        ([tensor("n", [128], "INT8")], "an integer of 8 bits"),
        ([tensor("n", [-1], "UINT8")], "an integer of 8 bits"),
        ([tensor("n", ["1"], "FP64")], "a finite number"),
        ([tensor("n", [1], "BYTES")], "a text"),
        ([tensor("n", [1], "BOOL")], "true or false"),
        ([tensor("n", [{}], "BYTES")], "a text"),
        ([tensor("n", [1]), tensor("n", [1])], "twice"),
        ([tensor("n", [1]), tensor("c", ["a", "b"], "BYTES")], r"one shape.*'c' has \[2\]"),
        ([tensor("n", [1, 2], shape=[1, 2]), tensor("c", ["a"], "BYTES")], "one shape"),
        ([tensor("n", [], shape=[0]), tensor("c", [], "BYTES", [0])], "at least one row"),
        ([tensor("n", [1], shape=[])], "one shape"),
        ([tensor("rows", [], "BYTES", [0, 2])], "at least one row"),
        ([tensor("rows", [], "BYTES", [2, 0])], "must have 2 columns"),
        ([tensor("rows", ["1", "a", "x"], "BYTES", [1, 3])], "must have 2 columns"),
        ([tensor("n", list(range(8)), shape=[2, 2, 2])], "one shape"),
        ([tensor("n", list(range(6)))], "at most 5 rows"),
    ],
)
def test_v2_refuses_other_tensors(inputs: Any, says: str) -> None:
    """Each sentence names the tensor and what was expected, and repeats no value."""
    with pytest.raises(RequestError, match=says):
        matrix(V2, {"inputs": inputs})


def test_answers_in_both_protocols() -> None:
    """V1 has an object for each row; V2 makes tensors of them, and says which class is which."""
    scored = SERVED.predict_validated([{"n": 7, "c": "a"}, {"n": 0, "c": "b"}])
    first = json.loads(v1.answer(SERVED, scored))["predictions"]
    assert [row["label"] for row in first] == ["yes", "no"]
    assert first[0]["probabilities"] == pytest.approx({"no": 0.3, "yes": 0.7})
    answer = v2.answer(SERVED, scored, {"id": "7"})
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("7", "t", SERVED.digest)
    label, probabilities = answer["outputs"]
    assert label == {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["yes", "no"]}
    assert probabilities["data"] == [value for row in first for value in row["probabilities"].values()]
    assert probabilities["shape"] == [2, 2]
    assert probabilities["parameters"] == {"classes": '["no","yes"]'}


def test_outputs_may_be_chosen() -> None:
    """Those that are named, in that order; others are refused with the known ones."""
    scored = SERVED.predict_validated(ROWS)
    chosen = v2.answer(SERVED, scored, {"outputs": [{"name": "label"}]})
    assert [item["name"] for item in chosen["outputs"]] == ["label"]
    for wrong in ([{"name": "logits"}], [{}], ["label"], [5], "label", {"name": "label"}):
        with pytest.raises(RequestError, match="outputs must"):
            v2.requested_outputs({"outputs": wrong}, SERVED)


def test_a_score_that_is_not_finite_is_no_answer() -> None:
    """JSON would hold a null where the client wants a number."""
    served = ServedModel(
        Scorer(CONTRACT, lambda matrix: np.full((len(matrix), 2), np.nan), 0.5, "t", "", ""), folder=Path()
    )  # type: ignore[arg-type]
    for rows in (1, 3):
        with pytest.raises(RequestError, match="row 0 has no finite answer"):
            served.predict_validated([ROWS[0]] * rows)


TEXTS = st.lists(st.text(max_size=5), max_size=5)


@given(TEXTS)
def test_texts_survive_the_binary_form(texts: list[str]) -> None:
    """What is written is what is read."""
    content = memoryview(binary_tensors.encode("BYTES", texts))
    assert binary_tensors.decode(content, tensors.DATATYPES["BYTES"], len(texts), "it") == texts


@given(st.lists(st.floats(width=64), max_size=5))
def test_numbers_survive_the_binary_form(numbers: list[float]) -> None:
    """To the bit, NaN included."""
    content = memoryview(binary_tensors.encode("FP64", numbers))
    found = binary_tensors.decode(content, tensors.DATATYPES["FP64"], len(numbers), "it")
    np.testing.assert_array_equal(found, np.array(numbers))


@given(st.binary(max_size=40), st.sampled_from(sorted(tensors.DATATYPES)), st.integers(0, 8))
def test_any_bytes_are_read_or_refused(content: bytes, datatype: str, count: int) -> None:
    """Nothing but a refusal comes out of bytes that are no tensor."""
    try:
        binary_tensors.decode(memoryview(content), tensors.DATATYPES[datatype], count, "it")
    except RequestError as error:
        assert str(error).endswith(".")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    [
        "instances",
        "inputs",
        "outputs",
        "parameters",
        "dataframe_split",
        "columns",
        "data",
        "name",
        "shape",
        "datatype",
        "n",
        "c",
    ]
)
GRAMMAR = st.recursive(
    JSON | st.sampled_from(["n", "c", "a", "INT64", "BYTES", "FP64"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


@examples(500)
@given(st.dictionaries(KEYS, GRAMMAR, max_size=4), st.sampled_from([V1, V2]))
def test_any_document_is_answered_or_refused(document: dict[str, Any], speech: Any) -> None:
    """A grammar of requests, most of them wrong: nothing but answers and refusals."""
    body = json.dumps(document).encode()
    try:
        found, asked = speech.read(body, (), SERVED, LIMITS)
        v1.wants_explanations(found)
        speech.write(SERVED, SERVED.predict_validated(asked), found, None)
    except RequestError as error:
        assert str(error).endswith(".")
        assert "\n" not in str(error)


def test_one_header_tells_of_bytes() -> None:
    """KServe's and Triton's name of it, as ASGI spells headers."""
    assert BINARY_HEADER == b"inference-header-content-length"
