"""The manifest of a bundle: what it refuses, and what it finds."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from headrace.core import manifest
from headrace.core.errors import BundleError

SHA = "ab" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small bundle."""
    (tmp_path / "parts").mkdir()
    for name in ("a.json", "b.md", "parts/c.bin"):
        (tmp_path / name).write_text(name)
    (tmp_path / "manifest.json").write_text(manifest.make(tmp_path, "m").dumps())
    return tmp_path


def entry(**changes: Any) -> dict[str, Any]:
    """One file of a manifest."""
    return {"path": "a.json", "sha256": SHA, "size": 1, "media_type": "application/json", **changes}


def text(*entries: dict[str, Any], **changes: Any) -> str:
    """A manifest whose digest fits its entries."""
    lines = "".join(f"{item.get('sha256')}  {item.get('path')}\n" for item in entries)
    digest = hashlib.sha256(lines.encode()).hexdigest()
    return json.dumps({"format": 1, "name": "m", "digest": digest, "files": list(entries), **changes})


def test_the_digest_is_that_of_sha256sums_lines(folder: Path) -> None:
    """A person can recompute it with coreutils alone."""
    lines = "".join(
        f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n" for name in ("a.json", "b.md", "parts/c.bin")
    )
    assert manifest.read(folder).digest == hashlib.sha256(lines.encode()).hexdigest()


def test_a_manifest_is_read_as_it_was_written(folder: Path) -> None:
    """Writing and reading are inverse."""
    made = manifest.make(folder, "m")
    assert manifest.loads(made.dumps(), "x") == made
    manifest.verify(folder, made)


def test_every_kind_of_difference_is_named(folder: Path) -> None:
    """Missing, changed and extra files stand in one sentence."""
    made = manifest.read(folder)
    (folder / "a.json").write_text("A.json")
    (folder / "b.md").unlink()
    (folder / "extra.py").write_text("import os")
    with pytest.raises(BundleError) as caught:
        manifest.verify(folder, made)
    told = str(caught.value)
    assert "b.md is missing" in told
    assert "a.json is changed" in told
    assert "extra.py is not in the manifest" in told


def test_links_are_refused(folder: Path) -> None:
    """A link could show another file tomorrow."""
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(BundleError, match="plain files"):
        manifest.verify(folder, manifest.read(folder))


@pytest.mark.parametrize(
    "path",
    ["../x", "/etc/passwd", "a/../../x", "", ".", "a//b", "a\\..\\b", "C:/x", "a\nb", "x" * 256, "manifest.json", 7],
)
def test_paths_that_leave_the_bundle_are_refused(path: object) -> None:
    """A manifest never makes a reader write outside the folder."""
    with pytest.raises(BundleError, match="plain relative paths"):
        manifest.loads(text(entry(path=path)), "x")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "JSON"),
        ("[]", "format 1"),
        ('{"format": 2}', "format 1"),
        (text(), "1 to 1000 files"),
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
