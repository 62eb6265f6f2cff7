"""Log files, folders and prefixes of payloads."""

import io
import json
import math
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headrace.core.base.errors import MissingError, RequestError
from headrace.monitoring.collect.payload_event import PayloadEvent
from headrace.monitoring.collect.payload_sources import LogFile, PayloadSource, open_payloads
from headrace.stores.objects.object_store import connect
from tests.monitoring.collect.made_events import attributes, flat_record, go_record, request_body, response_body
from tests.stores.conftest import minio_settings, rclone_settings  # noqa: F401 - fixtures


def line(name: str) -> bytes:
    """A line of Headrace's own log."""
    return json.dumps({**attributes("request", name), "data": {"instances": []}}).encode() + b"\n"


def ids(source: PayloadSource) -> list[str]:
    """Ids of the events that come now."""
    found: list[str] = []
    while items := source.read():
        found += [item.request_id for item, _ in items if isinstance(item, PayloadEvent)]
    return found


def test_a_log_is_followed_line_by_line(tmp_path: Path) -> None:
    """A line counts when it has its line feed; the next process goes on where this one was."""
    path = tmp_path / "log.jsonl"
    source = LogFile(str(path), follow=True)
    assert ids(source) == []
    path.write_bytes(line("a") + line("b")[:20])
    assert ids(source) == ["a"]
    with path.open("ab") as stream:
        stream.write(line("b")[20:] + line("c"))
    after = LogFile(str(path), follow=True)
    after.resume(json.loads(json.dumps(source.position())))
    assert ids(after) == ["b", "c"]


def test_a_log_survives_its_rotation(tmp_path: Path) -> None:
    """What was appended before it was renamed is read first, then the new file; one that was cut is read again."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(line("a"))
    source = LogFile(str(path), follow=True)
    assert ids(source) == ["a"]
    with path.open("ab") as stream:
        stream.write(line("b"))
    path.rename(tmp_path / "log.jsonl.1")
    assert ids(source) == ["b"]
    path.write_bytes(line("c"))
    assert ids(source) == ["c"]
    path.write_bytes(b"")
    assert ids(source) == []
    path.write_bytes(line("d"))
    assert ids(source) == ["d"]
    path.write_bytes(line("e") + line("f") + line("g"))  # the same inode, and longer than what was read
    assert ids(source) == ["e", "f", "g"]


def test_a_log_that_is_read_once_must_exist(tmp_path: Path) -> None:
    """Its last line needs no line feed."""
    with pytest.raises(MissingError, match=r"none\.jsonl"):
        open_payloads(str(tmp_path / "none.jsonl"), follow=False)
    path = tmp_path / "log.jsonl"
    path.write_bytes(line("a") + b"\n" + b"no JSON\n" + line("b").rstrip())
    items = open_payloads(str(path), follow=False).read()
    assert [type(item) for item, _ in items] == [PayloadEvent, RequestError, PayloadEvent]


def logged_files() -> dict[str, bytes]:
    """Files as KServe's logger writes them: single records, and batches named after their first record."""
    flat = [flat_record("request", request_body(), "c1"), flat_record("response", response_body(), "c1")]
    parquet, csv = io.BytesIO(), io.BytesIO()
    pl.DataFrame(flat).with_columns(tlsSkipVerify=pl.lit(value=False)).write_parquet(parquet)
    pl.DataFrame([{**one, "id": "d1"} for one in flat]).write_csv(csv)
    batch: list[Any] = [go_record("request", request_body(), "b1"), go_record("response", response_body(), "b1")]
    return {
        "models/customers/predictor/a1-request.json": json.dumps(go_record("request", request_body(), "a1")).encode(),
        "models/customers/predictor/a1-response.json": json.dumps(
            go_record("response", response_body(), "a1")
        ).encode(),
        "models/customers/predictor/b1-request.json": json.dumps(batch).encode(),
        "models/customers/predictor/c1-request.parquet": parquet.getvalue(),
        "models/customers/predictor/d1-request.csv": csv.getvalue(),
    }


@pytest.fixture(params=["folder", "rclone", pytest.param("minio", marks=pytest.mark.minio)])
def kserve_logs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a folder or prefix in the layout of KServe's logger: prefix/namespace/service/component."""
    if request.param == "folder":
        for name, content in logged_files().items():
            path = tmp_path / "logs" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return str(tmp_path / "logs")
    shared = replace(request.getfixturevalue(f"{request.param}_settings"), bucket=f"test-{secrets.token_hex(6)}")
    store = connect(shared)
    for name, content in logged_files().items():
        store.put_bytes(f"kserve/{name}", content)
    for name, value in shared.environment().items():
        monkeypatch.setenv(name, value)
    return f"s3://{shared.bucket}/kserve"


def test_what_kserves_logger_stores_is_read(kserve_logs: str) -> None:
    """Records say what they are, whatever the name of their file; the file's time stands for theirs.

    KServe's logger (its source of August 2026) names a file of a batch after one record of it, and stores no time.
    """
    source = open_payloads(kserve_logs, follow=True)
    items = []
    while read := source.read():
        items += read
    events = [(item.request_id, item.kind) for item, _ in items if isinstance(item, PayloadEvent)]
    assert events == [(name, kind) for name in ("a1", "b1", "c1", "d1") for kind in ("request", "response")]
    assert all(time is not None and not math.isnan(time) for _, time in items)
    after = open_payloads(kserve_logs, follow=True)
    after.resume(json.loads(json.dumps(source.position())))
    assert after.read() == []


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    """Each with a sentence; the others are read."""
    (tmp_path / "a.json").write_bytes(b"{")
    (tmp_path / "b.parquet").write_bytes(b"PAR1")
    (tmp_path / "c.txt").write_bytes(b"x")
    (tmp_path / "d.jsonl").write_bytes(line("d"))
    items = [item for item, _ in open_payloads(str(tmp_path), follow=False).read()]
    assert [getattr(item, "reason", "") for item in items] == ["file", "file", "file", ""]
