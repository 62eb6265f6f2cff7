"""A store that breaks at every request of a publication, in every way; over rclone and a real MinIO.

Whatever happens, nobody finds a manifest without its files, and the next attempt finishes.
"""

import hashlib
import json
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.core.base.errors import MissingError, StoreError
from headrace.core.base.settings import StoreSettings
from headrace.core.bundles import integrity, manifest
from headrace.stores.bundles import publish as publishing
from headrace.stores.bundles.bundle_store import fetch, prefix_of, publish
from headrace.stores.objects import multipart, object_store
from headrace.stores.objects.object_store import ObjectStore, connect
from tests.stores.faults import FOREVER, ONCE, Fault, Proxy, proxy

FILES = {"card.md": b"# m\n", "model.json": b"{}", "parts/one.json": b'{"a": 1}'}
BIG = (5 << 20) + 7
_FEWEST_REQUESTS = 17
# What runs without being asked for; the others take a minute and are among the slow ones.
_ALWAYS = ("cuts the request", "loses the answer", "refuses the keys")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thing after another, and parts so small that a small file has two."""
    monkeypatch.setattr(publishing, "THREADS", 1)
    monkeypatch.setattr(publishing, "_WAITS", (0.0,))
    monkeypatch.setattr(multipart, "PARALLEL", 1)
    monkeypatch.setattr(multipart, "LEAST_PART", 5 << 20)
    for module in (object_store, publishing):
        monkeypatch.setattr(module, "ONE_PIECE_BYTES", 1 << 20)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle of three small files and one of two parts."""
    return make(tmp_path / "bundle", "first")


def make(folder: Path, word: str) -> Path:
    """A bundle whose big file is made of a word."""
    for name, content in {**FILES, "model.bin": hashlib.shake_256(word.encode()).digest(BIG)}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "manifest.json").write_text(integrity.make(folder, "tumours").dumps())
    return folder


class Watch:
    """Looks into the store itself whenever a manifest is on its way into it."""

    def __init__(self, store: ObjectStore, folder: Path) -> None:
        self.store, self.made = store, manifest.read(folder)
        self.seen = 0
        self.lacking: list[str] = []

    def __call__(self, told: str) -> None:
        """Note what is missing or wrong at this moment."""
        method, path = told.split(" ", 1)
        if method == "PUT" and urllib.parse.urlsplit(path).path.endswith("/manifest.json"):
            self.seen += 1
            self.lacking += lacking(self.store, self.made)


def lacking(store: ObjectStore, made: manifest.Manifest) -> list[str]:
    """Files of a bundle that the store does not hold, or not with their bytes."""
    found = []
    for entry in made.files:
        try:
            right = store.sha256(prefix_of(made) + entry.path) == entry.sha256
        except MissingError:
            right = False
        found += [] if right else [entry.path]
    return found


@pytest.fixture
def line(settings: StoreSettings) -> Iterator[Proxy]:
    """A line to the store that can break."""
    with proxy(settings.endpoint) as made:
        yield made


def _through(line: Proxy, settings: StoreSettings, *, retries: int = 0) -> ObjectStore:
    broken = replace(settings, endpoint=f"http://127.0.0.1:{line.port}")
    return connect(broken, create=False, retries=retries, read_seconds=0.6)


def _requests(line: Proxy, settings: StoreSettings, bundle: Path) -> int:
    """How many requests a publication takes where nothing breaks."""
    line.begin(Fault())
    publish(bundle, _through(line, settings))
    return len(line.requests)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("kind", "forever"),
    [
        pytest.param(kind, forever, id=kind, marks=[] if kind in _ALWAYS else pytest.mark.slow)
        for kinds, forever in ((ONCE, False), (FOREVER, True))
        for kind in kinds
    ],
)
def test_a_store_that_breaks_at_any_request(
    store: ObjectStore, settings: StoreSettings, line: Proxy, tmp_path: Path, kind: str, forever: bool
) -> None:
    """No manifest is ever written before its files, a failed attempt tells of the store, and the next one finishes."""
    count = _requests(line, settings, make(tmp_path / "probe", "probe"))
    failed = 0
    for at in range(count):
        bundle = make(tmp_path / f"b{at}", f"{kind} {at} {forever}")
        watch = Watch(store, bundle)
        line.watch = watch
        line.begin(Fault(kind, at, forever))
        try:
            publish(bundle, _through(line, settings))
        except StoreError as error:
            failed += 1
            told = str(error)
            assert "127.0.0.1" in told, told
            assert "\n" not in told
            assert settings.secret_key not in told
        else:
            assert lacking(store, watch.made) == [], at
        if store.exists(prefix_of(watch.made) + "manifest.json"):
            assert lacking(store, watch.made) == [], at
        line.begin(Fault())
        uri = publish(bundle, _through(line, settings))
        assert watch.lacking == [], (at, line.requests)
        assert watch.seen >= 1
        got = fetch(uri, tmp_path / f"got{at}", settings=settings)
        assert integrity.differences(got, watch.made) == []
    assert count >= _FEWEST_REQUESTS
    # The look for parts of an earlier attempt and the probe may fail without ending the attempt; an answer of which
    # the status and some headers arrived is an answer.
    assert failed >= (count // 3 if kind == "cuts the answer" else count - 3)


def test_what_breaks_once_is_tried_again(
    store: ObjectStore, settings: StoreSettings, line: Proxy, tmp_path: Path
) -> None:
    """With the usual retries, one broken request of most kinds costs a moment and no attempt."""
    count = _requests(line, settings, make(tmp_path / "probe", "probe"))
    ended = 0
    for at in range(count):
        bundle = make(tmp_path / f"b{at}", f"again {at}")
        line.begin(Fault("cuts before", at))
        try:
            publish(bundle, _through(line, settings, retries=2))
            ended += 1
        except StoreError:
            publish(bundle, store)
        assert lacking(store, manifest.read(bundle)) == []
    # What begins and ends an upload in parts is a POST, which nobody may repeat unasked.
    assert ended >= count - 2


def test_a_slow_store_is_waited_for(store: ObjectStore, settings: StoreSettings, line: Proxy, bundle: Path) -> None:
    """A store that takes its time, but never as long as the limit, is no broken one."""
    import time

    line.watch = lambda _: time.sleep(0.15)
    assert publish(bundle, _through(line, settings))
    assert lacking(store, manifest.read(bundle)) == []


def test_wrong_keys_store_nothing(store: ObjectStore, settings: StoreSettings, bundle: Path) -> None:
    """And are told without being shown."""
    with pytest.raises(StoreError, match="HEADRACE_S3_SECRET_KEY") as caught:
        publish(bundle, connect(replace(settings, secret_key="not the secret key"), create=False))
    assert "not the secret key" not in str(caught.value)
    assert list(store.list()) == []


def test_the_manifest_tells_what_is_there(store: ObjectStore, settings: StoreSettings, bundle: Path) -> None:
    """The address ends with a slash; under it lie exactly the bundle's files."""
    uri = publish(bundle, store)
    assert uri == f"s3://{settings.bucket}/{prefix_of(manifest.read(bundle))}"
    there = {
        item.key.removeprefix(prefix_of(manifest.read(bundle))) for item in store.list(prefix_of(manifest.read(bundle)))
    }
    assert there == {*FILES, "model.bin", "manifest.json"}
    assert json.loads(store.get_bytes(prefix_of(manifest.read(bundle)) + "manifest.json"))["format"] == manifest.FORMAT
