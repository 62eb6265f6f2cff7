"""Archives of pictures: read within limits, and nothing that leads out of them."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError
from headrace.core.pictures import picture_archive
from headrace.core.pictures.picture_archive import is_archive, read_archive

FILES = {"cats/1.png": b"one", "cats/2.JPG": b"two", "dogs/1.jpeg": b"three"}
OTHERS = {"readme.txt": b"text", "__MACOSX/cats/1.png": b"copy", "cats/.hidden.png": b"hidden"}


def pack(path: Path, files: dict[str, bytes]) -> Path:
    """An archive, of the kind that its name says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    with tarfile.open(path, "w:gz" if path.suffix == ".tgz" else "w") as archive:
        for name, content in files.items():
            item = tarfile.TarInfo(name)
            item.size = len(content)
            archive.addfile(item, io.BytesIO(content))
    return path


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tgz"])
def test_pictures_of_an_archive_are_read_with_their_folder_as_label(tmp_path: Path, name: str) -> None:
    """Other files, hidden ones and those that macOS adds are left out."""
    path = pack(tmp_path / name, FILES | OTHERS)
    assert is_archive(path)
    assert {item.path: item.content for item in read_archive(path, name)} == FILES
    assert {item.label for item in read_archive(path, name)} == {"cats", "dogs"}


@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
@pytest.mark.parametrize("member", ["../1.png", "/etc/1.png", "a/../../1.png"])
def test_member_that_leads_out_is_refused(tmp_path: Path, name: str, member: str) -> None:
    """The sentence names it."""
    path = pack(tmp_path / name, {member: b"one"})
    with pytest.raises(InputError, match="leads out of it"):
        list(read_archive(path, name))


@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
def test_large_members_and_many_of_them_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """One by one, and all together."""
    path = pack(tmp_path / name, FILES)
    monkeypatch.setattr(picture_archive, "MOST_MEMBERS", 2)
    with pytest.raises(InputError, match="at most 2 pictures"):
        list(read_archive(path, name))
    monkeypatch.setattr(picture_archive, "MOST_BYTES", 4)
    with pytest.raises(InputError, match="at most 4 bytes"):
        list(read_archive(path, name))


@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
def test_archive_that_is_cut_off_is_refused(tmp_path: Path, name: str) -> None:
    """It says what an archive must be."""
    path = pack(tmp_path / name, {"cats/1.png": b"x" * 5000})
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match="whole zip or tar archive"):
        list(read_archive(path, name))


def test_workbook_is_no_archive_of_pictures(tmp_path: Path) -> None:
    """An Excel workbook is a zip archive too."""
    assert not is_archive(pack(tmp_path / "a.zip", {"xl/workbook.xml": b"<a/>"}))
