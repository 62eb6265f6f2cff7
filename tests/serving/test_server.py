"""A real server process over HTTP: what it answers, what it refuses, and how it starts and ends."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from headrace.core.bundles.bundle import Bundle
from headrace.serving.deployment.client import EndpointClient

GOOD = {"age": 31, "spend": 20.5, "plan": "premium", "joined": "2024-03-02 23:15:00"}


def ask(
    remote: EndpointClient, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, Any, str]:
    """Status, JSON document and text of an answer."""
    parts = urlsplit(remote.url)
    response = remote.pool.request(method, f"http://{parts.netloc}{path}", body=body, headers=headers)
    text = response.data.decode()
    return response.status, json.loads(text) if text.startswith(("{", "[")) else None, text


def predict(remote: EndpointClient, body: Any) -> tuple[int, Any, str]:
    """Ask in V1."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(remote, "POST", "/v1/models/customers:predict", raw)


def test_rows_are_answered_by_name_and_by_place(remote: EndpointClient) -> None:
    """Objects and arrays, texts and numbers, dates of two forms: the same answer."""
    by_name = predict(remote, {"instances": [GOOD]})
    by_place = predict(remote, {"instances": [list(GOOD.values())]})
    as_text = predict(remote, {"instances": [["31", "20.5", "premium", "2024-03-02T23:15:00"]]})
    assert by_name[0] == 200
    assert by_name[1] == by_place[1] == as_text[1]
    (answer,) = by_name[1]["predictions"]
    assert answer["label"] in {"no", "yes"}
    assert sum(answer["probabilities"].values()) == pytest.approx(1)


def test_both_protocols_agree(remote: EndpointClient) -> None:
    """V2 gives the numbers of V1 and names the bundle."""
    (expected,) = predict(remote, {"instances": [GOOD]})[1]["predictions"]
    datatypes = {"age": "INT64", "spend": "FP64", "plan": "BYTES", "joined": "BYTES"}
    inputs = [{"name": k, "datatype": datatypes[k], "shape": [1], "data": [v]} for k, v in GOOD.items()]
    status, answer, _ = ask(
        remote, "POST", "/v2/models/customers/infer", json.dumps({"id": "q", "inputs": inputs}).encode()
    )
    assert status == 200
    outputs = {item["name"]: item["data"] for item in answer["outputs"]}
    assert outputs == {"label": [expected["label"]], "probabilities": list(expected["probabilities"].values())}
    assert answer["id"] == "q"
    assert answer["model_version"] == remote.digest()


BAD = [
    b"",
    b"not json",
    b'{"instances": [',
    b'{"instances": [[NaN, 1, "basic", "2024-01-01"]]}',
    b'{"instances": [[1e999, 1, "basic", "2024-01-01"]]}',
    b"\xff\xfe\x00",
    b"[]",
    b"5",
    b"null",
    b'"instances"',
    b"[" * 100_000,
    b'{"instances": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    {},
    {"instances": None},
    {"instances": {}},
    {"instances": []},
    {"instances": [[]]},
    {"instances": [{}]},
    {"instances": [None]},
    {"instances": [1, 2]},
    {"instances": ["a"]},
    {"instances": [list(GOOD.values()), [1]]},
    {"instances": [list(GOOD.values()), GOOD]},
    {"instances": [{**GOOD, "age": "old"}]},
    {"instances": [{**GOOD, "age": 31.5}]},
    {"instances": [{**GOOD, "age": -1}]},
    {"instances": [{**GOOD, "age": 10**30}]},
    {"instances": [{**GOOD, "age": 2**63}]},
    {"instances": [{**GOOD, "age": [1]}]},
    {"instances": [{**GOOD, "age": {"a": 1}}]},
    {"instances": [{**GOOD, "spend": "inf"}]},
    {"instances": [{**GOOD, "spend": "-Infinity"}]},
    {"instances": [{**GOOD, "plan": "gold"}]},
    {"instances": [{**GOOD, "plan": 5}]},
    {"instances": [{**GOOD, "joined": "yesterday"}]},
    {"instances": [{**GOOD, "joined": 1709250000}]},
    {"instances": [{**GOOD, "unheard of": 1}]},
    {"instances": [{"age": 31}]},
]


@pytest.mark.parametrize("body", BAD, ids=lambda body: str(body)[:60])
def test_what_breaks_the_contract_is_a_4xx_in_one_sentence(remote: EndpointClient, body: Any) -> None:
    """Never a 5xx, never a trace, never the whole input back."""
    status, answer, text = predict(remote, body)
    assert 400 <= status < 500, text
    assert list(answer) == ["error"]
    assert answer["error"].endswith(".")
    assert "\n" not in answer["error"]
    assert len(text) < 600
    for leak in ("Traceback", "Error:", "polars", "numpy", "kserve", ".py"):
        assert leak not in text, text


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"inputs": 5}', b'{"inputs": [{}]}', b"\x00"])
def test_v2_refuses_the_same_way(remote: EndpointClient, body: bytes) -> None:
    """The same form of answer, and no repeated input."""
    status, answer, _ = ask(remote, "POST", "/v2/models/customers/infer", body)
    assert status == 400
    assert list(answer) == ["error"]


def test_the_sentence_names_row_column_expected_and_got(remote: EndpointClient) -> None:
    """What a person needs to mend the request."""
    answer = predict(remote, {"instances": [GOOD, {**GOOD, "plan": "gold"}]})[1]
    assert answer["error"] == ("row 1, column 'plan' must be one of 'basic', 'plus', 'premium'; got 'gold' instead.")


def test_missing_values_are_what_they_are_in_a_csv(remote: EndpointClient) -> None:
    """Null, an empty text and NA mean the same."""
    answers = [predict(remote, {"instances": [{**GOOD, "spend": value}]})[1] for value in (None, "", "NA", "?")]
    assert answers[0]["predictions"]
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_long_body_is_refused(remote: EndpointClient, chunked: bool) -> None:
    """Announced or not, a body beyond the limit is a 413, and the server goes on."""
    body: Any = (b" " * (1 << 20) for _ in range(20)) if chunked else b" " * (20 << 20)
    parts = urlsplit(remote.url)
    try:
        response = urllib3.request(
            "POST", f"http://{parts.netloc}/v1/models/customers:predict", body=body, retries=False, timeout=30
        )
    except urllib3.exceptions.ProtocolError:
        pass  # the server may close before all was sent
    else:
        assert response.status == 413
        assert "at most" in response.json()["error"]
    assert predict(remote, {"instances": [GOOD]})[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v2/repository/models/customers/unload", 404),
        ("POST", "/v2/repository/models/customers/load", 404),
        ("GET", "/v1/models/customers:explain", 405),
        ("GET", "/v1/models/customers:predict", 405),
        ("POST", "/v1/models/others:predict", 404),
        ("POST", "/v2/models/others/infer", 404),
        ("GET", "/v1/models/others", 404),
        ("GET", "/v2/models/others", 404),
        ("GET", "/nowhere", 404),
        ("DELETE", "/v2/models/customers", 405),
        ("GET", "/docs", 404),
    ],
)
def test_closed_routes_answer_in_one_sentence(remote: EndpointClient, method: str, path: str, status: int) -> None:
    """Nobody unloads the model; what is not there says so."""
    found = ask(remote, method, path, b"{}" if method == "POST" else None)
    assert found[0] == status, found
    assert list(found[1]) == ["error"]
    assert ask(remote, "GET", "/v2/health/ready")[1] == {"ready": True}


def test_the_metadata_tell_the_bundle(remote: EndpointClient, bundle: Bundle) -> None:
    """The version is the digest; inputs are the contract's."""
    assert remote.digest() == bundle.digest
    answer = ask(remote, "GET", "/v2/models/customers")[1]
    assert [item["name"] for item in answer["inputs"]] == ["age", "spend", "plan", "joined"]
    assert [item["name"] for item in answer["outputs"]] == ["label", "probabilities"]
    assert ask(remote, "GET", "/v2")[1]["extensions"] == ["binary_tensor_data"]
    assert ask(remote, "GET", "/v1/models")[1] == {"models": ["customers"]}
    assert ask(remote, "GET", "/v2/health/live")[1] == {"live": True}
    assert ask(remote, "GET", "/")[0] == 200
    assert "request_predict_seconds" in ask(remote, "GET", "/metrics")[2]


def test_requests_at_once_do_not_mix(remote: EndpointClient) -> None:
    """Sixty rows over eight connections get the answers that they get alone."""
    rows = [{**GOOD, "age": 20 + place} for place in range(60)]
    together = predict(remote, {"instances": rows})[1]["predictions"]

    def alone(row: dict[str, Any]) -> Any:
        with EndpointClient.at(remote.url) as own:
            return own.predict([row]).document["predictions"][0]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(alone, rows))
    for one, other in zip(found, together, strict=True):
        assert one["label"] == other["label"]
        assert one["probabilities"] == pytest.approx(other["probabilities"])


def test_refusals_leave_no_trace_in_the_log(remote: EndpointClient, server_log: Path) -> None:
    """Clients' mistakes are not the server's, and their values are not for its log."""
    predict(remote, {"instances": [{**GOOD, "plan": "a-secret-plan"}]})
    told = server_log.read_text()
    assert "Traceback" not in told
    assert "a-secret-plan" not in told
    assert "Warning" not in told


def _start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "headrace.serving.server", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that someone listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_what_cannot_be_served_is_refused_in_one_sentence(bundle: Bundle, taken: int, tmp_path: Path) -> None:
    """A taken port, a foreign address, an absent and an altered bundle: one sentence each, exit code 2."""
    altered = tmp_path / "altered"
    altered.mkdir()
    for entry in bundle.manifest.files:
        (altered / entry.path).write_bytes((bundle.folder / entry.path).read_bytes())
    (altered / "manifest.json").write_text(bundle.manifest.dumps())
    (altered / "contract.yaml").write_text("name: other\n")
    cases = {
        f"cannot listen on 127.0.0.1:{taken}": ["--model", str(bundle.folder), "--port", str(taken)],
        "not a bundle": ["--model", str(tmp_path / "none"), "--port", "0"],
        "contract.yaml is changed": ["--model", str(altered), "--port", "0"],
        "HEADRACE_S3_ENDPOINT": ["--model", f"s3://b/models/m/{'0' * 64}/", "--port", "0"],
        "cannot listen on 192.0.2.1": ["--model", str(bundle.folder), "--host", "192.0.2.1", "--port", "0"],
        "--port must be from 0 to 65535": ["--model", str(bundle.folder), "--port", "70000"],
    }
    for says, arguments in cases.items():
        server = _start(*arguments)
        try:
            _, told = server.communicate(timeout=60)
        finally:
            server.kill()
        assert server.returncode == 2, told
        assert says in told
        assert told.count("\n") == 1
        assert told.startswith("headrace: ")


def _in_flight(url: str) -> bool:
    """Whether a server is working on a request, beside the one that asks so."""
    told = urllib3.request("GET", f"{url.partition('/v1/')[0]}/metrics").data.decode()
    return "headrace_in_flight_requests 2.0" in told


def _predicting(url: str) -> Any:
    with EndpointClient.at(url) as remote:
        return remote.predict([GOOD] * 20_000)


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_end_answers_what_it_has_begun(
    bundle: Bundle, tmp_path: Path, number: signal.Signals
) -> None:
    """The curl line is printed when it works; a request in flight is answered; then the process is gone."""
    address = tmp_path / "address.json"
    server = _start("--model", str(bundle.folder), "--port", "0", "--name", "mine", "--address-file", str(address))
    try:
        assert server.stdout is not None
        curl = next(row.strip() for row in server.stdout if row.strip().startswith("curl"))
        answer = subprocess.run(["sh", "-c", curl], capture_output=True, text=True, check=True).stdout
        assert "predictions" in json.loads(answer)
        url = json.loads(address.read_text())["url"]
        assert url.endswith("/v1/models/mine:predict")
        assert not _in_flight(url)
        with ThreadPoolExecutor(1) as pool:
            flying = pool.submit(_predicting, url)
            while not (_in_flight(url) or flying.done()):
                time.sleep(0.005)
            server.send_signal(number)
            reply = flying.result(60)
        assert reply.status == 200
        assert len(reply.document["predictions"]) == 20_000
        assert server.wait(30) in {0, 130}
    finally:
        server.kill()
        told = server.communicate()[1]
    assert "Traceback" not in told


def test_only_the_loopback_is_served_unless_told(remote: EndpointClient) -> None:
    """KServe binds all interfaces; here a machine's neighbours see nothing."""
    port = urlsplit(remote.url).port
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for other in others - {"127.0.0.1"}:
        with socket.socket() as probe:
            probe.settimeout(2)
            assert probe.connect_ex((str(other), port)) != 0


def test_a_server_imports_nothing_that_only_training_needs(bundle: Bundle) -> None:
    """scikit-learn, Polars and KServe take seconds to import, and a server that is asked plain rows needs none."""
    program = (
        "import sys, headrace.serving.worker; from headrace.serving.model.model_holder import ModelHolder;"
        "ModelHolder(sys.argv[1]);"
        "print([name for name in ('sklearn', 'polars', 'kserve', 'fastapi', 'grpc', 'shap') if name in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(bundle.folder)], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"
