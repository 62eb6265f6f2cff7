"""A bundle under the real MLServer: answers, refusals and metadata are those of the suite's own server."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import urllib3
from tritonclient.grpc import service_pb2 as messages
from tritonclient.utils import serialize_byte_tensor

import headrace.api as hr
from headrace.core.bundles.bundle import Bundle
from headrace.core.monitors.data.row_outliers import OutlierDetector
from headrace.serving.mlserver.answerer import read_profile
from headrace.serving.mlserver.stored_frame import input_frame
from headrace.serving.model.served_model import ServedModel
from tests.conftest import write_table
from tests.made_bundle import make_bundle
from tests.real.mlserver_parts import MLServer, call, mlserver, only
from tests.serving.conftest import GOOD, Running, running

pytestmark = [pytest.mark.mlserver, pytest.mark.timeout(300)]

# Models with an exact ONNX form, with times, categories and missing values; one without, which scikit-learn serves.
KINDS: dict[str, dict[str, Any]] = {
    "customers": {"family": "hist_gradient_boosting", "parameters": {"max_iter": 5}},
    "spend_1": {"family": "linear", "target": "spend"},
    "nearest_1": {"family": "knn"},
}
DATATYPES = {"integer": "INT64", "number": "FP64", "string": "BYTES", "timestamp": "BYTES", "boolean": "BOOL"}
WINDOW = 40


@dataclass(frozen=True)
class World:
    """Bundles by the name of their model, each under MLServer and under the suite's own server."""

    bundles: dict[str, Bundle]
    ours: dict[str, Running]
    theirs: MLServer

    def own(self, model: str, document: Any) -> tuple[int, Any]:
        """Status and document of the suite's own server."""
        body = json.dumps(document).encode()
        return self.ours[model].ask("POST", f"/v2/models/{model}/infer", body, **{"content-type": "application/json"})[
            :2
        ]


def _make(folder: Path, kind: str) -> Bundle:
    choices = dict(KINDS[kind])
    if choices.get("target") == "spend":
        rows = write_table(folder / "all.csv").read_text().splitlines()
        choices["table"] = folder / "customers.csv"
        choices["table"].write_text("\n".join(row for row in rows if ",," not in row) + "\n")
    return make_bundle(folder, **choices)


def _as_core2_writes(settings: Path, name: str) -> None:
    """Rewrite the settings of a model as the agent of Seldon Core 2 does before MLServer loads it.

    Its agent 2.10 reads the file into the fields that it knows, sets name and version, and writes it again
    (``UpdateModelVersion`` of scheduler/pkg/agent/repository/mlserver): the bundle's bytes are no longer those of its
    manifest.
    """
    told = json.loads(settings.read_text())
    parameters = {"version": "1", "extra": {}}
    settings.write_text(json.dumps({**told, "name": name, "parameters": parameters}))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """All models in one MLServer, with nothing beside its environment but what the export lists."""
    folder = tmp_path_factory.mktemp("mlserver")
    bundles = {kind: _make(folder / kind, kind) for kind in KINDS}
    repository = hr.export(
        bundles["customers"], folder=folder / "models", to="mlserver",
        detectors=["drift", "outlier"], explainer=True, window_rows=WINDOW,
    )  # fmt: skip
    for kind in ("spend_1", "nearest_1"):
        shutil.copytree(bundles[kind].folder, repository.path / kind)
        _as_core2_writes(repository.path / kind / "model-settings.json", kind)
    path = only(repository.requirements, folder / "packages")
    with (
        mlserver(repository.path, path=path, folder=folder / "theirs") as theirs,
        running(bundles["customers"].folder, folder / "a", "--grpc-port", "0") as first,
        running(bundles["spend_1"].folder, folder / "b", "--name", "spend_1", "--grpc-port", "0") as second,
        running(bundles["nearest_1"].folder, folder / "c", "--name", "nearest_1", "--grpc-port", "0") as third,
    ):
        yield World(bundles, {"customers": first, "spend_1": second, "nearest_1": third}, theirs)


def _tensors(bundle: Bundle, rows: list[dict[str, Any]], **changed: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": column.name,
            "shape": [len(rows)],
            "datatype": DATATYPES[column.dtype],
            "data": [row[column.name] for row in rows],
            **changed.get(column.name, {}),
        }
        for column in bundle.model().contract.inputs
    ]


def _rows(bundle: Bundle) -> list[dict[str, Any]]:
    return [case["request"] for case in bundle.json("cases.json")["cases"]]


def _without_empty(document: dict[str, Any]) -> dict[str, Any]:
    """MLServer adds empty parameters to answers and metadata."""
    return {name: value for name, value in document.items() if value != {}}


@pytest.mark.parametrize("model", KINDS)
def test_answers_are_those_of_the_suites_own_server(world: World, model: str) -> None:
    """Every case alone and all at once, over REST: the same document to the last bit, under the bundle's digest.

    Two of the models have settings that Seldon Core 2 has rewritten.
    """
    bundle = world.bundles[model]
    rows = _rows(bundle)
    for asked in [[row] for row in rows] + [rows]:
        document = {"id": "1", "inputs": _tensors(bundle, asked)}
        status, found = world.theirs.infer(model, document)
        assert (status, _without_empty(found)) == world.own(model, document)
        assert (found["model_name"], found["model_version"]) == (model, bundle.digest)


def _message(model: str, document: dict[str, Any], *, raw: bool = False) -> Any:
    """A request of gRPC; a missing number is NaN there."""
    message = messages.ModelInferRequest(model_name=model, id=document.get("id", ""))
    fields = {
        "BOOL": "bool_contents", "INT64": "int64_contents", "FP32": "fp32_contents", "BYTES": "bytes_contents"
    }  # fmt: skip
    for item in document["inputs"]:
        tensor = message.inputs.add(name=item["name"], datatype=item["datatype"], shape=item["shape"])
        values = [float("nan") if value is None else value for value in item["data"]]
        if not raw:
            values = [value.encode() if isinstance(value, str) else value for value in values]
            getattr(tensor.contents, fields.get(item["datatype"], "fp64_contents")).extend(values)
        elif item["datatype"] == "BYTES":
            message.raw_input_contents.append(serialize_byte_tensor(np.array(values, dtype=object)).item())
        else:
            kind = {"BOOL": np.bool_, "INT64": np.int64}.get(item["datatype"], np.float64)
            message.raw_input_contents.append(np.array(values, dtype=kind).tobytes())
    for output in document.get("outputs", ()):
        message.outputs.add(name=output["name"])
    if "parameters" in document:
        message.parameters["explain"].bool_param = document["parameters"]["explain"]
    return message


def _without_contents(answer: tuple[str, Any]) -> tuple[str, Any]:
    """MLServer adds empty contents to the outputs of an answer in raw form."""
    for output in answer[1].outputs:
        output.ClearField("contents")
    return answer


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("model", KINDS)
def test_answers_over_grpc_are_those_of_the_suites_own_server(world: World, model: str, raw: bool) -> None:
    """Rows whose missing values gRPC can send, typed and raw: the same message."""
    bundle = world.bundles[model]
    whole = [row for row in _rows(bundle) if not any(row[name] is None for name in row if name != "spend")]
    assert len(whole) > 5
    message = _message(model, {"id": "1", "inputs": _tensors(bundle, whole)}, raw=raw)
    found, wanted = (call(one, "ModelInfer", message) for one in (world.theirs.grpc, world.ours[model].grpc))
    assert wanted[0] == "OK"
    assert (_without_contents(found) if raw else found) == (_without_contents(wanted) if raw else wanted)


def _inputs(**changed: Any) -> list[dict[str, Any]]:
    """The tensors of a good row, some of their fields changed."""
    kinds = {"age": "INT64", "spend": "FP64", "plan": "BYTES", "joined": "BYTES"}
    return [
        {"name": name, "shape": [1], "datatype": kind, "data": [GOOD[name]], **changed.get(name, {})}
        for name, kind in kinds.items()
    ]


UNKNOWN = {"name": "spent", "shape": [1], "datatype": "FP64", "data": [1.0]}
SAME: dict[str, dict[str, Any]] = {
    "null where a value is needed": {"inputs": _inputs(age={"data": [None]})},
    "null in a number": {"inputs": _inputs(spend={"data": [None]})},
    "a fraction in an integer": {"inputs": _inputs(age={"data": [1.5]})},
    "a text in an integer": {"inputs": _inputs(age={"data": ["31"]})},
    "true in a number": {"inputs": _inputs(spend={"data": [True]})},
    "a text in a number": {"inputs": _inputs(spend={"data": ["x"]})},
    "an integer of 71 bits": {"inputs": _inputs(age={"data": [2**70]})},
    "a number in a text": {"inputs": _inputs(plan={"data": [1]})},
    "another datatype": {"inputs": _inputs(spend={"datatype": "FP32"})},
    "more rows than values": {"inputs": _inputs(age={"shape": [2]})},
    "other lengths": {"inputs": _inputs(age={"shape": [2], "data": [1, 2]})},
    "a column of one": {"inputs": _inputs(age={"shape": [1, 1], "data": [[31]]})},
    "a negative shape": {"inputs": _inputs(age={"shape": [-1]})},
    "no data": {"inputs": _inputs(age={"data": None})},
    "a value for data": {"inputs": _inputs(age={"data": 31})},
    "an object for data": {"inputs": _inputs(age={"data": {"a": 1}})},
    "no rows": {"inputs": [{**item, "shape": [0], "data": []} for item in _inputs()]},
    "an unknown column": {"inputs": [*_inputs(), UNKNOWN]},
    "a missing column": {"inputs": _inputs()[1:]},
    "a column twice": {"inputs": [*_inputs(), _inputs()[0]]},
    "an unseen category": {"inputs": _inputs(plan={"data": ["gold"]})},
    "no time": {"inputs": _inputs(joined={"data": ["yesterday"]})},
    "out of range": {"inputs": _inputs(age={"data": [10**6]})},
    "one output": {"inputs": _inputs(), "outputs": [{"name": "label"}]},
    "an unknown output": {"inputs": _inputs(), "outputs": [{"name": "labels"}]},
    "a number for explain": {"inputs": _inputs(), "parameters": {"explain": 1}},
    "a content type of MLServer": {"inputs": _inputs(plan={"parameters": {"content_type": "pd"}})},
}


@pytest.mark.parametrize("name", SAME)
def test_what_is_refused_is_refused_alike(world: World, name: str) -> None:
    """Null, wrong types and shapes, unknown and missing columns, unseen categories: the same status and sentence.

    MLServer 1.7.1 alone makes NaN of null, and a plain 500 of a fraction or a null among integers and of another
    shape, where it decodes values itself; the runtime takes them as they came.
    """
    document = {"id": "1", **SAME[name]}
    status, found = world.theirs.infer("customers", document)
    assert (status, _without_empty(found)) == world.own("customers", document)


@pytest.mark.parametrize(
    "name",
    [
        *("null in a number", "more rows than values", "other lengths", "a negative shape", "no rows"),
        *("an unknown column", "a missing column", "a column twice", "an unseen category", "no time", "out of range"),
        *("one output", "an unknown output", "another datatype"),
    ],
)
def test_what_is_refused_over_grpc_is_refused_alike(world: World, name: str) -> None:
    """The same code and sentence, for what a message can hold."""
    message = _message("customers", {"id": "1", **SAME[name]})
    found, wanted = (call(one, "ModelInfer", message) for one in (world.theirs.grpc, world.ours["customers"].grpc))
    assert found == wanted
    assert wanted[0] in {"OK", "INVALID_ARGUMENT"}


def test_texts_that_are_no_utf_8_are_refused_alike(world: World) -> None:
    """Only gRPC can send them."""
    message = _message("customers", {"inputs": _inputs()})
    message.inputs[2].contents.bytes_contents[0] = b"\xff"
    found, wanted = (call(one, "ModelInfer", message) for one in (world.theirs.grpc, world.ours["customers"].grpc))
    assert found == wanted == ("INVALID_ARGUMENT", "inputs[2] must hold texts in UTF-8; got other bytes.")


def test_many_rows_are_refused_with_the_sentence(world: World) -> None:
    """The limit of rows holds; MLServer 1.7.1 (mlserver/grpc/utils.py) has no code for it in gRPC and says UNKNOWN."""
    many = {"inputs": [{**item, "shape": [100_001], "data": item["data"] * 100_001} for item in _inputs()]}
    found = world.theirs.infer("customers", many)
    assert found == world.own("customers", many)
    assert found[0] == 413
    code, says = call(world.theirs.grpc, "ModelInfer", _message("customers", many))
    assert (code, says) == ("UNKNOWN", found[1]["error"])


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"id": "1"}',
        b'{"inputs": {}}',
        b'{"inputs": [{"name": "age", "shape": "1", "datatype": "INT64", "data": [1]}]}',
        b'{"inputs": [{"name": "age", "shape": [1], "datatype": "INT3", "data": [1]}]}',
        b'{"inputs": [{"name": "age", "shape": [1], "datatype": "FP64", "data": [NaN]}]}',
    ],
)
def test_mlserver_answers_before_the_runtime(world: World, body: bytes) -> None:
    """What is no request of V2 at all gets MLServer's 422, where the suite's own server has 400 and a sentence."""
    headers = {"content-type": "application/json"}
    url = f"http://127.0.0.1:{world.theirs.rest.port}/v2/models/customers/infer"
    reply = urllib3.request("POST", url, body=body, headers=headers)
    assert (reply.status, set(reply.json())) == (422, {"detail"})
    status, found, _ = world.ours["customers"].ask("POST", "/v2/models/customers/infer", body, **headers)
    assert (status, set(found)) == (400, {"error"})


@pytest.mark.parametrize("model", KINDS)
def test_metadata_are_those_of_the_suites_own_server(world: World, model: str) -> None:
    """Inputs, outputs, platform and the digest as version, over REST and gRPC."""
    reply = urllib3.request("GET", f"http://127.0.0.1:{world.theirs.rest.port}/v2/models/{model}")
    assert _without_empty(reply.json()) == world.ours[model].ask("GET", f"/v2/models/{model}")[1]
    request = messages.ModelMetadataRequest(name=model)
    found, wanted = (call(one, "ModelMetadata", request) for one in (world.theirs.grpc, world.ours[model].grpc))
    assert found == wanted
    assert wanted[0] == "OK"


def test_explanations_are_those_of_the_suites_own_server(world: World) -> None:
    """As tensors of the explainer: the numbers that the own server has in JSON."""
    rows = _rows(world.bundles["customers"])[:5]
    document = {"id": "1", "inputs": _tensors(world.bundles["customers"], rows)}
    asking = {**document, "parameters": {"explain": True}}
    wanted = world.own("customers", asking)
    explained = json.loads(wanted[1]["parameters"]["explanations"])
    status, found = world.theirs.infer("customers-explainer", document)
    assert status == 200, found
    contributions, base = found["outputs"]
    names = json.loads(contributions["parameters"]["columns"])
    assert contributions["shape"] == [5, len(names)]
    assert contributions["data"] == [one["contributions"][name] for one in explained for name in names]
    assert base["data"] == [one["base"] for one in explained]
    assert contributions["parameters"]["scale"] == explained[0]["scale"]
    status, refused = world.theirs.infer("customers-explainer", SAME["an unseen category"])
    assert (status, refused) == world.own("customers", SAME["an unseen category"])


def test_the_outlier_detector_says_what_the_suite_says(world: World) -> None:
    """Rows that the contract refuses are outliers, not errors; the others have the scores of the profile."""
    rows = [GOOD, {**GOOD, "age": 10**6}, {**GOOD, "plan": "gold"}, {**GOOD, "spend": None}]
    document = {"inputs": _tensors(world.bundles["customers"], rows)}
    status, found = world.theirs.infer("customers-outlier", document)
    assert status == 200, found
    outputs = {output["name"]: output["data"] for output in found["outputs"]}
    served = ServedModel.open(world.bundles["customers"].folder)
    contract = served.scorer.contract
    columns = {item["name"]: item["data"] for item in document["inputs"]}
    wanted = OutlierDetector(contract, read_profile(served)).judge(input_frame(columns, contract))
    assert outputs["is_outlier"] == wanted.outliers.astype(int).tolist() == [0, 1, 1, 0]
    assert outputs["instance_score"] == wanted.scores.tolist()
    assert [json.loads(text) for text in outputs["reasons"]] == [[], ["range: age"], ["category: plan"], []]
    code, message = call(world.theirs.grpc, "ModelInfer", _message("customers-outlier", document))
    assert code == "OK", message
    assert list(message.outputs[0].contents.int64_contents) == [0, 1, 1, 0]


def test_the_drift_detector_answers_when_its_window_is_full(world: World) -> None:
    """Rows are counted over requests; the one that fills the window gets the tests, and the next begins anew."""
    young = {"inputs": _tensors(world.bundles["customers"], [{**GOOD, "age": 18 + n % 3} for n in range(WINDOW // 2)])}
    answers = [world.theirs.infer("customers-drift", young) for _ in range(3)]
    assert [status for status, _ in answers] == [200] * 3
    first, full, next_one = ({one["name"]: one["data"] for one in found["outputs"]} for _, found in answers)
    assert first == next_one == {"rows": [WINDOW // 2]}
    assert (full["rows"], full["is_drift"], full["threshold"]) == ([WINDOW], [1], [0.01])
    tests = list(zip(full["monitor"], full["subject"], full["status"], full["p_val"], full["sentence"], strict=True))
    age = next(one for one in tests if one[:2] == ("input_drift", "age"))
    assert age[2] == "violated"
    assert age[3] < 0.01
    results = json.loads(answers[1][1]["parameters"]["results"])
    assert {one["monitor"] for one in results} > {one[0] for one in tests}


def test_the_bundle_alone_serves_with_what_its_own_requirements_list(world: World, tmp_path: Path) -> None:
    """``mlserver start BUNDLE``, beside MLServer's environment only the packages of ``requirements.txt``."""
    bundle = world.bundles["customers"]
    path = only(bundle.folder / "requirements.txt", tmp_path / "packages")
    with mlserver(bundle.folder, path=path, folder=tmp_path / "log") as server:
        document = {"id": "1", "inputs": _tensors(bundle, _rows(bundle))}
        status, found = server.infer("customers", document)
        assert (status, _without_empty(found)) == world.own("customers", document)


def test_version_1_makes_an_explainer_of_a_bundle(world: World, tmp_path: Path) -> None:
    """By the environment that Seldon Core 1 gives an explainer's container; its image says that there are no workers.

    The operator 1.18 replaces the container's environment by these variables (``getAlibiExplainEnvVars`` of
    operator/controllers/mlserver.go). Workers of MLServer 1.7.1 die with uvloop 0.22 and later, whose
    ``get_event_loop`` raises where no loop runs; with earlier ones they put the class of an error before its sentence
    (``WorkerError`` of mlserver/parallel/errors.py).
    """
    bundle = world.bundles["customers"]
    told = {"explainer_type": "tree_shap", "infer_uri": "http://customers.models:8000/v2/models/customers/infer"}
    variables = {
        "MLSERVER_MODEL_IMPLEMENTATION": "mlserver_alibi_explain.AlibiExplainRuntime",
        "MLSERVER_MODEL_NAME": "customers",
        "MLSERVER_MODEL_URI": str(bundle.folder),
        "MLSERVER_MODEL_EXTRA": json.dumps(told),
    }
    path = only(bundle.folder / "requirements.txt", tmp_path / "packages")
    with mlserver(bundle.folder, path=path, folder=tmp_path / "log", variables=variables) as server:
        url = f"http://127.0.0.1:{server.rest.port}/v2/models/customers"
        found = urllib3.request("GET", url).json()
    assert [one["name"] for one in found["outputs"]] == ["contributions", "base"]
    assert found["versions"] == [bundle.digest]
