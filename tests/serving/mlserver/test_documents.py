"""MLServer's requests and responses as documents; the real MLServer is asked in `tests/real`."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from headrace.core.base.errors import RequestError
from headrace.serving.mlserver.documents import read_document, read_tensors, write_texts


def _payload(*data: Any, datatype: Any = "BYTES", **more: Any) -> Any:
    item = SimpleNamespace(name="plan", shape=[len(data)], datatype=datatype, data=SimpleNamespace(root=list(data)))
    return SimpleNamespace(**{"id": None, "inputs": [item], "outputs": None, "parameters": None, **more})


def test_texts_of_grpc_and_of_rest_are_one() -> None:
    """Bytes are texts in UTF-8, and a datatype may be a member of an enumeration."""
    found = read_document(_payload(b"basic", "plus", None, datatype=SimpleNamespace(value="BYTES")))
    assert found == {"inputs": [{"name": "plan", "datatype": "BYTES", "shape": [3], "data": ["basic", "plus", None]}]}


def test_other_bytes_are_refused() -> None:
    """With the sentence that the suite's own server has."""
    with pytest.raises(RequestError, match=r"inputs\[0\] must hold texts in UTF-8"):
        read_document(_payload(b"\xff"))


def test_the_rest_of_a_request_is_kept() -> None:
    """Id, outputs and the wish for explanations; headers, which MLServer adds, are not."""
    parameters = SimpleNamespace(model_extra={"explain": True}, headers={"cookie": "x"})
    found = read_document(_payload("x", id="7", outputs=[SimpleNamespace(name="label")], parameters=parameters))
    assert {name: found[name] for name in found if name != "inputs"} == {
        "id": "7", "outputs": [{"name": "label"}], "parameters": {"explain": True},
    }  # fmt: skip


def test_a_nan_is_a_missing_value() -> None:
    """Only gRPC can send one; numbers without one stay as they came."""
    (tensor,) = read_tensors(read_document(_payload(1.0, float("nan"), datatype="FP64")))
    assert isinstance(tensor.values, np.ndarray)
    assert np.isnan(tensor.values[1])
    (plain,) = read_tensors(read_document(_payload(1.0, None, datatype="FP64")))
    assert plain.values == [1.0, None]


def test_a_request_without_tensors_is_refused() -> None:
    """It has nothing to answer."""
    with pytest.raises(RequestError, match="at least one tensor"):
        read_tensors({"inputs": []})


def test_texts_are_sent_as_bytes() -> None:
    """MLServer 1.7.1 sends no str over gRPC: "expected bytes, str found" (mlserver/grpc/converters.py)."""
    numbers = {"name": "value", "datatype": "FP64", "data": [1.0]}
    found = write_texts({"outputs": [{"name": "label", "datatype": "BYTES", "data": ["ja", "né"]}, numbers]})
    assert found["outputs"] == [{"name": "label", "datatype": "BYTES", "data": [b"ja", "né".encode()]}, numbers]
