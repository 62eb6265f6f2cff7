"""What stock servers answer with a 5xx, a null or a trace, and what this one answers."""

import json
import re
from typing import Any

import pytest

from tests.serving.conftest import GOOD, Running

V1, V2 = "/v1/models/customers:predict", "/v2/models/customers/infer"
ROW = [31, 20.5, "premium", "2024-03-02"]


def tensor(**changes: Any) -> dict[str, Any]:
    """A tensor of one whole row."""
    return {
        "name": "rows",
        "shape": [1, 4],
        "datatype": "BYTES",
        "data": ["31", "20.5", "premium", "2024-03-02"],
    } | changes


V1_TABLE: dict[str, tuple[Any, int, str]] = {
    "empty body": (b"", 400, "must be JSON"),
    "bad JSON": (b"{", 400, "must be JSON"),
    "NaN token": (b'{"instances": [[NaN]]}', 400, "must be JSON"),
    "1e400": (b'{"instances": [[1e400, 1, "basic", null]]}', 400, "must be"),
    "bad UTF-8": (b'{"instances": ["\xff"]}', 400, "must be JSON"),
    "depth 2000": (b'{"instances": ' + b"[" * 2000 + b"]" * 2000 + b"}", 400, "must be JSON"),
    "depth 100": (b'{"instances": ' + b"[" * 100 + b"]" * 100 + b"}", 400, "nested at most"),
    "an array": ([1, 2], 400, "must be a JSON object; got an array"),
    "a text": ("abc", 400, "must be a JSON object; got a text"),
    "a number": (5, 400, "must be a JSON object; got a number"),
    "null": (None, 400, "must be a JSON object; got null"),
    "plain text": (b"hello", 400, "must be JSON"),
    "no instances": ({"rows": [ROW]}, 400, "instances"),
    "instances no array": ({"instances": 5}, 400, "must be an array of rows; got a number"),
    "no rows": ({"instances": []}, 400, "at least one row"),
    "ragged rows": ({"instances": [ROW, ROW[:2]]}, 400, "row 1 must hold 4 values"),
    "texts for rows": ({"instances": ["a", "b"]}, 400, "row 0 must be an object by column name or an array"),
    "numbers for rows": ({"instances": [1, 2, 3, 4]}, 400, "row 0 must be an object by column name or an array"),
    "other objects": ({"instances": [{"x": 1}]}, 400, "'age' must be present"),
    "more columns": ({"instances": [{**GOOD, "x": 1}]}, 400, "'x' must be one of"),
    "text for a number": ({"instances": [["old", *ROW[1:]]]}, 400, "row 0, column 'age' must be an integer"),
    "out of range": ({"instances": [[-5, *ROW[1:]]]}, 400, "row 0, column 'age' must be from"),
    "unseen category": ({"instances": [[31, 1, "gold", None]]}, 400, "row 0, column 'plan' must be one of"),
    "infinity as text": (
        {"instances": [[31, "inf", "basic", None]]},
        400,
        "row 0, column 'spend' must be a finite number",
    ),
    "too many rows": ({"instances": [[31, None, "basic", None]] * 100_001}, 413, "at most 100000 rows"),
    "a null in a row": ({"instances": [[31, None, "basic", "2024-03-02"]]}, 200, ""),
}
V2_TABLE: dict[str, tuple[Any, int, str]] = {
    "empty body": (b"", 400, "must be JSON"),
    "bad JSON": (b"{", 400, "must be JSON"),
    "no inputs": ({}, 400, "at least one tensor"),
    "inputs empty": ({"inputs": []}, 400, "at least one tensor"),
    "no fields": ({"inputs": [{}]}, 400, "name, shape, datatype and data"),
    "shape mismatch": ({"inputs": [tensor(shape=[2, 4])]}, 400, "must hold 8 values"),
    "negative shape": ({"inputs": [tensor(shape=[-1, 4])]}, 400, "integers from 0 on"),
    "values of another type": ({"inputs": [tensor(datatype="FP64")]}, 400, "must be a finite number"),
    "no such datatype": ({"inputs": [tensor(datatype="COMPLEX")]}, 400, "datatype of inputs[0]"),
    "no datatype": ({"inputs": [tensor(datatype=None)]}, 400, "datatype of inputs[0]"),
    "one good row": ({"inputs": [tensor()]}, 200, ""),
}


@pytest.mark.parametrize(
    ("path", "case"),
    [*((V1, name) for name in V1_TABLE), *((V2, name) for name in V2_TABLE)],
    ids=lambda value: value[-20:],
)
def test_each_request_has_the_answer_that_it_should_have(server: Running, path: str, case: str) -> None:
    """A 4xx in one sentence that says what was expected; never a 5xx, a null, a trace, or the value itself."""
    body, expected, says = (V1_TABLE if path == V1 else V2_TABLE)[case]
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, answer, content = server.ask(
        "POST", path, sent, **{"Content-Type": "text/plain"} if case == "plain text" else {}
    )
    assert status == expected, content
    assert b"null" not in content or status != 200
    if status == 200:
        return
    assert list(answer) == ["error"]
    assert says in answer["error"]
    assert re.fullmatch(r"[^\n]{10,600}\.", answer["error"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/models/none:predict", 404),
        ("GET", V1, 405),
        ("PUT", V1, 405),
        ("POST", "/v2/models/customers/versions/9/infer", 404),
        ("POST", "/v2/repository/models/customers/unload", 404),
        ("GET", "/v1/models/%2e%2e/etc/passwd", 404),
        ("GET", "/" + "a" * 5000, 404),
    ],
)
def test_paths_that_are_not_there(server: Running, method: str, path: str, status: int) -> None:
    """One short sentence, and the model goes on."""
    found, answer, content = server.ask(method, path, b"{}" if method != "GET" else None)
    assert found == status, content
    assert list(answer) == ["error"]
    assert len(content) < 400
    assert server.ask("GET", "/v2/health/ready")[1] == {"ready": True}
