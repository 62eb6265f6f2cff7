"""Tables in an object store, served by rclone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.core.base import remedies
from headrace.core.base.errors import InputError, MissingError, StoreError, UserError
from headrace.core.base.secret_names import STORE_SECRET
from headrace.core.base.settings import StoreSettings
from headrace.core.readers.ingest import ingest_table
from headrace.core.runtime.processes import free_port, lease
from headrace.core.tables.parquet_table import read
from headrace.stores.objects.local_s3 import local_store
from headrace.stores.sources.open_source import open_source

OBJECTS = {"t.csv": "a\n1\n", "days/1.csv": "a\n2\n", "days/2.csv": "a\n3\n", "days/deep/3.csv": "a\n4\n"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    """A store with a bucket ``raw`` of some tables."""
    folder = tmp_path_factory.mktemp("store")
    for key, text in {**OBJECTS, "days/_SUCCESS": "", "days/.hidden": "x"}.items():
        path = folder / "objects" / "raw" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with (
        lease(folder / "lease") as held,
        (folder / "log").open("wb") as log,
        local_store(folder / "objects", lease_path=held, log=log) as settings,
    ):
        yield settings


@pytest.fixture
def store(served: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> StoreSettings:
    """The same store, told to this process as users tell it."""
    for name, value in served.environment().items():
        monkeypatch.setenv(name, value)
    return served


def values(text: str, folder: Path) -> list[object]:
    """The first column of the table that a text names."""
    ingest_table(open_source(text), folder=folder / "table")
    return read(folder / "table").to_series().to_list()


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("t.csv", ["1"]),
        ("days/*.csv", ["2", "3"]),
        ("days/", ["2", "3", "4"]),
        ("*/*.csv", ["2", "3"]),
        ("days/[2-9].csv", ["3"]),
    ],
)
def test_keys_patterns_and_prefixes(tmp_path: Path, store: StoreSettings, key: str, found: list[str]) -> None:
    """A key, a pattern within a folder, and everything below a prefix are read in the order of the keys."""
    assert values(f"s3://raw/{key}", tmp_path) == found


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("s3://raw/none.csv", MissingError, r"no object s3://raw/none\.csv in http.*; correct the key"),
        ("s3://raw/none*.csv", MissingError, r"no object of s3://raw/none\*\.csv is in http"),
        ("s3://none/t.csv", MissingError, r"no bucket 'none' in the object store http.*; correct the URL"),
    ],
)
def test_what_is_not_there(
    tmp_path: Path, store: StoreSettings, text: str, kind: type[UserError], message: str
) -> None:
    """A missing object, pattern or bucket is named."""
    with pytest.raises(kind, match=message):
        values(text, tmp_path)
    assert not (tmp_path / "table").exists()


def test_wrong_keys(tmp_path: Path, store: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused keys are told as such, without showing them."""
    monkeypatch.setenv("HEADRACE_S3_SECRET_KEY", "wrong-secret")
    with pytest.raises(StoreError, match=r"http://127\.0\.0\.1.* the keys") as caught:
        values("s3://raw/t.csv", tmp_path)
    assert "wrong-secret" not in str(caught.value)


def test_a_store_that_is_down(tmp_path: Path, store: StoreSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint where nobody listens is named."""
    endpoint = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("HEADRACE_S3_ENDPOINT", endpoint)
    with pytest.raises(StoreError, match=endpoint):
        values("s3://raw/t.csv", tmp_path)


def test_no_store_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without settings the variables to set are named."""
    monkeypatch.delenv("HEADRACE_S3_ENDPOINT", raising=False)
    with pytest.raises(InputError, match="set HEADRACE_S3_ENDPOINT, HEADRACE_S3_ACCESS_KEY"):
        values("s3://raw/t.csv", tmp_path)


def test_a_step_without_keys_says_where_they_are_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a pod a Secret of its namespace holds them, and a command brings them there; elsewhere variables do."""
    monkeypatch.delenv("HEADRACE_S3_ENDPOINT", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    (tmp_path / "namespace").write_text("kubeflow\n")
    for place, name in ((tmp_path / "namespace", "kubeflow"), (tmp_path / "nowhere", "NAMESPACE")):
        monkeypatch.setattr(remedies, "_POD_NAMESPACE", place)
        with pytest.raises(InputError) as caught:
            values("s3://raw/t.csv", tmp_path)
        assert "\n" not in str(caught.value)
        assert f"HEADRACE_S3_SECRET_KEY; a step of a pipeline has them of the Secret {STORE_SECRET}" in str(
            caught.value
        )
        assert f"headrace cluster keys --namespace {name} brings them." in str(caught.value)
