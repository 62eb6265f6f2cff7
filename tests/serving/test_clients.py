"""The clients of KServe and Triton against a real server, and the equality of all ways to ask."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from tritonclient.utils import InferenceServerException

from tests.serving.conftest import GOOD, Running

ROWS = [GOOD, {**GOOD, "age": 60, "spend": None, "plan": "basic"}]
DATATYPES = {"age": "INT64", "spend": "FP64", "plan": "BYTES", "joined": "BYTES"}


@pytest.fixture(scope="module")
def expected(server: Running) -> list[dict[str, Any]]:
    """The answers in V1."""
    reply = server.remote.predict(ROWS)
    assert reply.status == 200, reply.document
    return list(reply.document["predictions"])


def arrays() -> dict[str, np.ndarray]:
    """The rows as arrays of Triton's clients."""
    spend = [np.nan if row["spend"] is None else row["spend"] for row in ROWS]
    return {
        "age": np.array([row["age"] for row in ROWS], dtype=np.int64),
        "spend": np.array(spend),
        "plan": np.array([row["plan"] for row in ROWS], dtype=object),
        "joined": np.array([row["joined"] for row in ROWS], dtype=object),
    }


def inputs(module: Any, **choices: Any) -> list[Any]:
    """The tensors of a request."""
    found = []
    for name, values in arrays().items():
        tensor = module.InferInput(name, list(values.shape), DATATYPES[name])
        tensor.set_data_from_numpy(values, **choices)
        found.append(tensor)
    return found


def same(labels: Any, probabilities: Any, expected: list[dict[str, Any]]) -> None:
    """Whether outputs are the answers of V1, to the bit."""
    texts = [text.decode() if isinstance(text, bytes) else text for text in np.asarray(labels).ravel()]
    assert texts == [answer["label"] for answer in expected]
    wanted = [list(answer["probabilities"].values()) for answer in expected]
    np.testing.assert_array_equal(np.asarray(probabilities).reshape(len(expected), -1), wanted)


@pytest.mark.parametrize("binary_in", [False, True])
@pytest.mark.parametrize("binary_out", [False, True])
def test_tritons_http_client(
    server: Running, expected: list[dict[str, Any]], binary_in: bool, binary_out: bool
) -> None:
    """Health, metadata, and inference with tensors in JSON and in bytes, both ways."""
    if not binary_in:
        rows = arrays()
        rows["spend"] = np.array([20.5, 20.5])  # JSON has no NaN
    with triton_http.InferenceServerClient(server.host) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("customers")
        assert client.get_server_metadata()["name"] == "headrace"
        assert client.get_model_metadata("customers")["platform"] == "headrace"
        given = inputs(triton_http, binary_data=binary_in) if binary_in else _without_nan(triton_http)
        wanted = [triton_http.InferRequestedOutput(name, binary_data=binary_out) for name in ("label", "probabilities")]
        result = client.infer("customers", given, outputs=wanted, request_id="7")
        assert result.get_response()["id"] == "7"
        if binary_in:
            same(result.as_numpy("label"), result.as_numpy("probabilities"), expected)
        assert result.as_numpy("probabilities").shape == (2, 2)


def _without_nan(module: Any) -> list[Any]:
    found = []
    for name, values in {**arrays(), "spend": np.array([20.5, 20.5])}.items():
        tensor = module.InferInput(name, list(values.shape), DATATYPES[name])
        tensor.set_data_from_numpy(values, binary_data=False)
        found.append(tensor)
    return found


def test_triton_asks_for_all_outputs_in_bytes_unless_told(server: Running, expected: list[dict[str, Any]]) -> None:
    """Without named outputs its client sets binary_data_output for the whole request."""
    with triton_http.InferenceServerClient(server.host) as client:
        result = client.infer("customers", inputs(triton_http))
        same(result.as_numpy("label"), result.as_numpy("probabilities"), expected)


def test_tritons_grpc_client(server: Running, expected: list[dict[str, Any]]) -> None:
    """The same over gRPC, where values travel raw."""
    with triton_grpc.InferenceServerClient(server.grpc) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("customers")
        assert client.get_server_metadata().name == "headrace"
        assert [tensor.name for tensor in client.get_model_metadata("customers").inputs] == list(DATATYPES)
        result = client.infer("customers", inputs(triton_grpc), request_id="7")
        assert result.get_response().id == "7"
        same(result.as_numpy("label"), result.as_numpy("probabilities"), expected)
        with pytest.raises(InferenceServerException, match="there is no model 'other'"):
            client.infer("other", inputs(triton_grpc))
        with pytest.raises(InferenceServerException, match="not loaded and unloaded by clients"):
            client.unload_model("customers")


def test_kserves_clients(server: Running, expected: list[dict[str, Any]]) -> None:
    """Its REST client in both protocols, and its gRPC client with typed contents.

    In a process of its own: KServe's and Triton's messages have the same names and cannot be in one.
    """
    told = {"base": f"http://{server.host}", "grpc": server.grpc, "rows": ROWS, "datatypes": DATATYPES}
    script = Path(__file__).with_name("kserve_client.py")
    done = subprocess.run(
        [sys.executable, str(script)], input=json.dumps(told), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["v1"] == expected
    for protocol in ("v2", "grpc"):
        same(found[protocol]["label"], found[protocol]["probabilities"], expected)


BAD_MESSAGES = {
    "no model": ({"model_name": "other"}, grpc.StatusCode.NOT_FOUND),
    "no version": ({"model_version": "9"}, grpc.StatusCode.NOT_FOUND),
    "no inputs": ({"inputs": []}, grpc.StatusCode.INVALID_ARGUMENT),
    "negative shape": ({"shape": [-1]}, grpc.StatusCode.INVALID_ARGUMENT),
    "other shape": ({"shape": [3]}, grpc.StatusCode.INVALID_ARGUMENT),
    "huge shape": ({"shape": [2**40, 2**20]}, grpc.StatusCode.INVALID_ARGUMENT),
    "other datatype": ({"datatype": "COMPLEX"}, grpc.StatusCode.INVALID_ARGUMENT),
    "other contents": ({"datatype": "BYTES"}, grpc.StatusCode.INVALID_ARGUMENT),
    "raw and typed": ({"raw": [b"1" * 8]}, grpc.StatusCode.INVALID_ARGUMENT),
    "too much raw": ({"raw": [b"1" * 8, b""]}, grpc.StatusCode.INVALID_ARGUMENT),
    "no such output": ({"outputs": ["logits"]}, grpc.StatusCode.INVALID_ARGUMENT),
    "one column": ({}, grpc.StatusCode.INVALID_ARGUMENT),
}


@pytest.mark.parametrize("case", BAD_MESSAGES)
def test_a_bad_message_gets_a_status_and_a_sentence(server: Running, case: str) -> None:
    """Never INTERNAL or UNKNOWN for what a client sends."""
    from tritonclient.grpc import service_pb2, service_pb2_grpc

    change, code = BAD_MESSAGES[case]
    request = service_pb2.ModelInferRequest(
        model_name=change.get("model_name", "customers"), model_version=change.get("model_version", "")
    )
    if "inputs" not in change:
        tensor = request.inputs.add(
            name="age", datatype=change.get("datatype", "INT64"), shape=change.get("shape", [1])
        )
        tensor.contents.int64_contents.append(31)
    request.raw_input_contents.extend(change.get("raw", []))
    for name in change.get("outputs", []):
        request.outputs.add(name=name)
    with grpc.insecure_channel(server.grpc) as channel, pytest.raises(grpc.RpcError) as refused:
        service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(request, timeout=30)
    assert refused.value.code() == code, refused.value.details()
    assert refused.value.details().endswith(".")


def binary(header: Any, rest: bytes, length: Any = None) -> tuple[bytes, dict[str, str]]:
    """A body with binary tensors."""
    head = json.dumps(header).encode()
    return head + rest, {"Inference-Header-Content-Length": str(len(head) if length is None else length)}


def raw_input(size: Any, shape: list[int] | None = None, datatype: str = "INT64", name: str = "age") -> dict[str, Any]:
    """An input whose values follow as bytes."""
    return {"name": name, "shape": shape or [1], "datatype": datatype, "parameters": {"binary_data_size": size}}


@pytest.mark.parametrize(
    ("header", "rest", "length"),
    [
        ({"inputs": [raw_input(8)]}, b"1" * 8, "x"),
        ({"inputs": [raw_input(8)]}, b"1" * 8, "-1"),
        ({"inputs": [raw_input(8)]}, b"1" * 8, 10**6),
        ({"inputs": [raw_input(8)]}, b"1" * 8, "9" * 30),
        ({"inputs": [raw_input(8)]}, b"1" * 7, None),
        ({"inputs": [raw_input(8)]}, b"1" * 9, None),
        ({"inputs": [raw_input(-8)]}, b"1" * 8, None),
        ({"inputs": [raw_input("8")]}, b"1" * 8, None),
        ({"inputs": [raw_input(2**62, [2**59])]}, b"1" * 8, None),
        ({"inputs": [raw_input(8, [2**59])]}, b"1" * 8, None),
        ({"inputs": [raw_input(8, datatype="BYTES")]}, b"\xff\xff\xff\xff1234", None),
        ({"inputs": [raw_input(3, datatype="BYTES")]}, b"\x01\x00\x00", None),
        ({"inputs": [raw_input(5, datatype="BYTES", name="plan")]}, b"\x01\x00\x00\x00\xff", None),
        ({"inputs": [raw_input(1, datatype="BOOL")]}, b"\x07", None),
        ({"inputs": []}, b"", None),
        ([], b"", None),
    ],
)
def test_bad_bytes_are_refused(server: Running, header: Any, rest: bytes, length: Any) -> None:
    """A 400 in one sentence for everything that does not add up."""
    body, headers = binary(header, rest, length)
    status, answer, _ = server.ask("POST", "/v2/models/customers/infer", body, **headers)
    assert status == 400, answer
    assert list(answer) == ["error"]
    assert answer["error"].endswith(".")
