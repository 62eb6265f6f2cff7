"""Folders in the object store, over each store."""

from pathlib import Path

import pytest

from headrace.core.base.errors import HeadraceError, InputError, MissingError, StoreError
from headrace.core.base.settings import StoreSettings
from headrace.stores.bundles import folder_store
from headrace.stores.objects.object_store import ObjectStore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Some files."""
    made = tmp_path / "made"
    (made / "deep" / "er").mkdir(parents=True)
    (made / "a.txt").write_text("a")
    (made / "deep" / "er" / "b.bin").write_bytes(bytes(range(256)) * 100)
    return made


def test_what_is_put_comes_back(folder: Path, store: ObjectStore, settings: StoreSettings, tmp_path: Path) -> None:
    """Under a digest that depends on the files alone; putting it again changes nothing."""
    uri = folder_store.put(folder, store, "studies/x")
    assert folder_store.put(folder, store, "studies/x") == uri
    found = folder_store.get(uri, tmp_path / "found", settings)
    assert sorted(p.relative_to(found).as_posix() for p in found.rglob("*") if p.is_file()) == [
        "a.txt",
        "deep/er/b.bin",
    ]
    assert (found / "deep" / "er" / "b.bin").read_bytes() == (folder / "deep" / "er" / "b.bin").read_bytes()


def test_what_was_altered_is_found(folder: Path, store: ObjectStore, settings: StoreSettings, tmp_path: Path) -> None:
    """And nothing is left where the folder was to be."""
    uri = folder_store.put(folder, store, "studies/x")
    store.put_bytes(uri.split("/", 3)[3] + "a.txt", b"b")
    with pytest.raises(StoreError, match=r"a\.txt .* was altered"):
        folder_store.get(uri, tmp_path / "found", settings)
    store.put_bytes(uri.split("/", 3)[3] + "index.json", b"{}")
    with pytest.raises(StoreError, match=r"index .* was altered"):
        folder_store.get(uri, tmp_path / "found", settings)
    assert not (tmp_path / "found").exists()


@pytest.mark.parametrize(
    ("uri", "error"),
    [
        ("s3://BUCKET/studies/x/" + "0" * 64 + "/", MissingError),
        ("s3://BUCKET/studies/x/", InputError),
        ("studies/x", InputError),
        ("s3://BUCKET/../" + "0" * 64 + "/", InputError),
    ],
)
def test_what_is_not_there_is_named(
    store: ObjectStore, settings: StoreSettings, tmp_path: Path, uri: str, error: type[HeadraceError]
) -> None:
    """Whether the address is wrong or nothing lies there."""
    with pytest.raises(error):
        folder_store.get(uri.replace("BUCKET", store.bucket), tmp_path / "found", settings)
