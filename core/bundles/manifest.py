"""The manifest of a bundle: its files, and the digest of each."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from headrace.core.base.errors import BundleError, quote
from headrace.core.base.files import dumps

MANIFEST = "manifest.json"
SIGNATURES = "signatures"
"""Folder of signatures, each named by its own SHA-256: the manifest does not list them, nor does the digest."""
FORMAT = 2
MAX_FILES = 20_000
MAX_MANIFEST_BYTES = 8 << 20
MAX_FILE_BYTES = 1 << 40
MAX_SIGNATURES = 100
MAX_SIGNATURE_BYTES = 16 << 20
_HEX = frozenset("0123456789abcdef")
_OTHER_FORMATS = {
    1: "package the model again with this version, or read it with the version that wrote it",
}


@dataclass(frozen=True)
class ManifestEntry:
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
        """Raise if a bundle cannot hold the entry.

        Raises:
            BundleError: If the path leaves the bundle, or digest, size or media type are invalid.
        """
        check_path(self.path)
        if not is_digest(self.sha256):
            raise BundleError(f"the manifest must give a SHA-256 for {self.path}; it gives {quote(self.sha256)}.")
        if type(self.size) is not int or not 0 < self.size <= MAX_FILE_BYTES:
            raise BundleError(
                f"{self.path} must have 1 to {MAX_FILE_BYTES} bytes; the manifest gives {quote(self.size)}."
            )
        if not isinstance(self.media_type, str):
            raise BundleError(f"the manifest must give {self.path} a media type; it gives {quote(self.media_type)}.")


@dataclass(frozen=True)
class Manifest:
    """All files of a bundle but the manifest itself, sorted by path.

    Attributes:
        name: Name of the model.
        files: The files.
    """

    name: str
    files: tuple[ManifestEntry, ...]

    def __post_init__(self) -> None:
        """Raise if the manifest is empty, repeats a path, or has a name that cannot be part of a key.

        Raises:
            BundleError: If the manifest cannot be used.
        """
        check_path(self.name)
        if "/" in self.name:
            raise BundleError(f"the model's name must not hold a slash; the manifest gives {quote(self.name)}.")
        paths = [entry.path for entry in self.files]
        if not 0 < len(paths) <= MAX_FILES:
            raise BundleError(f"a bundle must hold 1 to {MAX_FILES} files; the manifest lists {len(paths)}.")
        if paths != sorted(set(paths)):
            raise BundleError("the manifest must list each file once, sorted by path; it does not.")
        folders = {parent.as_posix() for path in paths for parent in PurePosixPath(path).parents}
        both = next((path for path in paths if path in folders), "")
        if both:
            raise BundleError(f"the manifest must list {both} as a file or as a folder; it lists it as both.")

    @property
    def digest(self) -> str:
        """SHA-256 over the lines that ``sha256sum`` prints for the files, sorted by path."""
        lines = "".join(f"{entry.sha256}  {entry.path}\n" for entry in self.files)
        return hashlib.sha256(lines.encode()).hexdigest()

    def dumps(self) -> str:
        """Return the text of ``manifest.json``."""
        files = [asdict(entry) for entry in self.files]
        return dumps({"format": FORMAT, "name": self.name, "digest": self.digest, "files": files})


def is_digest(text: object) -> bool:
    """Return whether ``text`` is a lower-case hexadecimal SHA-256."""
    return isinstance(text, str) and len(text) == 64 and set(text) <= _HEX


def check_path(path: object) -> None:
    """Raise if a path is not a plain relative one.

    Raises:
        BundleError: If it is absolute, climbs, names the manifest or a signature, or holds anything that a store or
            a file system may interpret differently.
    """
    # A store takes any text as a key; a file system would follow "..", a drive letter or a backslash.
    parts = path.split("/") if isinstance(path, str) and path.isprintable() and "\\" not in path else [""]
    odd = any(part in {"", ".", ".."} or len(part.encode()) > 255 for part in parts) or ":" in parts[0]
    if odd or parts[0] in {MANIFEST, SIGNATURES}:
        raise BundleError(f"the manifest must list plain relative paths; it lists {quote(path)}.")


def is_unlisted(path: str) -> bool:
    """Return whether a path is the manifest's or a signature's, which no manifest lists."""
    return path == MANIFEST or is_signature(path)


def is_signature(path: str) -> bool:
    """Return whether a path is one that a signature may have: ``signatures/<SHA-256>.sig``."""
    folder, _, name = path.partition("/")
    return folder == SIGNATURES and name.endswith(".sig") and is_digest(name.removesuffix(".sig"))


def loads(text: str | bytes, source: str) -> Manifest:
    """Read a manifest.

    Args:
        text: Content of ``manifest.json``.
        source: Name of the file in messages.

    Raises:
        BundleError: If it is not a manifest of this format, or its digest does not match its files.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{source} must be JSON; {error}.") from error
    _check_format(document.get("format") if isinstance(document, dict) else document, source)
    manifest = Manifest(name=document.get("name", ""), files=_entries(document.get("files"), source))
    if document.get("digest") != manifest.digest:
        raise BundleError(
            f"the files listed in {source} make the digest {manifest.digest}, but it gives "
            f"{quote(document.get('digest'))}: it was altered; publish the bundle again."
        )
    return manifest


def _check_format(version: Any, source: str) -> None:
    if version == FORMAT and type(version) is int:
        return
    is_number = type(version) is int and version > 0
    if is_number and version > FORMAT:
        raise BundleError(
            f"{source} must be of the bundle format {FORMAT} or an earlier one; it is of format {version}, which a "
            "newer Headrace wrote: update Headrace to read it."
        )
    remedy = _OTHER_FORMATS.get(version, "") if is_number else ""
    if remedy:
        raise BundleError(f"{source} must be of the bundle format {FORMAT}; it is of format {version}: {remedy}.")
    raise BundleError(f"{source} must be a bundle's manifest of format {FORMAT}; got {quote(version)} instead.")


def read(folder: Path) -> Manifest:
    """Read the manifest of the bundle in ``folder``.

    Raises:
        BundleError: If there is no manifest, or it cannot be used.
    """
    path = folder / MANIFEST
    try:
        if path.is_symlink():
            raise BundleError(f"a bundle must hold plain files only; {path} is something else.")
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            raise BundleError(f"{path} must have at most {MAX_MANIFEST_BYTES} bytes; it has {path.stat().st_size}.")
        return loads(path.read_bytes(), str(path))
    except OSError as error:
        raise BundleError(f"{folder} is not a bundle: it has no readable {MANIFEST}.") from error


def _entries(files: Any, source: str) -> tuple[ManifestEntry, ...]:
    if not isinstance(files, list) or len(files) > MAX_FILES:
        raise BundleError(f"{source} must list 1 to {MAX_FILES} files; got {quote(files)} instead.")
    try:
        return tuple(ManifestEntry(**entry) for entry in files)
    except TypeError as error:
        raise BundleError(
            f"each file in {source} must be given by path, sha256, size and media_type; got something else."
        ) from error
