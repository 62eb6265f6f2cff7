"""Pictures in a zip or tar archive, within limits: nothing is written anywhere, whatever the members are named."""

import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from headrace.core.base.errors import InputError, quote
from headrace.core.pictures.picture_codec import MOST_BYTES

MOST_MEMBERS = 1_000_000
MOST_TOTAL_BYTES = 64 * 2**30
SUFFIXES = (".png", ".jpg", ".jpeg")
_ZIP = b"PK\x03\x04"
_TAR_PLACE = 257


@dataclass(frozen=True)
class PictureFile:
    """One picture that was read.

    Attributes:
        path: Its path below the folder or in the archive.
        content: Its bytes.
    """

    path: str
    content: bytes

    @property
    def label(self) -> str:
        """Name of the folder that it lies in; empty for none."""
        return PurePosixPath(self.path).parent.name


def is_archive(path: Path) -> bool:
    """Return whether a file is a zip or tar archive that holds pictures at its beginning."""
    with path.open("rb") as stream:
        start = stream.read(512)
    if start.startswith(_ZIP):
        try:
            with zipfile.ZipFile(path) as archive:
                # A workbook of Excel is a zip archive too.
                return any(_is_picture_name(name) for name in archive.namelist())
        except zipfile.BadZipFile:
            return False
    packed = start.startswith(b"\x1f\x8b") and path.name.endswith((".tar.gz", ".tgz"))
    return packed or start[_TAR_PLACE : _TAR_PLACE + 5] == b"ustar"


def read_archive(path: Path, name: str) -> Iterator[PictureFile]:
    """Yield the pictures of an archive, in the order of their paths (zip) or of the archive (tar).

    Args:
        path: The archive.
        name: Its name in messages.

    Raises:
        InputError: If it is damaged, a member's path leads out of it, or it is larger than the limits.
    """
    with path.open("rb") as stream:
        is_zip = stream.read(4) == _ZIP
    total = 0
    try:
        for count, picture in enumerate((_zip_members if is_zip else _tar_members)(path, name)):
            total += len(picture.content)
            if count >= MOST_MEMBERS or total > MOST_TOTAL_BYTES:
                raise InputError(
                    f"{name} must hold at most {MOST_MEMBERS:,} pictures and {MOST_TOTAL_BYTES:,} bytes of them; it "
                    "holds more: divide it."
                )
            yield picture
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise InputError(f"{name} must be a whole zip or tar archive without a password; {error}.") from error


def _zip_members(path: Path, name: str) -> Iterator[PictureFile]:
    with zipfile.ZipFile(path) as archive:
        for item in sorted(archive.infolist(), key=lambda item: item.filename):
            if item.is_dir() or not _is_picture_name(item.filename):
                continue
            _check(item.filename, item.file_size, name)
            with archive.open(item) as stream:
                # The header may lie about the size.
                content = stream.read(MOST_BYTES + 1)
            _check(item.filename, len(content), name)
            yield PictureFile(item.filename, content)


def _tar_members(path: Path, name: str) -> Iterator[PictureFile]:
    with tarfile.open(path, "r|*") as archive:
        for item in archive:
            if not item.isfile() or not _is_picture_name(item.name):
                continue
            _check(item.name, item.size, name)
            stream = archive.extractfile(item)
            if stream is not None:
                yield PictureFile(item.name.removeprefix("./"), stream.read())


def _is_picture_name(name: str) -> bool:
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith((".", "__MACOSX")) and part not in {".", ".."} for part in parts)
    return name.lower().endswith(SUFFIXES) and not hidden


def _check(member: str, size: int, name: str) -> None:
    if member.startswith("/") or ".." in PurePosixPath(member).parts:
        raise InputError(f"the members of {name} must lie in it; {quote(member)} leads out of it: pack it again.")
    if size > MOST_BYTES:
        raise InputError(
            f"each picture of {name} must have at most {MOST_BYTES:,} bytes; {quote(member)} has {size:,} or more."
        )
