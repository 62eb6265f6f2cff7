"""The manifest of a bundle: which files belong to it, and the digest of each."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from headrace.core.errors import BundleError, shown
from headrace.core.files import dumps, sha256

MANIFEST = "manifest.json"
FORMAT = 1
MAX_FILES = 1_000
MAX_MANIFEST_BYTES = 1 << 20
MAX_FILE_BYTES = 4 << 30
_HEX = frozenset("0123456789abcdef")
_MEDIA_TYPES = {
    ".json": "application/json",
    ".md": "text/markdown",
    ".yaml": "application/yaml",
    ".skops": "application/zip",
    ".onnx": "application/octet-stream",
}


@dataclass(frozen=True)
class Entry:
    """One file of a bundle.

    Attributes:
        path: Path below the bundle's folder, with slashes.
        sha256: Lower-case hexadecimal SHA-256 of its bytes.
        size: Its length in bytes; never 0, because KServe's storage initializer skips empty objects.
        media_type: Its media type.
    """

    path: str
    sha256: str
    size: int
    media_type: str

    def __post_init__(self) -> None:
        """Refuse an entry that a bundle cannot hold.

        Raises:
            BundleError: If the path leaves the bundle, or the digest or the size cannot be.
        """
        check_path(self.path)
        if not is_digest(self.sha256):
            raise BundleError(f"the manifest must give a SHA-256 for {self.path}; it gives {shown(self.sha256)}.")
        if type(self.size) is not int or not 0 < self.size <= MAX_FILE_BYTES:
            raise BundleError(
                f"{self.path} must have 1 to {MAX_FILE_BYTES} bytes; the manifest gives {shown(self.size)}."
            )
        if not isinstance(self.media_type, str):
            raise BundleError(f"the manifest must give {self.path} a media type; it gives {shown(self.media_type)}.")


@dataclass(frozen=True)
class Manifest:
    """All files of a bundle but the manifest itself, sorted by path.

    Attributes:
        name: Name of the model.
        files: The files.
    """

    name: str
    files: tuple[Entry, ...]

    def __post_init__(self) -> None:
        """Refuse an empty manifest, a repeated path, or a name that cannot be part of a key.

        Raises:
            BundleError: If the manifest cannot be used.
        """
        check_path(self.name)
        if "/" in self.name:
            raise BundleError(f"the model's name must not hold a slash; the manifest gives {shown(self.name)}.")
        paths = [entry.path for entry in self.files]
        if not 0 < len(paths) <= MAX_FILES:
            raise BundleError(f"a bundle must hold 1 to {MAX_FILES} files; the manifest lists {len(paths)}.")
        if paths != sorted(set(paths)):
            raise BundleError("the manifest must list each file once, sorted by path; it does not.")

    @property
    def digest(self) -> str:
        """SHA-256 over the lines that ``sha256sum`` prints for the files, sorted by path."""
        lines = "".join(f"{entry.sha256}  {entry.path}\n" for entry in self.files)
        return hashlib.sha256(lines.encode()).hexdigest()

    def dumps(self) -> str:
        """The text of ``manifest.json``."""
        files = [asdict(entry) for entry in self.files]
        return dumps({"format": FORMAT, "name": self.name, "digest": self.digest, "files": files})


def is_digest(text: object) -> bool:
    """Whether ``text`` is a lower-case hexadecimal SHA-256."""
    return isinstance(text, str) and len(text) == 64 and set(text) <= _HEX


def check_path(path: object) -> None:
    """Refuse a path that is not a plain relative one.

    Raises:
        BundleError: If it is absolute, climbs, names the manifest, or holds anything that a store or a file
            system may take for something else.
    """
    if not isinstance(path, str) or not path.isprintable() or "\\" in path or path == MANIFEST:
        raise BundleError(f"the manifest must list plain relative paths; it lists {shown(path)}.")
    parts = path.split("/")
    if any(part in {"", ".", ".."} or len(part.encode()) > 255 for part in parts) or ":" in parts[0]:
        raise BundleError(f"the manifest must list plain relative paths; it lists {shown(path)}.")


def make(folder: Path, name: str) -> Manifest:
    """The manifest of the files that lie in ``folder``."""
    paths = sorted(path for path in listed(folder) if path != MANIFEST)
    return Manifest(name=name, files=tuple(_entry(folder, path) for path in paths))


def listed(folder: Path) -> list[str]:
    """All files below ``folder``, as paths with slashes; links are refused.

    Raises:
        BundleError: If something in the folder is neither a folder nor a plain file.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise BundleError(f"a bundle must hold plain files only; {path} is something else.")
        if path.is_file():
            found.append(path.relative_to(folder).as_posix())
    return found


def loads(text: str | bytes, source: str) -> Manifest:
    """Read a manifest.

    Args:
        text: Content of ``manifest.json``.
        source: Where it came from, for messages.

    Raises:
        BundleError: If it is not a manifest of this format, or its digest does not fit its files.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BundleError(f"{source} must be JSON; {error}.") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else document
        raise BundleError(f"{source} must be a bundle's manifest of format {FORMAT}; got {shown(found)} instead.")
    manifest = Manifest(name=document.get("name", ""), files=_entries(document.get("files"), source))
    if document.get("digest") != manifest.digest:
        raise BundleError(
            f"the files listed in {source} make the digest {manifest.digest}, but it gives "
            f"{shown(document.get('digest'))}: it was altered; publish the bundle again."
        )
    return manifest


def read(folder: Path) -> Manifest:
    """Read the manifest of the bundle in ``folder``.

    Raises:
        BundleError: If there is none, or it cannot be used.
    """
    path = folder / MANIFEST
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            raise BundleError(f"{path} must have at most {MAX_MANIFEST_BYTES} bytes; it has {path.stat().st_size}.")
        return loads(path.read_bytes(), str(path))
    except OSError as error:
        raise BundleError(f"{folder} is not a bundle: it has no readable {MANIFEST}.") from error


def verify(folder: Path, manifest: Manifest) -> None:
    """Check that ``folder`` holds exactly the files of ``manifest``, byte for byte.

    Raises:
        BundleError: Naming the files that are missing, changed or extra.
    """
    present = set(listed(folder)) - {MANIFEST}
    expected = {entry.path: entry for entry in manifest.files}
    faults = {
        "missing": sorted(set(expected) - present),
        "changed": [p for p in sorted(set(expected) & present) if not _same(folder / p, expected[p])],
        "not in the manifest": sorted(present - set(expected)),
    }
    found = [
        f"{', '.join(paths[:5])} {'is' if len(paths) == 1 else 'are'} {fault}"
        for fault, paths in faults.items()
        if paths
    ]
    if found:
        raise BundleError(f"the bundle in {folder} is not what its manifest says: {'; '.join(found)}.")


def _same(path: Path, entry: Entry) -> bool:
    return path.stat().st_size == entry.size and sha256(path) == entry.sha256


def _entry(folder: Path, path: str) -> Entry:
    file = folder / path
    return Entry(
        path=path,
        sha256=sha256(file),
        size=file.stat().st_size,
        media_type=_MEDIA_TYPES.get(PurePosixPath(path).suffix, "application/octet-stream"),
    )


def _entries(files: Any, source: str) -> tuple[Entry, ...]:
    if not isinstance(files, list) or len(files) > MAX_FILES:
        raise BundleError(f"{source} must list 1 to {MAX_FILES} files; got {shown(files)} instead.")
    try:
        return tuple(Entry(**entry) for entry in files)
    except TypeError as error:
        raise BundleError(
            f"each file in {source} must be given by path, sha256, size and media_type; got something else."
        ) from error
