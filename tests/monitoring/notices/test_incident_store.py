"""Where incidents are kept: the same in a folder, in rclone's store and in MinIO."""

import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.core.base.errors import BusyError, InputError
from headrace.core.monitors.reports.incidents import FORMAT, IncidentLog, take_report
from headrace.monitoring.notices.incident_store import IncidentStore
from headrace.stores.objects.folder_objects import FolderStore
from headrace.stores.objects.object_store import connect
from headrace.stores.objects.open_objects import StorePlace
from tests.monitoring.made_reports import make_report, make_result
from tests.stores.conftest import minio_settings, rclone_settings  # noqa: F401 - fixtures


@pytest.fixture(params=["folder", "rclone", pytest.param("minio", marks=pytest.mark.minio)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> StorePlace:
    """A monitoring store under a prefix."""
    if request.param == "folder":
        return StorePlace(FolderStore(tmp_path), "team/")
    settings = request.getfixturevalue(f"{request.param}_settings")
    return StorePlace(connect(replace(settings, bucket=f"notices-{secrets.token_hex(4)}")), "team/")


def test_the_last_document_holds(place: StorePlace) -> None:
    """A new document for each change; another process reads the newest one."""
    store = IncidentStore(place, "tumours")
    log = store.load()
    assert log == IncidentLog(FORMAT, "tumours")
    for day in range(1, 13):
        log = take_report(log, make_report(make_result(subject=f"c{day}"), day=day))
        store.save(log)
    assert IncidentStore(place, "tumours").load() == log
    assert IncidentStore(place, "tips").load().incidents == ()
    assert [one.key for one in place.store.list("team/tumours/notices/")][-1].endswith("/000000000012.json")


def test_two_processes_are_one_too_many(place: StorePlace) -> None:
    """The one that writes later says so; what the other wrote stands."""
    first, second = IncidentStore(place, "tumours"), IncidentStore(place, "tumours")
    log = first.load()
    second.load()
    first.save(log)
    with pytest.raises(BusyError, match="only one process at a time may send notices of tumours"):
        second.save(take_report(log, make_report(make_result())))
    assert first.load() == log


def test_what_is_no_document_of_ours_is_refused(place: StorePlace) -> None:
    """Another file beside them, and one that is not JSON."""
    place.store.put_bytes("team/tumours/notices/readme.txt", b"x")
    with pytest.raises(InputError, match=r"must hold numbered documents only; got team/tumours/notices/readme\.txt"):
        IncidentStore(place, "tumours").load()
    place.store.put_bytes("team/tips/notices/000000000001.json", b"not json")
    with pytest.raises(InputError, match=r"team/tips/notices/000000000001.json must be JSON as it was written"):
        IncidentStore(place, "tips").load()
