"""The record in a folder, and in a ConfigMap of a real API server."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import CONFIG_MAPS
from headrace.core.base.errors import DataError, InputError
from headrace.core.base.files import write_json
from headrace.rollouts.record.config_map_store import ConfigMapRecordStore, name_of
from headrace.rollouts.record.record import RolloutPlan, loads
from headrace.rollouts.record.record_store import (
    FRESH_SECONDS,
    FileRecordStore,
    RecordStore,
    TakenOverError,
    keep_renewing,
)
from tests.rollouts.played import counts, record, step

RECORD = record(RolloutPlan(), step(50, counts(10, outcomes=(5, 1)), counts(10)))
KINDS = ["folder", pytest.param("config map", marks=pytest.mark.kubernetes)]
Make = Callable[[], RecordStore]


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """What makes the memory of one rollout, for one process after another."""
    if request.param == "folder":
        return lambda: FileRecordStore(tmp_path / "rollout")
    cluster: Cluster = request.getfixturevalue("cluster")
    return lambda: ConfigMapRecordStore(cluster, "heart")


def test_a_record_is_kept_whole(make: Make) -> None:
    """What is read is what was written, by any process; nothing is there before."""
    memory = make()
    assert memory.load() is None
    memory.own(RECORD)
    found = make().load()
    assert found is not None
    assert (found.record, found.command, found.watched) == (RECORD, "", True)
    ended = RECORD.model_copy(update={"status": "promoted"})
    memory.save(ended)
    found = make().load()
    assert found is not None
    assert (found.record, found.watched) == (ended, False)


def test_a_wish_is_heard_once(make: Make) -> None:
    """The last one that was said before the look."""
    memory, other = make(), make()
    with pytest.raises(InputError, match="there is no rollout"):
        other.send_command("pause")
    memory.own(RECORD)
    assert memory.save(RECORD) == ""
    other.send_command("pause")
    other.send_command("abort")
    found = other.load()
    assert found is not None
    assert found.command == "abort"
    assert memory.save(RECORD) == "abort"
    assert memory.save(RECORD) == ""
    other.send_command("pause")
    make().own(RECORD)
    assert (found := make().load()) is not None
    assert found.command == "", "who goes on does not hear what the one before was told"


def test_only_the_last_owner_writes(make: Make) -> None:
    """Who was taken over is told so, and nothing of theirs is written."""
    first, second = make(), make()
    first.own(RECORD)
    second.own(RECORD)
    with pytest.raises(TakenOverError, match="another process took over"):
        first.save(RECORD.model_copy(update={"status": "failed"}))
    assert second.save(RECORD) == ""
    found = make().load()
    assert found is not None
    assert found.record == RECORD


def test_a_long_wait_is_watched(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process says so from beside; who was taken over says it no more."""
    memory = make()
    memory.own(RECORD)
    began = time.time()
    monkeypatch.setattr(time, "time", lambda: began + 2 * FRESH_SECONDS)
    assert (found := make().load()) is not None
    assert not found.watched
    with keep_renewing(memory, every_seconds=0.01):
        deadline = time.monotonic() + 20
        while not ((found := make().load()) and found.watched):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    other = make()
    other.own(RECORD)
    monkeypatch.setattr(time, "time", lambda: began + 4 * FRESH_SECONDS)
    with pytest.raises(TakenOverError, match="another process took over"):
        memory.renew()
    found = make().load()
    assert found is not None
    assert not found.watched


def test_wishes_of_many_lose_nothing(make: Make) -> None:
    """While others say what they want all the time, the record is written, and each wish that is heard was said."""
    memory, other = make(), make()
    memory.own(RECORD)
    ended = threading.Event()

    def say() -> None:
        while not ended.is_set():
            other.send_command("pause")
            time.sleep(0.005)

    thread = threading.Thread(target=say)
    thread.start()
    try:
        heard = {memory.save(RECORD) for _ in range(30)}
    finally:
        ended.set()
        thread.join(20)
    assert heard <= {"", "pause"}
    assert "pause" in heard


def test_a_process_that_died_is_seen_at_once(tmp_path: Path) -> None:
    """On one machine nobody has to wait until its word is old."""
    code = "import sys; from headrace.rollouts.record.record_store import FileRecordStore;"
    code += "from headrace.rollouts.record.record import loads;"
    code += "from pathlib import Path; FileRecordStore(Path(sys.argv[1])).own(loads(sys.argv[2], 'it'))"
    subprocess.run([sys.executable, "-c", code, str(tmp_path), RECORD.to_json()], check=True, timeout=60)
    found = FileRecordStore(tmp_path).load()
    assert found is not None
    assert not found.watched
    write_json(tmp_path / "runner.json", {"runner": "x", "renewed": time.time(), "pid": os.getpid()})
    assert (found := FileRecordStore(tmp_path).load()) is not None
    assert found.watched
    write_json(
        tmp_path / "runner.json", {"runner": "x", "renewed": time.time() - 2 * FRESH_SECONDS, "pid": os.getpid()}
    )
    assert (found := FileRecordStore(tmp_path).load()) is not None
    assert not found.watched


def test_what_is_no_record_is_refused(tmp_path: Path) -> None:
    """In a sentence that names the file; a field that is not known is none of a record's."""
    (tmp_path / "rollout.json").write_text("{}")
    with pytest.raises(DataError, match=r"rollout.json must hold the record of a rollout"):
        FileRecordStore(tmp_path).load()
    with pytest.raises(DataError, match="extra"):
        loads(RECORD.to_json().replace('"name"', '"more": 1, "name"', 1), "it")


@pytest.mark.kubernetes
def test_the_config_map_belongs_to_nobody_elses_pods(cluster: Cluster) -> None:
    """It lies beside the InferenceService under a name of its own, and a deleted one ends the rollout."""
    memory = ConfigMapRecordStore(cluster, "heart")
    memory.own(RECORD)
    found = cluster.get(CONFIG_MAPS, name_of("heart"))
    assert found is not None
    assert found["metadata"]["labels"] == {"app.kubernetes.io/part-of": "headrace"}
    cluster.delete(CONFIG_MAPS, name_of("heart"))
    with pytest.raises(TakenOverError):
        memory.save(RECORD)
