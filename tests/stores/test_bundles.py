"""Bundles in the store: written once, manifest last, checked when read; over rclone and a real MinIO."""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from headrace.core import intact, manifest
from headrace.core.errors import BundleError, InputError, MissingError, StoreError
from headrace.core.settings import StoreSettings
from headrace.stores import bundles
from headrace.stores.objects import OCTETS, ObjectStore, Stored

FILES = {"card.md": b"# m", "model.skops": b"\x00\x01" * 5000, "parts/one.json": b"{}", "z.yaml": b"a: 1\n"}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A small bundle."""
    folder = tmp_path / "bundle"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "manifest.json").write_text(intact.make(folder, "tumours").dumps())
    return folder


@dataclass
class Faulty:
    """An object store that fails at one put; otherwise the one behind it."""

    inner: ObjectStore
    fails_at: int
    torn: bool = False
    puts: list[str] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        """See ``ObjectStore``."""
        return self.inner.endpoint

    @property
    def bucket(self) -> str:
        """See ``ObjectStore``."""
        return self.inner.bucket

    @property
    def atomic(self) -> bool:
        """See ``ObjectStore``."""
        return self.inner.atomic

    def put_file(self, key: str, path: Path, media_type: str = OCTETS, *, fresh: bool = False) -> bool:
        """See ``ObjectStore``."""
        return self.put_bytes(key, path.read_bytes(), media_type, fresh=fresh)

    def put_bytes(self, key: str, data: bytes, media_type: str = OCTETS, *, fresh: bool = False) -> bool:
        """See ``ObjectStore``; the fault comes here."""
        self.puts.append(key)
        if len(self.puts) - 1 == self.fails_at:
            if self.torn:
                self.inner.put_bytes(key, data[: len(data) // 2], media_type)
            raise StoreError("the object store died.")
        return self.inner.put_bytes(key, data, media_type, fresh=fresh)

    def get_file(self, key: str, path: Path, limit: int = 1 << 20) -> None:
        """See ``ObjectStore``."""
        self.inner.get_file(key, path, limit)

    def get_bytes(self, key: str, limit: int = 1 << 20) -> bytes:
        """See ``ObjectStore``."""
        return self.inner.get_bytes(key, limit)

    def sha256(self, key: str, limit: int = 1 << 20) -> str:
        """See ``ObjectStore``."""
        return self.inner.sha256(key, limit)

    def exists(self, key: str) -> bool:
        """See ``ObjectStore``."""
        return self.inner.exists(key)

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """See ``ObjectStore``."""
        return self.inner.list(prefix)


def test_what_is_published_is_fetched(
    store: ObjectStore, settings: StoreSettings, bundle: Path, tmp_path: Path
) -> None:
    """Every byte comes back, and the address tells name and digest."""
    uri = bundles.publish(bundle, store)
    digest = manifest.read(bundle).digest
    assert uri == f"s3://{settings.bucket}/models/tumours/{digest}/"
    got = bundles.fetch(uri, tmp_path / "got", settings=settings)
    assert {p.relative_to(got).as_posix() for p in got.rglob("*") if p.is_file()} == {*FILES, "manifest.json"}
    assert all((got / name).read_bytes() == content for name, content in FILES.items())
    assert bundles.fetch(uri, got, settings=settings) == got


def test_the_manifest_is_written_last_and_nothing_twice(store: ObjectStore, bundle: Path) -> None:
    """Whoever finds the manifest finds everything; publishing again writes nothing."""
    spy = Faulty(store, fails_at=-1)
    uri = bundles.publish(bundle, spy)
    assert spy.puts[-1].endswith("/manifest.json")
    assert len(spy.puts) == len(set(spy.puts)) == len(FILES) + 1
    assert bundles.publish(bundle, spy) == uri
    assert len(spy.puts) == len(FILES) + 1


@pytest.mark.parametrize("torn", [False, True], ids=["nothing written", "half written"])
@pytest.mark.parametrize("fails_at", range(len(FILES)))
def test_a_broken_attempt_leaves_no_manifest_and_the_next_one_finishes(
    store: ObjectStore, settings: StoreSettings, bundle: Path, tmp_path: Path, fails_at: int, torn: bool
) -> None:
    """The store dies in the middle, with or without half an object: readers see nothing until a later attempt."""
    with pytest.raises(StoreError, match="died"):
        bundles.publish(bundle, Faulty(store, fails_at=fails_at, torn=torn))
    digest = manifest.read(bundle).digest
    with pytest.raises(MissingError, match="no published model"):
        bundles.fetch(f"s3://{settings.bucket}/models/tumours/{digest}/", tmp_path / "early", settings=settings)
    assert not (tmp_path / "early").exists()
    uri = bundles.publish(bundle, store)
    assert manifest.read(bundles.fetch(uri, tmp_path / "late", settings=settings)).digest == digest


def test_many_may_publish_the_same_bundle(
    store: ObjectStore, settings: StoreSettings, bundle: Path, tmp_path: Path
) -> None:
    """Equal runs that end at once do not disturb one another."""
    with ThreadPoolExecutor(6) as pool:
        uris = set(pool.map(lambda _: _patiently(bundle, store), range(6)))
    assert len(uris) == 1
    bundles.fetch(uris.pop(), tmp_path / "got", settings=settings)


def _patiently(bundle: Path, store: ObjectStore) -> str:
    for _ in range(5):
        try:
            return bundles.publish(bundle, store)
        except StoreError:
            continue  # another client was writing the same key: the next attempt finds it whole
    return bundles.publish(bundle, store)


@pytest.mark.parametrize("name", ["model.skops", "parts/one.json"])
def test_altered_objects_are_found(
    store: ObjectStore, settings: StoreSettings, bundle: Path, tmp_path: Path, name: str
) -> None:
    """One changed byte in the store is named when reading, and not mended silently when publishing."""
    uri = bundles.publish(bundle, store)
    key = f"{uri.removeprefix(f's3://{settings.bucket}/')}{name}"
    store.put_bytes(key, b"X" + FILES[name][1:])
    with pytest.raises(BundleError, match=f"{name} is changed"):
        bundles.fetch(uri, tmp_path / "got", settings=settings)
    assert list(tmp_path.iterdir()) == [bundle]
    with pytest.raises(StoreError, match="altered after it was published"):
        bundles.publish(bundle, store)


def test_an_altered_manifest_is_found(
    store: ObjectStore, settings: StoreSettings, bundle: Path, tmp_path: Path
) -> None:
    """A manifest that fits its files but not its address belongs elsewhere."""
    uri = bundles.publish(bundle, store)
    key = f"{uri.removeprefix(f's3://{settings.bucket}/')}manifest.json"
    (bundle / "card.md").write_text("# other")
    other = intact.make(bundle, "tumours").dumps()
    store.put_bytes(key, other.encode())
    with pytest.raises(BundleError, match="belongs to"):
        bundles.fetch(uri, tmp_path / "got", settings=settings)
    store.put_bytes(key, json.dumps({**json.loads(other), "digest": "0" * 64}).encode())
    with pytest.raises(BundleError, match="was altered"):
        bundles.fetch(uri, tmp_path / "got", settings=settings)


def test_a_file_that_vanished_is_found(store: ObjectStore, settings: StoreSettings, bundle: Path) -> None:
    """A manifest without one of its files is told by the file's key."""
    whole = manifest.read(bundle)
    uri = bundles.publish(bundle, store)
    assert settings.bucket in uri
    shutil.rmtree(bundle / "parts")
    with pytest.raises(BundleError, match=r"parts/one\.json is missing"):
        bundles.publish(bundle, store)
    assert manifest.read(bundle) == whole


@pytest.mark.parametrize(
    "uri",
    ["", "models/a/b", "s3://b/models/m/" + "0" * 64, "s3://b/models/m/123/", "s3://b/x/m/" + "0" * 64 + "/"],
)
def test_only_addresses_of_bundles_are_fetched(rclone_settings: StoreSettings, tmp_path: Path, uri: str) -> None:
    """An address without its slash or digest is refused with the form that it should have."""
    with pytest.raises(InputError, match="s3://BUCKET/models/NAME/DIGEST/"):
        bundles.fetch(uri, tmp_path / "got", settings=rclone_settings)


def test_a_folder_that_holds_something_else_is_kept(
    store: ObjectStore, settings: StoreSettings, bundle: Path, tmp_path: Path
) -> None:
    """Fetching never replaces what a person may need."""
    uri = bundles.publish(bundle, store)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="holds something else"):
        bundles.fetch(uri, mine, settings=settings)
    assert (mine / "thesis.txt").read_text() == "years of work"


def test_without_a_store_the_variable_is_named(monkeypatch: pytest.MonkeyPatch, bundle: Path, tmp_path: Path) -> None:
    """Both ways say what to set."""
    monkeypatch.delenv("HEADRACE_S3_ENDPOINT", raising=False)
    with pytest.raises(InputError, match="HEADRACE_S3_ENDPOINT"):
        bundles.publish_step(bundle, record=tmp_path / "record")
    with pytest.raises(InputError, match="HEADRACE_S3_ENDPOINT"):
        bundles.fetch(f"s3://b/models/m/{'0' * 64}/", tmp_path / "got")


def test_publishing_is_recorded(
    settings: StoreSettings, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step leaves the address and the digest; a missing bucket is made."""
    for name, value in replace(settings).environment().items():
        monkeypatch.setenv(name, value)
    facts = bundles.publish_step(bundle, record=tmp_path / "record")
    assert json.loads((tmp_path / "record").read_text()) == facts
    assert facts["digest"] in facts["uri"]
