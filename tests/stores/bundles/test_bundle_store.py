"""Bundles in the store: written once, manifest last, checked when read; over rclone and a real MinIO."""

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from headrace.core.base.errors import BundleError, InputError, MissingError, StoreError, UserError
from headrace.core.base.settings import StoreSettings
from headrace.core.bundles import integrity, manifest
from headrace.stores.bundles import bundle_store
from headrace.stores.bundles.bundle_store import prefix_of
from headrace.stores.objects.object_store import OCTETS, ObjectStore, S3Store, StoredObject

FILES = {"card.md": b"# m", "model.skops": b"\x00\x01" * 5000, "parts/one.json": b"{}", "z.yaml": b"a: 1\n"}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A small bundle."""
    folder = tmp_path / "bundle"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "manifest.json").write_text(integrity.make(folder, "tumours").dumps())
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

    def put_file(
        self, key: str, path: Path, media_type: str = OCTETS, *, fresh: bool = False, sure: Callable[[], object] = bool
    ) -> bool:
        """See ``ObjectStore``."""
        sure()
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

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """See ``ObjectStore``."""
        return self.inner.list(prefix)


def test_what_is_published_is_fetched(
    store: ObjectStore, settings: StoreSettings, bundle: Path, tmp_path: Path
) -> None:
    """Every byte comes back, and the address tells name and digest."""
    uri = bundle_store.publish(bundle, store)
    digest = manifest.read(bundle).digest
    assert uri == f"s3://{settings.bucket}/models/tumours/{digest}/"
    got = bundle_store.fetch(uri, tmp_path / "got", settings=settings)
    assert {p.relative_to(got).as_posix() for p in got.rglob("*") if p.is_file()} == {*FILES, "manifest.json"}
    assert all((got / name).read_bytes() == content for name, content in FILES.items())
    assert bundle_store.fetch(uri, got, settings=settings) == got


def test_the_manifest_is_written_last_and_nothing_twice(store: ObjectStore, bundle: Path) -> None:
    """Whoever finds the manifest finds everything; publishing again writes nothing."""
    spy = Faulty(store, fails_at=-1)
    uri = bundle_store.publish(bundle, spy)
    assert spy.puts[-1].endswith("/manifest.json")
    assert len(spy.puts) == len(set(spy.puts)) == len(FILES) + 1
    assert bundle_store.publish(bundle, spy) == uri
    assert len(spy.puts) == len(FILES) + 1


@pytest.mark.parametrize("torn", [False, True], ids=["nothing written", "half written"])
@pytest.mark.parametrize("fails_at", range(len(FILES)))
def test_a_broken_attempt_leaves_no_manifest_and_the_next_one_finishes(
    store: ObjectStore, settings: StoreSettings, bundle: Path, tmp_path: Path, fails_at: int, torn: bool
) -> None:
    """The store dies in the middle, with or without half an object: readers see nothing until a later attempt."""
    with pytest.raises(StoreError, match="died"):
        bundle_store.publish(bundle, Faulty(store, fails_at=fails_at, torn=torn))
    digest = manifest.read(bundle).digest
    with pytest.raises(MissingError, match="no published model"):
        bundle_store.fetch(f"s3://{settings.bucket}/models/tumours/{digest}/", tmp_path / "early", settings=settings)
    assert not (tmp_path / "early").exists()
    uri = bundle_store.publish(bundle, store)
    assert manifest.read(bundle_store.fetch(uri, tmp_path / "late", settings=settings)).digest == digest


def test_many_may_publish_the_same_bundle(
    store: ObjectStore, settings: StoreSettings, bundle: Path, tmp_path: Path
) -> None:
    """Equal runs that end at once do not disturb one another."""
    with ThreadPoolExecutor(6) as pool:
        uris = set(pool.map(lambda _: _retry_busy(bundle, store), range(6)))
    assert len(uris) == 1
    bundle_store.fetch(uris.pop(), tmp_path / "got", settings=settings)


def _retry_busy(bundle: Path, store: ObjectStore) -> str:
    for _ in range(5):
        try:
            return bundle_store.publish(bundle, store)
        except StoreError:
            continue  # another client was writing the same key: the next attempt finds it whole
    return bundle_store.publish(bundle, store)


@pytest.mark.parametrize("name", ["model.skops", "parts/one.json"])
def test_altered_objects_are_found(
    store: ObjectStore, settings: StoreSettings, bundle: Path, tmp_path: Path, name: str
) -> None:
    """One changed byte in the store is named when reading, and not mended silently when publishing."""
    uri = bundle_store.publish(bundle, store)
    key = f"{uri.removeprefix(f's3://{settings.bucket}/')}{name}"
    store.put_bytes(key, b"X" + FILES[name][1:])
    with pytest.raises(BundleError, match=f"{name} is changed"):
        bundle_store.fetch(uri, tmp_path / "got", settings=settings)
    assert list(tmp_path.iterdir()) == [bundle]
    with pytest.raises(StoreError, match="altered after it was published"):
        bundle_store.publish(bundle, store)


def test_an_altered_manifest_is_found(
    store: ObjectStore, settings: StoreSettings, bundle: Path, tmp_path: Path
) -> None:
    """A manifest that fits its files but not its address belongs elsewhere."""
    uri = bundle_store.publish(bundle, store)
    key = f"{uri.removeprefix(f's3://{settings.bucket}/')}manifest.json"
    (bundle / "card.md").write_text("# other")
    other = integrity.make(bundle, "tumours").dumps()
    store.put_bytes(key, other.encode())
    with pytest.raises(BundleError, match="belongs to"):
        bundle_store.fetch(uri, tmp_path / "got", settings=settings)
    store.put_bytes(key, json.dumps({**json.loads(other), "digest": "0" * 64}).encode())
    with pytest.raises(BundleError, match="was altered"):
        bundle_store.fetch(uri, tmp_path / "got", settings=settings)


@pytest.mark.parametrize("changed", ["model.bin", "card.md"])
def test_a_bundle_that_changed_leaves_nothing_in_the_store(store: ObjectStore, bundle: Path, changed: str) -> None:
    """Parts of a big file travel while the bundle is looked at: a changed byte ends them, and no object was made."""
    (bundle / "model.bin").write_bytes(bytes(20 << 20))
    (bundle / "manifest.json").write_text(integrity.make(bundle, "tumours").dumps())
    with (bundle / changed).open("r+b") as stream:
        stream.write(b"X")
    with pytest.raises(BundleError, match=f"{changed} is changed"):
        bundle_store.publish(bundle, store)
    assert list(store.list("models/")) == []
    assert isinstance(store, S3Store)
    assert store.client._list_multipart_uploads(store.bucket).uploads == []


def test_a_file_that_vanished_is_found(store: ObjectStore, settings: StoreSettings, bundle: Path) -> None:
    """A manifest without one of its files is told by the file's key."""
    whole = manifest.read(bundle)
    uri = bundle_store.publish(bundle, store)
    assert settings.bucket in uri
    shutil.rmtree(bundle / "parts")
    with pytest.raises(BundleError, match=r"parts/one\.json is missing"):
        bundle_store.publish(bundle, store)
    assert manifest.read(bundle) == whole


@pytest.mark.parametrize(
    "uri",
    ["", "models/a/b", "s3://b/models/m/" + "0" * 64, "s3://b/models/m/123/", "s3://b/x/m/" + "0" * 64 + "/"],
)
def test_only_addresses_of_bundles_are_fetched(rclone_settings: StoreSettings, tmp_path: Path, uri: str) -> None:
    """An address without its slash or digest is refused with the form that it should have."""
    with pytest.raises(InputError, match="s3://BUCKET/models/NAME/DIGEST/"):
        bundle_store.fetch(uri, tmp_path / "got", settings=rclone_settings)


def test_a_folder_that_holds_something_else_is_kept(
    store: ObjectStore, settings: StoreSettings, bundle: Path, tmp_path: Path
) -> None:
    """Fetching never replaces what a person may need."""
    uri = bundle_store.publish(bundle, store)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="holds something else"):
        bundle_store.fetch(uri, mine, settings=settings)
    assert (mine / "thesis.txt").read_text() == "years of work"


def test_without_a_store_the_variable_is_named(monkeypatch: pytest.MonkeyPatch, bundle: Path, tmp_path: Path) -> None:
    """Both ways say what to set."""
    monkeypatch.delenv("HEADRACE_S3_ENDPOINT", raising=False)
    with pytest.raises(InputError, match="HEADRACE_S3_ENDPOINT"):
        bundle_store.publish_step(bundle, record=tmp_path / "record")
    with pytest.raises(InputError, match="HEADRACE_S3_ENDPOINT"):
        bundle_store.fetch(f"s3://b/models/m/{'0' * 64}/", tmp_path / "got")


def test_publishing_is_recorded(
    settings: StoreSettings, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step leaves the address and the digest; a missing bucket is made."""
    for name, value in replace(settings).environment().items():
        monkeypatch.setenv(name, value)
    facts = bundle_store.publish_step(bundle, record=tmp_path / "record")
    assert json.loads((tmp_path / "record").read_text()) == facts
    assert facts["digest"] in facts["uri"]


def _versions(bundle: Path, folder: Path, count: int) -> list[Path]:
    """Bundles of one name with other content."""
    made = []
    for number in range(count):
        copy = shutil.copytree(bundle, folder / f"v{number}")
        (copy / "card.md").write_text(f"# version {number}")
        (copy / "manifest.json").unlink()
        (copy / "manifest.json").write_text(integrity.make(copy, "tumours").dumps())
        made.append(copy)
    return made


def test_publishers_of_one_model_lose_no_version(
    store: ObjectStore, settings: StoreSettings, bundle: Path, tmp_path: Path
) -> None:
    """Four versions at once, each by two publishers, while readers look: each version is there, and whole."""
    versions = _versions(bundle, tmp_path, 4)
    uris = [f"s3://{settings.bucket}/{prefix_of(manifest.read(one))}" for one in versions]
    stop = threading.Event()
    wrong: list[Exception] = []

    def look(number: int) -> int:
        found = 0
        while not stop.is_set():
            try:
                got = bundle_store.fetch(uris[number], tmp_path / f"reader{number}", settings=settings)
            except MissingError:
                continue
            except UserError as error:
                # rclone shows an object that is being written again half-written; it never passes for a whole one.
                if store.atomic:
                    wrong.append(error)
                continue
            found += 1
            assert integrity.differences(got, manifest.read(versions[number])) == []
            shutil.rmtree(got)
        return found

    with ThreadPoolExecutor(4) as readers, ThreadPoolExecutor(8) as writers:
        looks = [readers.submit(look, number) for number in range(4)]
        try:
            published = list(writers.map(lambda one: _retry_busy(one, store), [*versions, *versions]))
        finally:
            stop.set()
        seen = sum(one.result() for one in looks)
    assert published == [*uris, *uris]
    assert wrong == []
    assert seen or not store.atomic
    for number, uri in enumerate(uris):
        got = bundle_store.fetch(uri, tmp_path / f"got{number}", settings=settings)
        assert (got / "card.md").read_text() == f"# version {number}"
    assert len([item for item in store.list("models/") if item.key.endswith("/manifest.json")]) == 4


def test_kserve_fetches_exactly_the_bundle(
    store: ObjectStore, settings: StoreSettings, bundle: Path, tmp_path: Path
) -> None:
    """KServe's storage initializer, by its own rules, brings the bundle and nothing of its neighbours."""
    others = _versions(bundle, tmp_path, 2)
    uri = bundle_store.publish(bundle, store)
    for other in others:
        bundle_store.publish(other, store)
    prefix = uri.removeprefix(f"s3://{settings.bucket}/")
    assert prefix.endswith("/")
    store.put_bytes(f"{prefix.removesuffix('/')}0/model.bin", b"a neighbour whose prefix begins so")
    got = tmp_path / "mnt" / "models"
    _initialize(store, uri, got)
    made = manifest.read(bundle)
    assert integrity.differences(got, made) == []
    assert (got / "manifest.json").read_text() == made.dumps()


def _initialize(store: ObjectStore, uri: str, folder: Path) -> None:
    """What KServe's storage initializer does with an S3 URI.

    It lists the objects whose key begins with the URI's path, without a delimiter; skips keys that end with a slash and
    objects without bytes; takes the prefix off; and unpacks a lone archive. It compares no digest.
    """
    assert isinstance(store, S3Store)
    path = uri.removeprefix(f"s3://{store.bucket}/")
    count = 0
    for item in store.client.list_objects(store.bucket, prefix=path, recursive=True):
        key = item.object_name or ""
        if key.endswith("/") or not item.size:
            continue
        target = folder / key.removeprefix(path).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        store.client.fget_object(store.bucket, key, str(target))
        count += 1
    assert count > 1, "a lone file might be unpacked"


def test_signatures_go_before_the_manifest_and_come_back(
    store: ObjectStore, settings: StoreSettings, bundle: Path, tmp_path: Path
) -> None:
    """A signed bundle is stored with its signatures; whoever wants them gets them, and a later one can be added."""
    one = _signature(bundle, b'{"one": 1}')
    spy = Faulty(store, fails_at=-1)
    uri = bundle_store.publish(bundle, spy)
    assert spy.puts[-1].endswith("/manifest.json")
    assert f"{uri.removeprefix(f's3://{settings.bucket}/')}signatures/{one.name}" in spy.puts
    plain = bundle_store.fetch(uri, tmp_path / "plain", settings=settings)
    assert not (plain / "signatures").exists()
    other = _signature(tmp_path, b'{"two": 2}')
    bundle_store.add_signature(uri, other, settings=settings)
    got = bundle_store.fetch(uri, tmp_path / "got", settings=settings, signatures=True)
    assert {path.name for path in (got / "signatures").iterdir()} == {one.name, other.name}
    assert bundle_store.publish(bundle, store) == uri


def _signature(folder: Path, content: bytes) -> Path:
    path = folder / "signatures" / f"{hashlib.sha256(content).hexdigest()}.sig"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def test_what_is_wrong_in_the_store_is_told_file_by_file(
    store: ObjectStore, settings: StoreSettings, bundle: Path, tmp_path: Path
) -> None:
    """Changed, truncated, missing and extra objects; what is in no manifest is named and not fetched."""
    uri = bundle_store.publish(bundle, store)
    made, found = bundle_store.inspect(uri, tmp_path / "good", settings=settings)
    assert (found, made) == ([], manifest.read(bundle))
    prefix = uri.removeprefix(f"s3://{settings.bucket}/")
    assert isinstance(store, S3Store)
    store.put_bytes(f"{prefix}z.yaml", b"b: 1\n")
    store.put_bytes(f"{prefix}model.skops", FILES["model.skops"][:100])
    store.client.remove_object(settings.bucket, f"{prefix}parts/one.json")
    store.put_bytes(f"{prefix}run.py", b"import os")
    store.put_bytes(f"{prefix}signatures/note.txt", b"hello")
    _, found = bundle_store.inspect(uri, tmp_path / "bad", settings=settings)
    assert [(one.kind, one.path) for one in found] == [
        ("changed", "model.skops"),
        ("missing", "parts/one.json"),
        ("extra", "run.py"),
        ("extra", "signatures/note.txt"),
        ("changed", "z.yaml"),
    ]
    assert found[0].detail == f"100 bytes instead of {len(FILES['model.skops'])}"
    assert not (tmp_path / "bad" / "run.py").exists()


def test_a_longer_object_is_not_taken(
    store: ObjectStore, settings: StoreSettings, bundle: Path, tmp_path: Path
) -> None:
    """An object that grew is refused while it is read, and no folder is left."""
    uri = bundle_store.publish(bundle, store)
    store.put_bytes(f"{uri.removeprefix(f's3://{settings.bucket}/')}z.yaml", b"x" * (2 << 20))
    with pytest.raises(StoreError, match="at most 5 bytes"):
        bundle_store.fetch(uri, tmp_path / "got", settings=settings)
    assert not (tmp_path / "got").exists()
