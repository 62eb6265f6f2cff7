"""The guard at the server's door: rows that are each inside the contract and together unlike the training rows."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from headrace.core.bundles.bundle import Bundle
from tests.made_bundle import make_bundle
from tests.serving.conftest import Running, running

USUAL = {"left": 50.0, "right": 100.0}
UNUSUAL = {"left": 35.0, "right": 130.0}
SENTENCE = "row 0 is unlike the rows that the model learned from"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle whose two numbers move together."""
    folder = tmp_path_factory.mktemp("guarded")
    rng = np.random.default_rng(0)
    left = rng.normal(50, 10, 600).round(3)
    right = (2 * left + rng.normal(0, 2, 600)).round(3)
    table = folder / "table.csv"
    target = np.where(left + rng.normal(0, 5, 600) > 50, "yes", "no")
    pl.DataFrame({"left": left, "right": right, "y": target}).write_csv(table)
    return make_bundle(folder, target="y", table=table)


def ask(server: Running, *rows: dict[str, float]) -> tuple[int, Any]:
    """Status and document of an answer to rows."""
    path = f"/v1/models/{server.remote.url.rpartition('/')[2].partition(':')[0]}:predict"
    status, document, _ = server.ask("POST", path, json.dumps({"instances": list(rows)}).encode())
    return status, document


def test_by_default_unusual_rows_are_counted(guarded: Bundle, tmp_path: Path) -> None:
    """Answers stay as they are; the metric counts what was unusual, by single rows and by many."""
    with running(guarded.folder, tmp_path) as server:
        assert ask(server, USUAL)[1].keys() == {"predictions"}
        assert ask(server, UNUSUAL)[1].keys() == {"predictions"}
        assert server.metric("headrace_unusual_rows_total") == 1
        assert ask(server, *[USUAL] * 300, *[UNUSUAL] * 200)[0] == 200
        assert server.metric("headrace_unusual_rows_total") == 201
        assert server.metric("headrace_rows_total") == 502


def test_a_warning_goes_with_the_answer(guarded: Bundle, tmp_path: Path) -> None:
    """The answer is the same, with a sentence about the row, and it is counted too."""
    with running(guarded.folder, tmp_path, "--unusual-rows", "warn") as server:
        assert "warnings" not in ask(server, USUAL)[1]
        status, document = ask(server, UNUSUAL)
        assert status == 200
        assert document["predictions"][0]["label"] in {"yes", "no"}
        (warning,) = document["warnings"]
        assert warning.startswith(SENTENCE)
        assert server.metric("headrace_unusual_rows_total") == 1


def test_an_unusual_row_can_be_refused(guarded: Bundle, tmp_path: Path) -> None:
    """The whole request is refused with 422 and the row's place; usual rows are answered."""
    with running(guarded.folder, tmp_path, "--unusual-rows", "refuse") as server:
        assert ask(server, USUAL)[0] == 200
        status, document = ask(server, USUAL, UNUSUAL)
        assert status == 422
        assert document["error"].startswith("row 1 is unlike")
        assert server.metric('headrace_rejected_requests_total{reason="unusual"}') == 1
        assert server.metric("headrace_unusual_rows_total") == 0


def test_the_bundle_tells_the_rate_of_false_alarms(guarded: Bundle) -> None:
    """The document has the wanted and the measured rate with its interval, and the risk sheet says them."""
    document = guarded.json("guard.json")
    alarms = document["false_alarms"]
    assert document["columns"] == ["left", "right"]
    assert alarms["low"] <= alarms["value"] <= alarms["high"]
    sheet = (guarded.folder / "risk.md").read_text()
    assert "A guard finds rows whose 2 numbers together are unlike the 480 training rows" in sheet
