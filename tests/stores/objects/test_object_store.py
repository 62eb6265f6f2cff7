"""What every object store promises, run over rclone and a real MinIO."""

import gzip
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace.core.base.errors import InputError, MissingError, StoreError
from headrace.core.base.settings import StoreSettings
from headrace.core.runtime.processes import free_port
from headrace.stores.objects.object_store import ObjectStore, S3Store, StoredObject, connect


@pytest.mark.parametrize("data", [b"x", b"", bytes(range(256)) * 4096], ids=["one", "none", "a mebibyte"])
def test_bytes_come_back(store: ObjectStore, data: bytes) -> None:
    """What was put is what is got."""
    store.put_bytes("a/b.bin", data)
    assert store.get_bytes("a/b.bin") == data


@pytest.mark.parametrize("key", ["a", "a/b/c", "a b/ü €.json", "models/x-1/00ff/model.skops", "q?r#s&t=u+v%20w"])
def test_keys_are_kept_as_they_are(store: ObjectStore, key: str) -> None:
    """Spaces, other alphabets and the letters of URLs need no care."""
    store.put_bytes(key, b"1")
    assert store.exists(key)
    assert [item.key for item in store.list()] == [key]


def test_a_big_file_comes_back(store: ObjectStore, tmp_path: Path) -> None:
    """A file that travels in several parts is whole."""
    source = tmp_path / "source"
    source.write_bytes(hashlib.shake_256(b"seed").digest(12 << 20))
    store.put_file("big", source)
    store.get_file("big", tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == source.read_bytes()
    assert list(store.list()) == [StoredObject("big", 12 << 20)]


def test_a_listing_is_sorted_whole_and_bounded_by_its_prefix(store: ObjectStore) -> None:
    """A prefix ends at its slash; more keys than fit one page are all there."""
    keys = sorted(f"m/{i:04d}" for i in range(1005))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.put_bytes(key, b"1"), [*keys, "m1/x", "n"]))
    assert [item.key for item in store.list("m/")] == keys
    assert list(store.list("none/")) == []
    with pytest.raises(InputError, match="slash"):
        list(store.list("m"))


def test_what_is_absent_is_missing(store: ObjectStore, tmp_path: Path) -> None:
    """Reading an object that is not there names it and leaves no file."""
    assert not store.exists("a/none")
    with pytest.raises(MissingError, match="a/none"):
        store.get_bytes("a/none")
    with pytest.raises(MissingError, match="a/none"):
        store.get_file("a/none", tmp_path / "got")
    assert list(tmp_path.iterdir()) == []


def test_reading_into_memory_is_bounded(store: ObjectStore) -> None:
    """An object that is longer than expected is refused, not read."""
    store.put_bytes("long", b"x" * 11)
    assert store.get_bytes("long", limit=11) == b"x" * 11
    with pytest.raises(StoreError, match="at most 10 bytes"):
        store.get_bytes("long", limit=10)


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "a/../b", "./a", "a\nb", "x" * 256, "/".join(["x" * 250] * 5)])
def test_keys_that_some_store_cannot_hold_are_refused(store: ObjectStore, key: str) -> None:
    """They fail everywhere alike, before the store is asked."""
    with pytest.raises(InputError, match="key"):
        store.put_bytes(key, b"1")


@pytest.mark.parametrize("wrong", [{"secret_key": "not the secret key"}, {"access_key": "nobody"}])
def test_wrong_keys_are_refused_in_a_sentence_without_them(settings: StoreSettings, wrong: dict[str, str]) -> None:
    """The sentence names the endpoint and the remedy, never a key."""
    given = replace(settings, **wrong)
    with pytest.raises(StoreError) as caught:
        connect(given)
    told = str(caught.value)
    assert settings.endpoint in told
    assert "HEADRACE_S3_SECRET_KEY" in told
    for secret in (given.secret_key, given.access_key, settings.secret_key):
        assert secret not in told
    assert told.endswith(".")
    assert "\n" not in told


def test_a_missing_bucket_is_made_or_named(settings: StoreSettings) -> None:
    """Whoever publishes gets a bucket; whoever reads is told that there is none."""
    with pytest.raises(StoreError, match=settings.bucket):
        connect(settings, create=False)
    connect(settings)
    assert connect(settings, create=False).bucket == settings.bucket


def test_many_may_make_the_bucket_at_once(settings: StoreSettings) -> None:
    """The losers of the race find the bucket that the winner made."""
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(lambda _: connect(settings), range(6)))
    stores[0].put_bytes("a", b"1")
    assert stores[5].get_bytes("a") == b"1"


@pytest.mark.parametrize("bucket", ["a", "Capitals", "under_score", "x" * 64])
def test_a_bucket_needs_a_name_that_s3_knows(settings: StoreSettings, bucket: str) -> None:
    """The variable to correct is named."""
    with pytest.raises((InputError, StoreError), match="HEADRACE_S3_BUCKET"):
        connect(replace(settings, bucket=bucket))


def test_a_store_that_is_down_is_told_quickly() -> None:
    """Nobody listens: one sentence with the address, without minutes of retries."""
    import time

    endpoint = f"http://127.0.0.1:{free_port()}"
    began = time.monotonic()
    with pytest.raises(StoreError, match=f"{endpoint} is not reachable"):
        connect(StoreSettings(endpoint=endpoint, access_key="a", secret_key="b"))
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("size", [10, 9 << 20], ids=["in one piece", "in parts"])
def test_what_is_fresh_is_written_once(store: ObjectStore, tmp_path: Path, size: int) -> None:
    """Asked to keep what is there, every store keeps it, and says that it did."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    assert store.put_file("a/b", path, fresh=True)
    path.write_bytes(b"y" * size)
    assert not store.put_file("a/b", path, fresh=True)
    assert not store.put_bytes("a/b", b"z", fresh=True)
    assert store.sha256("a/b") == hashlib.sha256(b"x" * size).hexdigest()
    assert store.put_bytes("a/b", b"z")
    assert store.get_bytes("a/b") == b"z"


def test_a_probe_shows_what_the_server_honours(store: ObjectStore, settings: StoreSettings) -> None:
    """MinIO refuses to overwrite when it is asked to; rclone overwrites; the probe leaves one small object."""
    assert store.atomic is not _is_rclone(settings)
    assert [item.key for item in store.list()] == ["headrace-probe"]
    assert connect(settings).atomic is store.atomic


def _is_rclone(settings: StoreSettings) -> bool:
    return settings.access_key.startswith("headrace-")  # so named by the local store


def test_one_of_many_conditional_writers_wins(store: ObjectStore, settings: StoreSettings) -> None:
    """Where the server is atomic exactly one of sixteen writes; what is read is what one that won wrote."""
    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(lambda number: store.put_bytes("race", b"%d" % number, fresh=True), range(16)))
    assert sum(won) == 1 or not store.atomic
    assert int(store.get_bytes("race")) in [number for number, one in enumerate(won) if one]


def test_reading_into_a_file_is_bounded(store: ObjectStore, tmp_path: Path) -> None:
    """An object that is longer than its manifest says fills no disk, and leaves no file."""
    store.put_bytes("long", b"x" * (3 << 20))
    store.get_file("long", tmp_path / "got", 3 << 20)
    (tmp_path / "got").unlink()
    with pytest.raises(StoreError, match="at most 10 bytes"):
        store.get_file("long", tmp_path / "got", 10)
    with pytest.raises(StoreError, match="at most 10 bytes"):
        store.sha256("long", 10)
    assert list(tmp_path.iterdir()) == []


def test_what_claims_to_be_packed_is_not_unpacked(store: ObjectStore, tmp_path: Path) -> None:
    """A server that says ``Content-Encoding: gzip`` makes no client unpack a bomb: bytes are taken as they lie."""
    bomb = gzip.compress(bytes(50 << 20))
    assert isinstance(store, S3Store)
    headers: Any = {"Content-Encoding": "gzip", "Content-Type": "application/octet-stream"}
    store.client._execute("PUT", store.bucket, "bomb", body=bomb, headers=headers)
    store.get_file("bomb", tmp_path / "got", len(bomb))
    assert (tmp_path / "got").read_bytes() == bomb
    assert store.get_bytes("bomb", len(bomb)) == bomb
    assert store.sha256("bomb", len(bomb)) == hashlib.sha256(bomb).hexdigest()
