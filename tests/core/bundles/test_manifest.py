"""The manifest of a bundle: what it refuses, and what it finds."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from headrace.core.base.errors import BundleError
from headrace.core.bundles import integrity, manifest

SHA = "ab" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small bundle."""
    (tmp_path / "parts").mkdir()
    for name in ("a.json", "b.md", "parts/c.bin"):
        (tmp_path / name).write_text(name)
    (tmp_path / "manifest.json").write_text(integrity.make(tmp_path, "m").dumps())
    return tmp_path


def entry(**changes: Any) -> dict[str, Any]:
    """One file of a manifest."""
    return {"path": "a.json", "sha256": SHA, "size": 1, "media_type": "application/json", **changes}


def text(*entries: dict[str, Any], **changes: Any) -> str:
    """A manifest whose digest fits its entries."""
    lines = "".join(f"{item.get('sha256')}  {item.get('path')}\n" for item in entries)
    digest = hashlib.sha256(lines.encode()).hexdigest()
    return json.dumps({"format": 2, "name": "m", "digest": digest, "files": list(entries), **changes})


def test_the_digest_is_that_of_sha256sums_lines(folder: Path) -> None:
    """A person can recompute it with coreutils alone."""
    lines = "".join(
        f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n" for name in ("a.json", "b.md", "parts/c.bin")
    )
    assert manifest.read(folder).digest == hashlib.sha256(lines.encode()).hexdigest()


def test_a_manifest_is_read_as_it_was_written(folder: Path) -> None:
    """Writing and reading are inverse."""
    made = integrity.make(folder, "m")
    assert manifest.loads(made.dumps(), "x") == made
    integrity.verify(folder, made)


def test_every_kind_of_difference_is_named(folder: Path) -> None:
    """Missing, changed and extra files stand in one sentence."""
    made = manifest.read(folder)
    (folder / "a.json").write_text("A.json")
    (folder / "b.md").unlink()
    (folder / "extra.py").write_text("import os")
    with pytest.raises(BundleError) as caught:
        integrity.verify(folder, made)
    told = str(caught.value)
    assert "b.md is missing" in told
    assert "a.json is changed" in told
    assert "extra.py is not in the manifest" in told


@pytest.mark.parametrize("name", ["link", "a.json"])
def test_links_are_refused(folder: Path, name: str) -> None:
    """A link could show another file tomorrow: in the place of a file, or beside them."""
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to("/etc/passwd")
    with pytest.raises(BundleError, match=f"manifest says: {name} is not a plain file"):
        integrity.verify(folder, manifest.read(folder))
    with pytest.raises(BundleError, match="plain files"):
        integrity.make(folder, "m")


def test_linked_folders_are_refused(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nor is a linked folder looked into: what lies behind it is not the bundle's."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "c.bin").write_text("parts/c.bin")
    shutil.rmtree(folder / "parts")
    (folder / "parts").symlink_to(elsewhere)
    with pytest.raises(BundleError, match="parts is not a plain file"):
        integrity.verify(folder, manifest.read(folder))


def test_a_linked_manifest_is_refused(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The manifest itself may not be a link either."""
    moved = tmp_path_factory.mktemp("elsewhere") / "manifest.json"
    (folder / "manifest.json").rename(moved)
    (folder / "manifest.json").symlink_to(moved)
    with pytest.raises(BundleError, match="plain files"):
        manifest.read(folder)


def test_differences_tell_file_by_file(folder: Path) -> None:
    """Each difference has its kind, its path and what was found; a truncated file tells both lengths."""
    made = manifest.read(folder)
    (folder / "a.json").write_text("a")
    (folder / "b.md").write_text("B.md")
    (folder / "parts" / "c.bin").unlink()
    (folder / "signatures").mkdir()
    (folder / "signatures" / f"{SHA}.sig").write_text("{}")
    (folder / "signatures" / "note.txt").write_text("hello")
    found = integrity.differences(folder, made)
    assert [(one.kind, one.path) for one in found] == [
        ("changed", "a.json"),
        ("changed", "b.md"),
        ("missing", "parts/c.bin"),
        ("changed", f"signatures/{SHA}.sig"),
        ("extra", "signatures/note.txt"),
    ]
    assert found[0].detail == "1 bytes instead of 6"
    assert found[1].detail.startswith("SHA-256 ")


def test_signatures_change_no_digest(folder: Path) -> None:
    """A signature comes after the manifest: the bundle stays the same, and is still whole."""
    before = manifest.read(folder)
    (folder / "signatures").mkdir()
    content = b'{"made": "up"}'
    (folder / "signatures" / f"{hashlib.sha256(content).hexdigest()}.sig").write_bytes(content)
    assert integrity.differences(folder, before) == []
    assert integrity.make(folder, "m") == before


@pytest.mark.parametrize(
    ("number", "says"),
    [(1, "is of format 1: package the model again"), (3, "is of format 3, which a newer Headrace wrote: update")],
)
def test_other_formats_are_told_with_a_remedy(number: int, says: str) -> None:
    """Whoever holds an old bundle, or one from the future, is told what to do."""
    with pytest.raises(BundleError, match=says):
        manifest.loads(text(entry(), format=number), "x")


@pytest.mark.parametrize(
    "path",
    [
        *("../x", "/etc/passwd", "a/../../x", "", ".", "a//b", "a\\..\\b", "C:/x", "a\nb", "x" * 256, 7),
        *("manifest.json", "manifest.json/x", "signatures/x.sig"),
    ],
)
def test_paths_that_leave_the_bundle_are_refused(path: object) -> None:
    """A manifest never makes a reader write outside the folder."""
    with pytest.raises(BundleError, match="plain relative paths"):
        manifest.loads(text(entry(path=path)), "x")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "JSON"),
        ("[" * 100_000, "JSON"),
        ("[]", "format 2"),
        ("{}", "format 2"),
        ('{"format": true}', "format 2"),
        ('{"format": "2"}', "format 2"),
        ('{"format": -1}', "format 2"),
        (text(), "1 to 20000 files"),
        (text(entry(path="a"), entry(path="a/b")), "both"),
        (text(entry(), entry()), "once"),
        (text(entry(path="b"), entry(path="a")), "sorted"),
        (text(entry(sha256="xyz")), "SHA-256"),
        (text(entry(sha256=SHA.upper())), "SHA-256"),
        (text(entry(size=0)), "bytes"),
        (text(entry(size=-1)), "bytes"),
        (text(entry(size=True)), "bytes"),
        (text(entry(size="1")), "bytes"),
        (text(entry(size=2**60)), "bytes"),
        (text(entry(extra=1)), "path, sha256"),
        (text({"path": "a"}), "path, sha256"),
        (text(entry(), name="../x"), "plain relative"),
        (text(entry(), name="a/b"), "slash"),
        (text(entry(), name=None), "plain relative"),
        (text(entry(), digest=SHA), "altered"),
        (text(entry(), files={"a": 1}), "must list"),
        (text(entry(), files=[1]), "path, sha256"),
    ],
)
def test_what_is_no_manifest_is_refused(content: str, says: str) -> None:
    """One sentence says what is wrong."""
    with pytest.raises(BundleError, match=says):
        manifest.loads(content, "x")


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path: Path) -> None:
    """Nor is one whose manifest is too long to be read."""
    with pytest.raises(BundleError, match="not a bundle"):
        manifest.read(tmp_path)
    (tmp_path / "manifest.json").write_bytes(b" " * (manifest.MAX_MANIFEST_BYTES + 1))
    with pytest.raises(BundleError, match="at most"):
        manifest.read(tmp_path)
