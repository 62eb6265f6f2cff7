"""Opens the source that a text names: a path, a pattern, or a URL."""

import glob
import re
from collections.abc import Generator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from headrace.core.base.errors import InputError, MissingError
from headrace.core.tables.source import FileSource, Source, SourceFile

_PART = re.compile(r"\.(parquet|parq|pq|csv|tsv|txt|jsonl|ndjson)(\.gz)?$", re.IGNORECASE)
_PICTURE = re.compile(r"\.(png|jpe?g|zip|tar|tgz|tar\.gz)$", re.IGNORECASE)
_MAYBE_PROSE = re.compile(r"^[^.]+$|\.txt$", re.IGNORECASE)
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://")


def open_source(text: str) -> Source:
    """Return the source that a text names, without reading or fetching it yet.

    Args:
        text: A path; a folder, or a pattern of paths (``**`` for folders of any depth), whose files make one table in
            sorted order; ``file://``, ``http://`` or ``https://``; ``s3://BUCKET/KEY``, where the key may be a pattern
            or a prefix that ends with a slash; or a database as ``URL#TABLE`` or ``URL#SELECT ...``.

    Returns:
        The source; its name contains no secret.

    Raises:
        InputError: If the text is empty, or a URL is not of these forms.
    """
    if not text.strip():
        raise InputError("the table must be named by a path, a pattern or a URL; got an empty text instead.")
    scheme = _SCHEME.match(text)
    if scheme is None:
        return local_files(text)
    return _BY_SCHEME.get(scheme[1].lower(), _sql)(text)


def local_files(text: str) -> FileSource:
    """Return a path or a pattern of paths as a table."""

    def open_files() -> Generator[SourceFile]:
        for path in _paths(text):
            yield SourceFile(str(path), path)

    return FileSource(text, open_files)


def _paths(text: str) -> list[Path]:
    path = Path(text)
    if path.is_dir():
        below = sorted(file for file in path.rglob("*") if file.is_file() and _is_part(file.relative_to(path)))
        return _without_prose(below) or [path]
    if not re.search(r"[*?\[]", text) or path.exists():
        return [path]
    file = sorted(file for file in map(Path, glob.glob(text, recursive=True)) if not file.is_dir())  # noqa: PTH207
    if not file:
        raise MissingError(f"there is no file {text}; correct the pattern.")
    return file


def _without_prose(files: list[Path]) -> list[Path]:
    """Return the table that lies among pictures and lists them, or the pictures; a README is no table."""
    others = [file for file in files if not _PICTURE.search(file.name)]
    if len(files) <= 2 * len(others):
        return others
    tables = [file for file in others if not _MAYBE_PROSE.search(file.name)]
    return tables or [file for file in files if file not in others]


def _is_part(path: Path) -> bool:
    """Return whether a file below a folder belongs to its table; hidden ones such as ``_SUCCESS`` do not."""
    return not any(part.startswith((".", "_")) and "=" not in part for part in path.parts) and (
        bool(_PART.search(path.name) or _PICTURE.search(path.name)) or not path.suffix
    )


def _file(text: str) -> Source:
    return local_files(unquote(urlsplit(text).path))


def _http(text: str) -> Source:
    from headrace.stores.sources.http_source import http_files  # noqa: PLC0415 - only where it is needed

    return http_files(text)


def _s3(text: str) -> Source:
    from headrace.stores.sources.s3_source import s3_files  # noqa: PLC0415 - minio takes its time

    return s3_files(text)


def _sql(text: str) -> Source:
    from headrace.stores.sources.sql_source import sql_query  # noqa: PLC0415 - only where it is needed

    return sql_query(text)


_BY_SCHEME = {"file": _file, "http": _http, "https": _http, "s3": _s3}
