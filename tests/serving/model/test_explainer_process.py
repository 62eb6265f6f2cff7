"""Explanations of a real server, whose helper process starts, dies and is replaced."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.core.bundles.bundle import Bundle
from tests.made_bundle import make_bundle
from tests.serving.conftest import GOOD, Running, running

PATH = "/v1/models/customers:explain"
BODY = json.dumps({"instances": [GOOD, {**GOOD, "spend": None}]}).encode()


@pytest.fixture(scope="module")
def strict(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that explains at most three rows at a time."""
    with running(bundle.folder, tmp_path_factory.mktemp("strict"), "--max-explained-rows", "3") as found:
        yield found


def helpers(server: Running) -> list[int]:
    """Processes that the server started and that have scikit-learn loaded."""
    parent = server.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(text) for text in children if "spawn_main" in Path(f"/proc/{text}/cmdline").read_text()]


def test_the_answers_come_with_contributions_that_add_up(strict: Running) -> None:
    """By :explain, and by a parameter of V1 and V2; the predictions are those of :predict."""
    assert helpers(strict) == []
    status, first, _ = strict.ask("POST", PATH, BODY)
    assert status == 200, first
    assert first["predictions"] == strict.remote.predict(json.loads(BODY)["instances"]).document["predictions"]
    for answer, why in zip(first["predictions"], first["explanations"], strict=True):
        assert why["scale"] == "log-odds"
        odds = why["base"] + sum(why["contributions"].values())
        share = 1 / (1 + 2.718281828459045**-odds)
        assert share == pytest.approx(answer["probabilities"]["yes"], abs=1e-6)
        assert {"age", "spend", "plan"} <= set(why["contributions"])
    asked = {**json.loads(BODY), "parameters": {"explain": True}}
    assert strict.ask("POST", "/v1/models/customers:predict", json.dumps(asked).encode())[1] == first
    table = b"age,spend,plan,joined\n31,20.5,premium,2024-03-02 23:15:00\n31,,premium,2024-03-02 23:15:00\n"
    assert strict.ask("POST", PATH, table, **{"Content-Type": "text/csv"})[1] == first
    inputs = [
        {"name": "age", "datatype": "INT64", "shape": [1], "data": [31]},
        {"name": "spend", "datatype": "FP64", "shape": [1], "data": [20.5]},
        {"name": "plan", "datatype": "BYTES", "shape": [1], "data": ["premium"]},
        {"name": "joined", "datatype": "BYTES", "shape": [1], "data": [GOOD["joined"]]},
    ]
    document = json.dumps({"inputs": inputs, "parameters": {"explain": True}}).encode()
    second = strict.ask("POST", "/v2/models/customers/infer", document)[1]
    assert json.loads(second["parameters"]["explanations"]) == first["explanations"][:1]
    assert len(helpers(strict)) == 1
    assert strict.metric("request_explain_seconds_count") == 3 + 1


def test_a_helper_that_dies_is_replaced(strict: Running) -> None:
    """A client is told to ask again, predictions go on, and the next explanation is there."""
    assert strict.ask("POST", PATH, BODY)[0] == 200
    os.kill(helpers(strict)[0], signal.SIGKILL)
    deadline = time.monotonic() + 60
    while (status := strict.ask("POST", PATH, BODY)[0]) != 200:
        assert status == 503
        assert strict.remote.predict([GOOD]).status == 200
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"instances": [GOOD] * 4}, 413, "at most 3 rows are explained"),
        ({"instances": [{**GOOD, "plan": "gold"}]}, 400, "'plan' must be one of"),
        ({"instances": [GOOD], "parameters": {"explain": 1}}, 400, "parameters.explain must be true or false"),
        ({"instances": [GOOD], "parameters": []}, 400, "parameters must be an object"),
    ],
)
def test_what_cannot_be_explained_is_refused(strict: Running, body: object, status: int, says: str) -> None:
    """One sentence each."""
    path = PATH if "parameters" not in str(body) else "/v1/models/customers:predict"
    found = strict.ask("POST", path, json.dumps(body).encode())
    assert found[0] == status
    assert says in found[1]["error"]


def test_a_family_without_exact_contributions_says_so(tmp_path: Path) -> None:
    """A 400 from the fallback engine's model, whose predictions are served all the same."""
    made = make_bundle(tmp_path / "made", family="knn")
    assert made.json("engine.json")["engine"] == "sklearn"
    with running(made.folder, tmp_path / "server") as server:
        assert server.remote.predict([GOOD]).status == 200
        status, answer, _ = server.ask("POST", PATH, BODY)
        assert status == 400
        assert "knn have no exact contributions" in answer["error"]


def test_no_helper_outlives_its_server(bundle: Bundle, tmp_path: Path) -> None:
    """Not even after SIGKILL."""
    with running(bundle.folder, tmp_path) as server:
        assert server.ask("POST", PATH, BODY)[0] == 200
        (helper,) = helpers(server)
        server.process.kill()
        server.process.wait(10)
        deadline = time.monotonic() + 10
        while Path(f"/proc/{helper}").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
