"""``hr.serve``: an endpoint for the length of a block, and what is asked of it."""

import datetime as dt
import decimal
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import headrace.api as hr
from headrace.api.tables import request_rows
from headrace.core.runtime.processes import running
from headrace.serving.deployment import local
from headrace.serving.deployment.local import Endpoint
from tests.conftest import Line

MODEL = "headrace-out/customers"


@pytest.fixture(scope="module")
def endpoint(line: Line) -> Iterator[hr.ModelEndpoint]:
    """One server for all tests that only ask it."""
    with hr.serve(line.home, name="Mine") as served:
        yield served


def test_an_endpoint_predicts_what_the_table_gets(endpoint: hr.ModelEndpoint, line: Line) -> None:
    """Rows as mappings, and as frames of pandas and Polars, get the predictions of ``score``."""
    rows = pl.read_csv(line.table).head(20).drop("churn")
    expected = hr.score(line.home, rows).frame
    for given in (rows.to_dicts(), rows, rows.lazy(), pd.read_csv(line.table).head(20).drop(columns="churn")):
        predictions = endpoint.predict(given)
        assert [one["label"] for one in predictions] == expected["label"].cast(pl.String).to_list()
        assert [one["probabilities"]["yes"] for one in predictions] == expected["probability_yes"].to_list()


def test_an_endpoint_says_what_it_is(endpoint: hr.ModelEndpoint, line: Line) -> None:
    """Its address, the name that was wanted and the bundle that it serves."""
    assert endpoint.url.startswith("http://127.0.0.1:")
    assert endpoint.url.endswith("/v1/models/mine:predict")
    assert (endpoint.name, endpoint.digest) == ("mine", hr.open_bundle(line.home).digest)
    assert endpoint.log
    assert endpoint.log.exists()


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"age": "old", "spend": 1, "plan": "basic", "joined": "2024-01-01 10:15:00"}], "age"),
        ([{"age": 40}], "must be present"),
        ([{"age": 10**400}], r"a whole number in rows must be from -9223372036854775808 to .* as a float or as a text"),
        ([{"age": {1, 2}}], r"values of rows must be texts, numbers, booleans, times or None; got \{1, 2\} instead"),
        ({"age": 40}, "rows must be a data frame, or a list of rows"),
        ("age", "rows must be a data frame, or a list of rows"),
    ],
)
def test_rows_that_cannot_be_are_refused(endpoint: hr.ModelEndpoint, rows: Any, says: str) -> None:
    """By the server's own sentence, or before it is asked; both are mistakes of the caller."""
    with pytest.raises(hr.InputError, match=says):
        endpoint.predict(rows)


def test_values_become_those_of_json() -> None:
    """Of NumPy, pandas and Python; what is missing is None, however it is written."""
    frame = pd.DataFrame(
        {
            "time": [pd.Timestamp("2024-01-02 03:04:05"), pd.NaT],
            "number": [np.float64(1.5), np.nan],
            "text": ["a", None],
        }
    )
    assert request_rows(frame) == [
        {"time": "2024-01-02T03:04:05", "number": 1.5, "text": "a"},
        {"time": None, "number": None, "text": None},
    ]
    row = [np.int64(2), np.bool_(True), dt.date(2024, 1, 2), decimal.Decimal("2.5"), pd.NA, float("nan")]
    assert request_rows([row]) == [[2, True, "2024-01-02", 2.5, None, None]]


def test_decimals_lose_no_digit_on_their_way() -> None:
    """One that a float cannot hold goes as a text, and none is rounded in silence."""
    row = [decimal.Decimal("0.1"), decimal.Decimal("1234567890.12345678901"), decimal.Decimal("NaN")]
    assert request_rows([row]) == [[0.1, "1234567890.12345678901", None]]


def test_the_server_is_a_program_of_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a fork, which would hold the memory and the open files of a notebook or of somebody's program."""
    monkeypatch.setattr(local, "may_fork", lambda: True)
    with hr.serve(MODEL) as served:
        command = Path(f"/proc/{served.deployment.pid}/cmdline").read_bytes()
    assert b"headrace.serving.server" in command


def test_the_server_ends_with_the_block(folder: Path) -> None:
    """Also if the block fails; the log's folder is gone."""
    with pytest.raises(ZeroDivisionError), hr.serve(MODEL) as served:
        _ = 1 // 0
    assert not running(served.deployment.pid)
    assert served.log
    assert not served.log.parent.exists()
    with pytest.raises(hr.InputError, match="does not answer"):
        served.predict([{"age": 40}])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"workers": 0}, "--workers must be from 1 to 256; got 0"),
        ({"verify": "signature"}, "needs a public key"),
        ({"port": 99_999}, "--port must be from 0 to 65535"),
    ],
)
def test_an_option_that_the_server_refuses_is_a_users_error(folder: Path, options: dict[str, Any], says: str) -> None:
    """With the server's own sentence, and nothing runs on."""
    with pytest.raises(hr.InputError, match=says), hr.serve(MODEL, **options):
        pass


class _Played(BaseHTTPRequestHandler):
    status, document = 200, b""

    def do_POST(self) -> None:
        """Give what the test wants."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.document)))
        self.end_headers()
        self.wfile.write(self.document)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def played() -> Iterator[hr.ModelEndpoint]:
    """An endpoint that is none of ours."""
    server = HTTPServer(("127.0.0.1", 0), _Played)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/v1/models/a:predict"
    yield hr.ModelEndpoint(Endpoint(url=url, name="a", digest=""))
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("status", "document", "error", "says"),
    [
        (500, b'{"error": "it broke."}', hr.InternalError, "it broke."),
        (502, b"<html>", hr.InternalError, "responded with status 502 and None"),
        (404, b'{"detail": "no"}', hr.InputError, "responded with status 404 and {'detail': 'no'}"),
        (200, b"[]", hr.InputError, r"responded with status 200 and \[\]"),
    ],
)
def test_a_response_without_predictions_is_an_error(
    played: hr.ModelEndpoint, status: int, document: bytes, error: type[Exception], says: str, monkeypatch: Any
) -> None:
    """Whatever stands between the caller and the model."""
    monkeypatch.setattr(_Played, "status", status)
    monkeypatch.setattr(_Played, "document", document)
    with pytest.raises(error, match=says):
        played.predict([{"a": 1}])


def test_warnings_of_the_endpoint_are_warnings(played: hr.ModelEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the contract only warns of is not lost, and does not stop the caller."""
    document = {"predictions": [{"value": 1.0}], "warnings": ["row 1: a is high."]}
    monkeypatch.setattr(_Played, "document", json.dumps(document).encode())
    with pytest.warns(UserWarning, match="row 1: a is high"):
        assert played.predict([{"a": 1}]) == [{"value": 1.0}]
