"""Both protocols as pure functions."""

from typing import Any

import pytest

from headrace.core.contract import Column, Contract
from headrace.core.errors import InputError
from headrace.serving.codec import (
    ANNOUNCED,
    DATATYPES,
    Served,
    announced,
    document,
    v1_answer,
    v1_table,
    v2_answer,
    v2_table,
)

CONTRACT = Contract(
    name="t",
    task="binary",
    columns=(
        Column("n", "integer"),
        Column("c", "string", categories=("a", "b")),
        Column("y", "string", role="target", categories=("no", "yes")),
    ),
)
SERVED = Served(name="t", version="ab" * 32, classes=("no", "yes"))
ANSWERS = [
    {"label": "yes", "probabilities": {"no": 0.25, "yes": 0.75}},
    {"label": "no", "probabilities": {"no": 1.0, "yes": 0.0}},
]


def tensor(name: str, data: list[Any], datatype: str = "INT64", shape: list[int] | None = None) -> dict[str, Any]:
    """A tensor of V2."""
    return {"name": name, "datatype": datatype, "shape": [len(data)] if shape is None else shape, "data": data}


@pytest.mark.parametrize(
    "body", [b"", b"x", b"[1]", b"5", b'"a"', b"null", b'{"a": NaN}', b'{"a": Infinity}', b"\xff\xfe", b"[" * 2000]
)
def test_a_body_must_be_a_json_object(body: bytes) -> None:
    """Everything else is refused in a sentence."""
    with pytest.raises(InputError, match="the body must be"):
        document(body)


@pytest.mark.parametrize("request_", [{}, {"instances": None}, {"instances": {"n": 1}}, {"inputs": [1]}])
def test_v1_needs_instances(request_: dict[str, Any]) -> None:
    """The sentence shows the form."""
    with pytest.raises(InputError, match='"instances": '):
        v1_table(request_, CONTRACT)


def test_v1_and_v2_say_the_same() -> None:
    """The same rows in each of the forms give the same table."""
    expected = v1_table({"instances": [{"n": 1, "c": "a"}, {"n": None, "c": "b"}]}, CONTRACT)
    columns = [tensor("n", [1, None]), tensor("c", ["a", "b"], "BYTES")]
    upright = [tensor("n", [[1], [None]], shape=[2, 1]), tensor("c", ["a", "b"], "BYTES", [2, 1])]
    assert v2_table({"inputs": columns}, CONTRACT).equals(expected)
    assert v2_table({"inputs": upright}, CONTRACT).equals(expected)
    assert v1_table({"instances": [[1, "a"], [None, "b"]]}, CONTRACT).equals(expected)


@pytest.mark.parametrize("data", [[["1", "a"], ["2", "b"]], ["1", "a", "2", "b"]], ids=["nested", "flat"])
def test_v2_takes_one_matrix(data: list[Any]) -> None:
    """Rows in the contract's order, as a tensor of any name."""
    found = v2_table({"inputs": [tensor("rows", data, "BYTES", [2, 2])]}, CONTRACT)
    assert found.rows() == [("1", "a"), ("2", "b")]


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
        ([{"name": "n", "datatype": "INT64", "shape": [1]}], "binary"),
        ([{**tensor("n", [1]), "data": "1"}], "binary"),
        ([tensor("n", [1, 2], shape=[3])], r"must hold 3 values, as its shape \[3\] says; got 2"),
        ([tensor("n", [1, 2], shape=[2**62, 2**62])], "must hold"),
        ([tensor("n", [[1, [2]], [[3]]], shape=[4])], "must hold 4 values"),
        ([tensor("n", [1.5])], "value 0 of the tensor 'n' must be an integer of 64 bits.*got 1.5"),
        ([tensor("n", [1, True])], "value 1 of the tensor"),
        ([tensor("n", [128], "INT8")], "an integer of 8 bits"),
        ([tensor("n", [-1], "UINT8")], "an integer of 8 bits"),
        ([tensor("n", ["1"], "FP64")], "a finite number"),
        ([tensor("n", [float("inf")], "FP32")], "a finite number"),
        ([tensor("n", [1], "BYTES")], "a text"),
        ([tensor("n", [1], "BOOL")], "true or false"),
        ([tensor("n", [{}], "BYTES")], "a text"),
        ([tensor("n", [1]), tensor("n", [1])], "twice"),
        ([tensor("n", [1]), tensor("c", ["a", "b"], "BYTES")], r"one shape.*'c' has \[2\]"),
        ([tensor("n", [1, 2], shape=[1, 2]), tensor("c", ["a"], "BYTES")], "one shape"),
        ([tensor("n", [], shape=[0])], "at least one row"),
        ([tensor("n", [1], shape=[])], "one shape"),
        ([tensor("rows", [], "BYTES", [0, 2])], "at least one row"),
        ([tensor("rows", [], "BYTES", [2, 0])], "at least one row"),
        ([tensor("rows", ["1", "a", "x"], "BYTES", [1, 3])], "row 0 must hold 2 values"),
        ([tensor("n", list(range(8)), shape=[2, 2, 2])], "one shape"),
    ],
)
def test_v2_refuses_other_tensors(inputs: Any, says: str) -> None:
    """Each sentence names the tensor and what was expected."""
    with pytest.raises(InputError, match=says):
        v2_table({"inputs": inputs}, CONTRACT)


def test_answers_in_both_protocols() -> None:
    """V1 repeats the answers; V2 makes tensors of them, and says which class is which."""
    assert v1_answer(ANSWERS, {}, SERVED) == {"predictions": ANSWERS}
    answer = v2_answer(ANSWERS, {"id": "7"}, SERVED)
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("7", "t", SERVED.version)
    label, probabilities = answer["outputs"]
    assert label == {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["yes", "no"]}
    assert probabilities["data"] == [0.25, 0.75, 1.0, 0.0]
    assert probabilities["shape"] == [2, 2]
    assert probabilities["parameters"] == {"classes": '["no","yes"]'}


def test_a_regression_answers_values() -> None:
    """One tensor of numbers."""
    served = Served(name="t", version="x", classes=())
    (value,) = v2_answer([{"value": 1.5}], {}, served)["outputs"]
    assert value == {"name": "value", "datatype": "FP64", "shape": [1], "data": [1.5]}


def test_outputs_may_be_chosen() -> None:
    """Those that are named, in that order; others are refused with the known ones."""
    chosen = v2_answer(ANSWERS, {"outputs": [{"name": "label"}]}, SERVED)
    assert [item["name"] for item in chosen["outputs"]] == ["label"]
    for wrong in ([{"name": "logits"}], [{}], ["label"], [5], "label", {"name": "label"}):
        with pytest.raises(InputError, match="outputs must"):
            v2_answer(ANSWERS, {"outputs": wrong}, SERVED)


def test_the_metadata_tell_inputs_and_outputs() -> None:
    """A client can build its tensors from them; each dtype of a contract has a datatype."""
    inputs, outputs = announced(CONTRACT, ("no", "yes"))
    assert [(item["name"], item["datatype"]) for item in inputs] == [("n", "INT64"), ("c", "BYTES")]
    assert [item["name"] for item in outputs] == ["label", "probabilities"]
    assert set(ANNOUNCED.values()) <= set(DATATYPES)
