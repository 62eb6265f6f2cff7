"""Pictures as a table: a row for each file, with its path, the name of its folder as label, and the file itself."""

from collections.abc import Iterable, Iterator
from os.path import commonpath
from pathlib import Path

import polars as pl

from headrace.core.base.errors import DataError, InputError
from headrace.core.base.notes import Note
from headrace.core.pictures.near_duplicates import PictureLook, group_near_duplicates, look_at
from headrace.core.pictures.picture_archive import SUFFIXES, PictureFile, is_archive, read_archive
from headrace.core.pictures.picture_codec import MOST_BYTES, is_picture, to_text
from headrace.core.readers.csv.notes import NoteCollector
from headrace.core.tables import text_stream
from headrace.core.tables.source import SourceFile
from headrace.core.tables.text_stream import SourceDigest, open_binary

PATH, LABEL, PICTURE, GROUP = "path", "label", "picture", "near_duplicates"
_BLOCK_BYTES = 32 * 2**20


def holds_pictures(file: SourceFile) -> bool:
    """Return whether a file is a picture or an archive of them; one that is only named so is a broken picture."""
    with text_stream.open_binary(file) as stream:
        start = stream.read(16)
    return file.name.lower().endswith(SUFFIXES) or is_picture(start) or is_archive(file.path)


def picture_frames(
    files: Iterable[SourceFile], digest: SourceDigest, collector: NoteCollector
) -> Iterator[pl.DataFrame]:
    """Yield tables of pictures, some at a time: ``path``, ``label`` and ``picture``, the file in base64.

    Where some pictures are near-duplicates, a column ``near_duplicates`` has the path of the first of each group.

    Args:
        files: Pictures, or archives of them; they are read twice.
        digest: Digest that paths and bytes are added to.
        collector: Receives what was found of near-duplicates.

    Raises:
        InputError: If a file cannot be read, or an archive breaks a limit.
    """
    kept = list(files)
    groups = _groups(kept)
    copies = len(groups) - len(set(groups.values()))
    collector.hints |= {"texts": [LABEL]}  # a folder called none or NA is a class
    if copies:
        collector.hints |= {"group": GROUP}
        collector.add(
            Note(
                "info",
                GROUP,
                "near_duplicates",
                copies,
                f"{copies} of {len(groups)} pictures are near-duplicates of others; a split keeps them together.",
                "Look at them by the column near_duplicates of the table, which names the first one of each group.",
            )
        )
    rows: list[PictureFile] = []
    size = 0
    for picture in _pictures(kept):
        digest.update(picture.path.encode())
        digest.update(picture.content)
        rows.append(picture)
        size += len(picture.content)
        if size > _BLOCK_BYTES:
            yield _frame(rows, groups if copies else None)
            rows, size = [], 0
    yield _frame(rows, groups if copies else None)


def _groups(files: list[SourceFile]) -> dict[str, str]:
    """Return the path of the first near-duplicate by path; a broken picture is alone."""
    looks: dict[str, PictureLook] = {}
    groups: dict[str, str] = {}
    for picture in _pictures(files):
        groups[picture.path] = picture.path
        try:
            looks[picture.path] = look_at(to_text(picture.content))
        except DataError:  # its row is quarantined
            continue
    names = list(looks)
    for name, first in zip(names, group_near_duplicates(list(looks.values())).tolist(), strict=True):
        groups[name] = names[first]
    return groups


def _frame(rows: list[PictureFile], groups: dict[str, str] | None) -> pl.DataFrame:
    columns = {
        PATH: [row.path for row in rows],
        LABEL: [row.label or None for row in rows],
        PICTURE: [to_text(row.content) for row in rows],
    }
    if groups is not None:
        columns[GROUP] = [groups[row.path] for row in rows]
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _pictures(files: Iterable[SourceFile]) -> Iterator[PictureFile]:
    singles: list[SourceFile] = []
    for file in files:
        if is_archive(file.path):
            yield from read_archive(file.path, file.name)
        else:
            singles.append(file)
    if not singles:
        return
    root = Path(commonpath([str(Path(file.name).parent) for file in singles]))
    # The parent of a single folder of pictures names their class.
    root = root.parent if all(Path(file.name).parent == root for file in singles) else root
    for file in singles:
        if file.path.stat().st_size > MOST_BYTES:
            raise InputError(f"each picture must have at most {MOST_BYTES:,} bytes; {file.name} has more: remove it.")
        with open_binary(file) as stream:
            yield PictureFile(Path(file.name).relative_to(root).as_posix(), stream.read())
