"""Lineage events, to a file and to a real HTTP receiver."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from headrace.core.base.errors import InputError, StoreError
from headrace.core.contracts.contract import Column
from headrace.core.runtime.processes import free_port
from headrace.registry.backends.locations import catalog_location
from headrace.registry.catalog import queries
from headrace.registry.catalog.annotations import describe
from headrace.registry.catalog.database import CatalogDatabase
from headrace.registry.catalog.writes import BundleRun, CheckFigure, ObservedTable, add_checks, add_table
from headrace.registry.lineage import openlineage
from headrace.registry.lineage.openlineage import DatasetName, endpoint_event, name_dataset, run_events, send

_MADE = BundleRun("job-1", "churn", "ann", "ab" * 32, "promote", "1.0.0", "s3://models/models/churn/abab/")
_USED = ObservedTable("/data/people.csv", "cd" * 32, 100)


@dataclass
class Receiver:
    """An OpenLineage endpoint.

    Attributes:
        url: Its address.
        status: What it answers.
        events: What it got.
        asked: Path and authorization of each request.
    """

    url: str
    status: int = 201
    events: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A real HTTP server that keeps what it gets."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.asked.append((self.path, self.headers.get("Authorization", "")))
            told.events.append(json.loads(body))
            self.send_response(told.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = Receiver(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield told
    server.shutdown()
    server.server_close()


@pytest.fixture
def database(tmp_path: Path) -> CatalogDatabase:
    """A catalogue that knows the table."""
    found = CatalogDatabase(catalog_location(str(tmp_path / "catalog.db")))
    add_table(found, _USED)
    columns = [Column("e-mail", "string", "ignore", personal="drop"), Column("age", "integer")]
    figures = [CheckFigure("rows read", "", 100.0), CheckFigure("broken range", "age", 2.0)]
    add_checks(found, _USED, columns=columns, figures=figures)
    describe(found, "people", owner="marketing")
    return found


def test_events_go_to_an_endpoint(
    receiver: Receiver, database: CatalogDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """START and COMPLETE of one run: the table in, with schema, owner and checks; the bundle out, with its version."""
    monkeypatch.setenv("HEADRACE_OPENLINEAGE", receiver.url)
    monkeypatch.setenv("HEADRACE_OPENLINEAGE_KEY", "the-key")
    table = queries.table(database, "people")
    send(run_events(_MADE, used=_USED, table=table, figures=queries.quality(database, table)))
    assert receiver.asked == [("/api/v1/lineage", "Bearer the-key")] * 2
    start, complete = receiver.events
    assert (start["eventType"], complete["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == complete["run"]["runId"]
    assert complete["job"] == complete["job"] | {"namespace": "headrace", "name": "churn"}
    (given,), (made,) = complete["inputs"], complete["outputs"]
    assert (given["namespace"], given["name"]) == ("file", "/data/people.csv")
    assert given["facets"]["version"]["datasetVersion"] == _USED.digest
    assert {f["name"]: f["type"] for f in given["facets"]["schema"]["fields"]} == {"e-mail": "string", "age": "integer"}
    assert given["facets"]["ownership"]["owners"] == [{"name": "marketing"}]
    (broken,) = given["facets"]["dataQualityAssertions"]["assertions"]
    assert (broken["assertion"], broken["column"], broken["success"]) == ("range", "age", False)
    assert given["inputFacets"]["dataQualityMetrics"]["rowCount"] == 100
    assert {"key": "personal", "value": "drop", "field": "e-mail"} in given["facets"]["tags"]["tags"]
    assert (made["namespace"], made["name"]) == ("s3://models", "models/churn/abab")
    assert made["facets"]["version"]["datasetVersion"] == f"1.0.0+{_MADE.digest}"


def test_events_go_to_a_file(tmp_path: Path) -> None:
    """One line each, added to the end; the same run has the same identity each time."""
    path = tmp_path / "new" / "lineage.jsonl"
    for _ in range(2):
        send(run_events(_MADE, used=_USED), str(path))
    event = endpoint_event(
        model="churn", digest=_MADE.digest, uri=_MADE.uri, url="http://h:8080/v1/models/churn:predict"
    )
    send([event], str(path))
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert [event["eventType"] for event in events] == ["START", "COMPLETE"] * 2 + ["COMPLETE"]
    assert len({event["run"]["runId"] for event in events[:4]}) == 1
    assert events[-1]["job"]["name"] == "churn.deploy"
    names = [(found["namespace"], found["name"]) for found in (*events[-1]["inputs"], *events[-1]["outputs"])]
    assert names == [("s3://models", "models/churn/abab"), ("http://h:8080", "v1/models/churn:predict")]


def test_nothing_is_sent_where_nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without an address no event leaves, and no file is made."""
    monkeypatch.chdir(tmp_path)
    send(run_events(_MADE, used=_USED))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [401, 422, 500])
def test_a_refusal_is_told(receiver: Receiver, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence tells what the endpoint answered and what to check, and no key."""
    monkeypatch.setenv("HEADRACE_OPENLINEAGE_KEY", "the-key")
    monkeypatch.setattr(openlineage, "_RETRY", {"total": 0})
    receiver.status = status
    with pytest.raises(StoreError, match=f"answers {status}: check HEADRACE_OPENLINEAGE") as caught:
        send(run_events(_MADE, used=_USED), receiver.url)
    assert "the-key" not in str(caught.value)


def test_an_endpoint_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So are an address of another kind, one with a password, and a file that cannot be written."""
    monkeypatch.setattr(openlineage, "_RETRY", {"total": 0})
    events = run_events(_MADE, used=_USED)
    with pytest.raises(StoreError, match="is not reachable"):
        send(events, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(InputError, match="its scheme is 'kafka'"):
        send(events, "kafka://broker/topic")
    with pytest.raises(InputError, match="must hold no password") as caught:
        send(events, "http://me:secret@host/")
    assert "secret" not in str(caught.value)
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        send(events, str(tmp_path / "folder"))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/data/people.csv", DatasetName("file", "/data/people.csv")),
        ("file:///data/people.csv", DatasetName("file", "/data/people.csv")),
        ("s3://lake/days/*.parquet", DatasetName("s3://lake", "days/*.parquet")),
        ("postgresql+psycopg://me@db:5432/shop#orders", DatasetName("postgres://db:5432", "shop.public.orders")),
        ("postgresql://db/shop#sales.orders", DatasetName("postgres://db", "shop.sales.orders")),
        ("https://host/a.csv", DatasetName("https://host", "a.csv")),
        ("sqlite:///shop.db#orders", DatasetName("sqlite://", "shop.db#orders")),
    ],
)
def test_datasets_are_named_by_the_specification(source: str, name: DatasetName) -> None:
    """Other tools' events about the same data meet ours; no user is in a name."""
    assert name_dataset(source) == name
