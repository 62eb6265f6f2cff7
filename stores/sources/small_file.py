"""Opens a small file, such as a contract, at a path or an address."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from headrace.core.base.errors import InputError, quote
from headrace.core.tables.source import FileSource
from headrace.stores.sources.fingerprint import confirm
from headrace.stores.sources.open_source import open_source


@contextmanager
def one_file(address: str, fingerprint: str = "") -> Iterator[Path]:
    """Open the file at an address; fetch it to this machine during the block.

    Args:
        address: Path, ``file://``, ``http://``, ``https://`` or ``s3://BUCKET/KEY``, fetched with the keys of
            ``HEADRACE_S3_*``.
        fingerprint: The address's fingerprint, if one was taken before.

    Raises:
        MissingError: If an object or a page does not exist; the caller opens a path itself.
        InputError: If it is several files or a database, or has changed since its fingerprint was taken.
        StoreError: If it cannot be fetched.
    """
    if "://" not in address:
        yield Path(address)
        confirm(address, fingerprint)
        return
    source = open_source(address)
    if not isinstance(source, FileSource):
        raise InputError(f"a file must be named by a path, http(s):// or s3://BUCKET/KEY; got {quote(source.name)}.")
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        copies: list[Path] = []
        with closing(source.opened()) as files:
            for file in files:
                copies.append(Path(scratch) / str(len(copies)) / Path(file.name).name)
                copies[-1].parent.mkdir()
                shutil.copyfile(file.path, copies[-1])
        if len(copies) != 1:
            raise InputError(f"{quote(source.name)} must be one file; got {len(copies)}: name one of them.")
        confirm(address, fingerprint)
        yield copies[0]
