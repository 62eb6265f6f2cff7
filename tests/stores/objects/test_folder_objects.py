"""A folder as an object store: the promises of the port that the S3 stores keep too."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError, MissingError, StoreError
from headrace.core.base.settings import StoreSettings
from headrace.stores.objects.folder_objects import FolderStore
from headrace.stores.objects.listing import StoredObject
from headrace.stores.objects.open_objects import open_objects


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    """A store whose folder is not there yet."""
    return FolderStore(tmp_path / "store")


def test_objects_come_back(folder: FolderStore, tmp_path: Path) -> None:
    """By bytes and by file, with their digest, size and place in a listing that ends at a slash."""
    store = folder
    assert list(store.list()) == []
    store.put_bytes("a/b.bin", b"one")
    (tmp_path / "source").write_bytes(b"two")
    store.put_file("a/c", tmp_path / "source")
    store.put_bytes("ab", b"3")
    store.get_file("a/c", tmp_path / "got")
    assert (store.get_bytes("a/b.bin"), (tmp_path / "got").read_bytes()) == (b"one", b"two")
    assert store.sha256("a/c") == hashlib.sha256(b"two").hexdigest()
    assert list(store.list("a/")) == [StoredObject("a/b.bin", 3), StoredObject("a/c", 3)]
    assert [item.key for item in store.list()] == ["a/b.bin", "a/c", "ab"]
    assert store.find("ab").modified is not None


def test_what_is_absent_is_missing(folder: FolderStore, tmp_path: Path) -> None:
    """A key that leads out of the folder is refused, and a long object is not read."""
    assert not folder.exists("none")
    with pytest.raises(MissingError, match="none"):
        folder.get_bytes("none")
    with pytest.raises(InputError, match="segments"):
        folder.put_bytes("../x", b"1")
    with pytest.raises(InputError, match="slash"):
        list(folder.list("a"))
    folder.put_bytes("long", b"12345")
    with pytest.raises(StoreError, match="at most 4 bytes"):
        folder.get_bytes("long", 4)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="can be written"):
        FolderStore(tmp_path / "file").put_bytes("x", b"1")


def test_of_many_writers_one_is_first(folder: FolderStore) -> None:
    """A fresh object is made once, whole, and no other writer replaces it."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: folder.put_bytes("key", b"%d" % number * 1000, fresh=True), range(40)))
    assert made.count(True) == 1
    assert folder.get_bytes("key") == b"%d" % made.index(True) * 1000
    assert [item.key for item in folder.list()] == ["key"]


def test_an_address_names_a_place(
    rclone_settings: StoreSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A folder, or a prefix of a bucket; anything else is refused."""
    assert str(open_objects(str(tmp_path))) == f"{tmp_path}/"
    for name, value in rclone_settings.environment().items():
        monkeypatch.setenv(name, value)
    place = open_objects("s3://test-places/a/b", create=True)
    place.store.put_bytes(f"{place.prefix}x", b"1")
    assert str(place) == "s3://test-places/a/b/"
    assert [item.key for item in place.store.list(place.prefix)] == ["a/b/x"]
    with pytest.raises(InputError, match="a folder or s3"):
        open_objects("ftp://x/y")
    with pytest.raises(InputError, match="a folder or s3"):
        open_objects(" ")
