"""Pictures as a table: a row for each file, with its path, the name of its folder as label, and the file itself."""

from collections.abc import Iterable, Iterator
from os.path import commonpath
from pathlib import Path

import polars as pl

from headrace.core.base.errors import InputError
from headrace.core.pictures.picture_archive import PictureFile, is_archive, read_archive
from headrace.core.pictures.picture_codec import MOST_BYTES, is_picture, to_text
from headrace.core.tables.source import SourceFile
from headrace.core.tables.text_stream import SourceDigest

PATH, LABEL, PICTURE = "path", "label", "picture"
_BLOCK_BYTES = 32 * 2**20


def holds_pictures(file: SourceFile) -> bool:
    """Return whether a file is a picture, or an archive of them."""
    with file.path.open("rb") as stream:
        start = stream.read(16)
    return is_picture(start) or is_archive(file.path)


def picture_frames(files: Iterable[SourceFile], digest: SourceDigest) -> Iterator[pl.DataFrame]:
    """Yield tables of pictures, some at a time: ``path``, ``label`` and ``picture``, the file in base64.

    Args:
        files: Pictures, or archives of them.
        digest: Digest that paths and bytes are added to.

    Raises:
        InputError: If a file cannot be read, or an archive breaks a limit.
    """
    rows: list[PictureFile] = []
    size = 0
    for picture in _pictures(files):
        digest.update(picture.path.encode())
        digest.update(picture.content)
        rows.append(picture)
        size += len(picture.content)
        if size > _BLOCK_BYTES:
            yield _frame(rows)
            rows, size = [], 0
    yield _frame(rows)


def _frame(rows: list[PictureFile]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            PATH: [row.path for row in rows],
            LABEL: [row.label or None for row in rows],
            PICTURE: [to_text(row.content) for row in rows],
        },
        schema={PATH: pl.String, LABEL: pl.String, PICTURE: pl.String},
    )


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
        yield PictureFile(Path(file.name).relative_to(root).as_posix(), file.path.read_bytes())
