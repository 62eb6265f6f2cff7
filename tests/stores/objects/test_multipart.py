"""Big objects in parts: in bounded memory, and found again by a later attempt; over rclone and a real MinIO."""

import hashlib
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3.exceptions

from headrace.core.base.errors import InputError, StoreError
from headrace.stores.objects import multipart
from headrace.stores.objects.object_store import ObjectStore, S3Store

PARTS = 5


@pytest.fixture
def big(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of several parts, the last of them shorter."""
    monkeypatch.setattr(multipart, "LEAST_PART", 5 << 20)
    path = tmp_path / "big"
    path.write_bytes(hashlib.shake_256(b"big").digest((5 << 20) * (PARTS - 1) + 1000))
    return path


class Sent:
    """Counts the parts that a store is sent, and lets some of them fail."""

    def __init__(self, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
        assert isinstance(store, S3Store)
        self.numbers: list[int] = []
        self.most = PARTS
        self._lock = threading.Lock()
        self._request: Any = store.pool.request
        monkeypatch.setattr(store.pool, "request", self)

    def __call__(self, method: str, url: str, **given: Any) -> Any:
        """Send a part, unless the store has died by now."""
        with self._lock:
            if len(self.numbers) >= self.most:
                raise urllib3.exceptions.ProtocolError("the line is dead")
            self.numbers.append(int(parse_qs(urlsplit(url).query)["partNumber"][0]))
        return self._request(method, url, **given)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_later_attempt_sends_only_what_is_missing(
    store: ObjectStore, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts that arrived before the store died are found by their MD5; no object is seen before all are there."""
    sent = Sent(store, monkeypatch)
    sent.most = 2
    with pytest.raises(StoreError, match="broke off"):
        store.put_file("models/big", big)
    assert len(sent.numbers) == 2
    assert not store.exists("models/big")
    sent.most = 2 * PARTS
    assert store.put_file("models/big", big)
    assert len(sent.numbers) == PARTS
    assert sorted(sent.numbers) == list(range(1, PARTS + 1))
    assert store.sha256("models/big") == _digest(big)


def test_parts_of_another_file_are_sent_anew(store: ObjectStore, big: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the store has under the same key is compared with the file, and not trusted."""
    sent = Sent(store, monkeypatch)
    sent.most = 3
    with pytest.raises(StoreError):
        store.put_file("models/big", big)
    big.write_bytes(hashlib.shake_256(b"other").digest(big.stat().st_size))
    sent.most = 10 * PARTS
    assert store.put_file("models/big", big)
    assert len(sent.numbers) >= 3 + PARTS
    assert store.sha256("models/big") == _digest(big)


def test_what_is_there_is_kept(store: ObjectStore, big: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked to write only what is fresh, a store is sent nothing for an object that it has."""
    store.put_bytes("models/big", b"mine")
    sent = Sent(store, monkeypatch)
    assert not store.put_file("models/big", big, fresh=True)
    assert sent.numbers == []
    assert store.get_bytes("models/big") == b"mine"


def test_an_attempt_that_somebody_else_finished_begins_anew(
    store: ObjectStore, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two publishers of one file may take over the same unfinished upload: the slower one still ends well."""
    assert isinstance(store, S3Store)
    begun = multipart.MultipartUpload.of(store.client, store.pool, store.bucket, "models/big", big)
    upload = begun._begin("application/octet-stream")
    monkeypatch.setattr(multipart.MultipartUpload, "_find_unfinished", lambda _: upload)
    assert store.put_file("models/big", big)
    assert store.put_file("models/big", big)
    assert store.sha256("models/big") == _digest(big)


def test_a_file_that_shrinks_is_told(store: ObjectStore, big: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is being written to cannot be published, and nothing is seen of it."""
    size = big.stat().st_size
    monkeypatch.setattr(
        multipart.MultipartUpload, "of", lambda *given: multipart.MultipartUpload(*given, size + (5 << 20), 5 << 20)
    )
    with pytest.raises(InputError, match="became shorter"):
        store.put_file("models/big", big)
    assert not store.exists("models/big")


@pytest.mark.parametrize(("size", "expected"), [(1, 16), (160 << 30, 17), (1 << 40, 105)])
def test_parts_grow_with_the_file(tmp_path: Path, size: int, expected: int) -> None:
    """A server takes 10,000 parts at most; parts are whole mebibytes, and as few as memory allows."""
    path = tmp_path / "sparse"
    with path.open("wb") as stream:
        stream.truncate(size)
    upload = multipart.MultipartUpload.of(None, None, "b", "k", path)  # type: ignore[arg-type]
    assert upload.part_bytes == expected << 20
    assert -(-size // upload.part_bytes) <= multipart.MOST_PARTS
