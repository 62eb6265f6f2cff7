"""Integrity: whether a folder holds exactly the files of a manifest, byte for byte."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from headrace.core.base.errors import BundleError
from headrace.core.base.files import sha256
from headrace.core.bundles.manifest import Manifest, ManifestEntry, is_signature, is_unlisted

# The first ending that matches counts: `.cdx.json` stands before `.json`.
_MEDIA_TYPES = {
    ".cdx.json": "application/vnd.cyclonedx+json",
    ".json": "application/json",
    ".md": "text/markdown",
    ".html": "text/html",
    ".txt": "text/plain",
    ".lock": "text/plain",
    ".sig": "application/json",
    ".yaml": "application/yaml",
    "MLmodel": "application/yaml",
    ".skops": "application/zip",
    ".parquet": "application/vnd.apache.parquet",
}


def make(folder: Path, name: str) -> Manifest:
    """Make the manifest of the files in ``folder``.

    Raises:
        BundleError: If something in the folder is neither a folder nor a plain file.
    """
    paths, odd = list_files(folder)
    if odd:
        raise BundleError(f"a bundle must hold plain files only; {folder / odd[0]} is something else.")
    return Manifest(name=name, files=tuple(_entry(folder, path) for path in paths if not is_unlisted(path)))


def list_files(folder: Path) -> tuple[list[str], list[str]]:
    """List all files below ``folder``, as sorted paths with slashes, and everything that is not a plain file or folder.

    Links are not followed, so that nothing outside the folder is read.

    Raises:
        BundleError: If a folder cannot be read.
    """
    plain: list[str] = []
    odd: list[str] = []
    pending = [("", str(folder))]
    while pending:
        prefix, place = pending.pop()
        for one in _entries_of(place):
            if one.is_dir(follow_symlinks=False):
                pending.append((f"{prefix}{one.name}/", one.path))
            else:
                (plain if one.is_file(follow_symlinks=False) else odd).append(f"{prefix}{one.name}")
    return sorted(plain), sorted(odd)


def _entries_of(place: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            return list(entries)
    except OSError as error:
        raise BundleError(f"every folder of a bundle must be readable; {place} is not ({error.strerror}).") from error


@dataclass(frozen=True)
class FileDifference:
    """One difference between a folder and its manifest.

    Attributes:
        kind: ``missing``, ``changed``, ``extra`` (in no manifest), or ``odd`` (neither a folder nor a plain file).
        path: Path of the file below the bundle's folder.
        detail: Actual and expected content, in words; may be empty.
    """

    kind: Literal["missing", "changed", "extra", "odd"]
    path: str
    detail: str = ""

    def __str__(self) -> str:
        """Return the difference in a few words."""
        words = {"extra": "is not in the manifest", "odd": "is not a plain file"}
        return f"{self.path} {words.get(self.kind, f'is {self.kind}')}"


def differences(folder: Path, manifest: Manifest, *, read: bool = True) -> list[FileDifference]:
    """List every difference between ``folder`` and ``manifest``, sorted by path; empty if they match byte for byte.

    A signature is ``changed`` if its bytes do not have the digest in its name.

    Args:
        folder: The bundle.
        manifest: The expected files.
        read: Whether to compare bytes; otherwise only names and sizes are compared.
    """
    plain, odd = list_files(folder)
    expected = {entry.path: entry for entry in manifest.files}
    results = [FileDifference("odd", path) for path in odd]
    results += [FileDifference("missing", path) for path in expected.keys() - set(plain) - set(odd)]
    results += [FileDifference("extra", path) for path in plain if path not in expected and not is_unlisted(path)]
    for path in plain:
        if path in expected:
            detail = _describe_change(folder / path, expected[path], read=read)
            results += [FileDifference("changed", path, detail)] if detail else []
        elif read and is_signature(path) and f"{sha256(folder / path)}.sig" != PurePosixPath(path).name:
            results.append(FileDifference("changed", path, "its bytes do not have the SHA-256 in its name"))
    return sorted(results, key=lambda one: one.path)


def verify(folder: Path, manifest: Manifest, *, read: bool = True, rewritten: Collection[str] = ()) -> None:
    """Check that ``folder`` holds exactly the files of ``manifest``, byte for byte; signatures may be added.

    Args:
        folder: The bundle.
        manifest: The expected files.
        read: Whether to compare bytes; otherwise only names and sizes are compared.
        rewritten: Files that may have other bytes.

    Raises:
        BundleError: If files are missing, changed or extra; the sentence names them.
    """
    found = differences(folder, manifest, read=read)
    results = [one for one in found if one.kind != "changed" or one.path not in rewritten]
    if results:
        raise BundleError(f"the bundle in {folder} is not what its manifest says: {describe_differences(results)}.")


def describe_differences(results: Sequence[FileDifference], most: int = 10) -> str:
    """Join differences to one part of a sentence."""
    omitted = f"; and {len(results) - most} more" if len(results) > most else ""
    return "; ".join(str(one) for one in results[:most]) + omitted


def _describe_change(path: Path, entry: ManifestEntry, *, read: bool) -> str:
    """Describe how a file differs from its entry; empty if it does not."""
    try:
        size = path.stat().st_size
        if size != entry.size:
            return f"{size} bytes instead of {entry.size}"
        actual = sha256(path) if read else entry.sha256
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    return "" if actual == entry.sha256 else f"SHA-256 {actual} instead of {entry.sha256}"


def _entry(folder: Path, path: str) -> ManifestEntry:
    file = folder / path
    media_type = next((kind for end, kind in _MEDIA_TYPES.items() if path.endswith(end)), "application/octet-stream")
    return ManifestEntry(path=path, sha256=sha256(file), size=file.stat().st_size, media_type=media_type)
