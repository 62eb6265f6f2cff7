"""An anomaly model behind every door: scores and alerts over HTTP and gRPC, in tables and in streams."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import tritonclient.grpc as triton_grpc
from tritonclient.grpc import service_pb2

from headrace.api.scoring import score
from headrace.core.base.errors import InputError, RequestError
from headrace.core.bundles.bundle import Bundle
from headrace.core.contracts import contract_yaml
from headrace.core.inference.scorer import Scorer
from headrace.core.jvm_export.scoring_plan import build_plan
from headrace.core.packaging.baseline_bundle import make_baseline_bundle
from headrace.monitoring.collect.payload_reader import PayloadReader
from headrace.monitoring.labels.label_table import check_labels
from headrace.serving.model.served_model import ServedModel
from headrace.serving.protocols import v2
from headrace.serving.protocols.grpc_codec import fill_response
from headrace.streams.stream_model import StreamModel
from headrace.streams.values.json_values import JsonValues
from tests.fraud import payments
from tests.made_bundle import make_bundle
from tests.serving.conftest import Running, running

ODD: dict[str, Any] = {
    "paid_at": "2026-03-04 02:10:00",
    "amount": 900.0,
    "usual_amount": 20.0,
    "hour": 2.0,
    "kind": "electronics",
    "distance_km": 2500.0,
    "payments_last_hour": 9,
}
USUAL: dict[str, Any] = {
    **ODD,
    "paid_at": "2026-03-04 14:10:00",
    "amount": 24.0,
    "usual_amount": 24.0,
    "hour": 14.1,
    "kind": "grocery",
    "distance_km": 2.0,
    "payments_last_hour": 0,
}
DATATYPES = {"paid_at": "BYTES", "kind": "BYTES", "payments_last_hour": "INT64"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of an isolation forest over payments, few of which have a label."""
    folder = tmp_path_factory.mktemp("anomaly")
    payments(1200).write_csv(folder / "payments.csv")
    choices = {"target": "label", "task": "anomaly", "family": "isolation_forest", "parameters": {"n_estimators": 25}}
    return make_bundle(folder, table=folder / "payments.csv", **choices)


@pytest.fixture(scope="module")
def server(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server of it."""
    with running(bundle.folder, tmp_path_factory.mktemp("server"), "--grpc-port", "0") as started:
        yield started


@pytest.fixture
def expected(bundle: Bundle) -> list[dict[str, Any]]:
    """What the model itself answers to the two rows."""
    served = ServedModel.open(bundle.folder)
    return served.objects(served.predict_validated([ODD, USUAL]))


def predict(server: Running, document: dict[str, Any], version: str = "v1") -> Any:
    """Ask in V1 or V2."""
    path = "/v1/models/customers:predict" if version == "v1" else "/v2/models/customers/infer"
    status, answer, text = server.ask("POST", path, json.dumps(document).encode())
    assert status == 200, text
    return answer


def tensors() -> list[dict[str, Any]]:
    """The two rows as tensors of V2."""
    return [
        {"name": name, "datatype": DATATYPES.get(name, "FP64"), "shape": [2], "data": [ODD[name], USUAL[name]]}
        for name in ODD
    ]


def test_it_is_served_by_an_exact_graph(bundle: Bundle, expected: list[dict[str, Any]]) -> None:
    """ONNX Runtime answers for it; an odd row is an alert, a usual one is none."""
    assert bundle.json("engine.json")["engine"] == "onnx"
    assert [set(answer) for answer in expected] == [{"score", "alert"}] * 2
    assert [answer["alert"] for answer in expected] == [True, False]
    threshold = bundle.json("model.json")["threshold"]
    assert expected[0]["score"] >= threshold > expected[1]["score"]
    assert bundle.json("metrics.json")["alerts"]["threshold"]["value"] == threshold


def test_v1_and_v2_answer_score_and_alert(server: Running, expected: list[dict[str, Any]]) -> None:
    """The same numbers in both, and the outputs as the metadata announce them."""
    assert predict(server, {"instances": [ODD, USUAL]})["predictions"] == expected
    answer = predict(server, {"inputs": tensors()}, "v2")
    found = {one["name"]: one for one in answer["outputs"]}
    assert found["score"]["data"] == [one["score"] for one in expected]
    assert found["alert"] == {"name": "alert", "datatype": "BOOL", "shape": [2], "data": [True, False]}
    announced = server.ask("GET", "/v2/models/customers")[1]["outputs"]
    assert announced == [{"name": n, "datatype": d, "shape": [-1]} for n, d in (("score", "FP64"), ("alert", "BOOL"))]


def test_binary_outputs(server: Running, expected: list[dict[str, Any]]) -> None:
    """Eight bytes a score, one byte an alert."""
    document = {"inputs": tensors(), "parameters": {"binary_data_output": True}}
    reply = server.remote.pool.request(
        "POST", f"http://{server.host}/v2/models/customers/infer", body=json.dumps(document).encode()
    )
    size = int(reply.headers["inference-header-content-length"])
    assert reply.data[size:] == struct.pack("<dd??", *(one["score"] for one in expected), True, False)


def test_grpc(server: Running, expected: list[dict[str, Any]]) -> None:
    """Triton's client reads both outputs."""
    kinds = {"BYTES": np.object_, "INT64": np.int64, "FP64": np.float64}
    inputs = []
    for one in tensors():
        sent = triton_grpc.InferInput(one["name"], one["shape"], one["datatype"])
        sent.set_data_from_numpy(np.array(one["data"], dtype=kinds[one["datatype"]]))
        inputs.append(sent)
    with triton_grpc.InferenceServerClient(server.grpc) as client:
        result = client.infer("customers", inputs)
    assert result.as_numpy("score").tolist() == [one["score"] for one in expected]
    assert result.as_numpy("alert").tolist() == [True, False]


def test_grpc_with_typed_contents(bundle: Bundle, expected: list[dict[str, Any]]) -> None:
    """A client that sends no raw bytes gets none."""
    served = ServedModel.open(bundle.folder)
    answer = v2.answer(served, served.predict_validated([ODD, USUAL]), {})
    response = fill_response(answer, service_pb2.ModelInferResponse(), raw=False)
    contents = {one.name: one.contents for one in response.outputs}
    assert list(contents["score"].fp64_contents) == [one["score"] for one in expected]
    assert list(contents["alert"].bool_contents) == [True, False]


def test_the_openapi_document_says_so(server: Running) -> None:
    """Clients that are generated from it know both fields."""
    text = server.ask("GET", "/openapi.json")[2].decode()
    assert '"score"' in text
    assert '"alert"' in text


@pytest.mark.parametrize("name", ["predictions.parquet", "predictions.csv"])
def test_a_table_is_scored(bundle: Bundle, tmp_path: Path, name: str) -> None:
    """A refused row has neither; the others are as the server answers them."""
    rows = pl.DataFrame([ODD, USUAL, {**USUAL, "amount": -1e9}])
    found = score(str(bundle.folder), rows, output=tmp_path / name).frame
    served = ServedModel.open(bundle.folder)
    expected = served.objects(served.predict_validated([ODD, USUAL]))
    assert found["score"].to_list() == [*(pytest.approx(one["score"]) for one in expected), None]
    assert found["alert"].to_list() == [True, False, None]
    assert found.schema["alert"] == pl.Boolean


def test_a_stream_answers_in_json(bundle: Bundle, expected: list[dict[str, Any]]) -> None:
    """Each event has one record with score, alert and what made them; the collector reads it back as a number."""
    served = ServedModel.open(bundle.folder)
    model = StreamModel(served, "1.0.0", "")
    values = JsonValues().encode(model, served.predict_validated([ODD, USUAL]), [7, 8])
    answers = [json.loads(value) for value in values]
    assert [{"score": one["score"], "alert": one["alert"]} for one in answers] == expected
    assert [one["event_offset"] for one in answers] == [7, 8]
    reader = PayloadReader(contract_yaml.load(bundle.folder / "contract.yaml"))
    assert reader._read_answers({"predictions": answers}, memoryview(b"")) == [(one["score"],) for one in expected]
    with pytest.raises(RequestError):
        reader._read_answers({"predictions": [{"score": "high"}]}, memoryview(b""))


def test_what_cannot_answer_scores_says_so(bundle: Bundle) -> None:
    """The Java library, a pull-out and labels for monitors: each refuses in one sentence."""
    with pytest.raises(InputError, match="the Java library answers no anomaly scores"):
        build_plan(Scorer.open(bundle), engine="onnx")
    with pytest.raises(InputError, match="no baseline that could answer in its place"):
        make_baseline_bundle(bundle, bundle.folder.parent / "baseline")
    with pytest.raises(InputError, match="monitors take no labels of an anomaly model"):
        check_labels(pl.DataFrame({"label": ["fraud"]}), contract_yaml.load(bundle.folder / "contract.yaml"), now=None)  # type: ignore[arg-type]


def test_no_label_is_in_the_bundle_s_inputs(bundle: Bundle) -> None:
    """The column with labels is no input, and a table without it is scored."""
    contract = contract_yaml.load(bundle.folder / "contract.yaml")
    assert "label" not in {column.name for column in contract.inputs}
