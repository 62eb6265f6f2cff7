"""A small file that a person wrote, such as a contract, wherever it lies."""

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
def one_file(address: str, told: str = "") -> Iterator[Path]:
    """The file at an address, on this machine for the length of the block.

    Args:
        address: Path, ``file://``, ``http://``, ``https://`` or ``s3://BUCKET/KEY``, which is fetched with the store's
            keys (``HEADRACE_S3_*``).
        told: The address's fingerprint, if one was taken before.

    Raises:
        MissingError: If an object or a page is not there; a path is the caller's to open.
        InputError: If it is more than one file, a database, or has changed since its fingerprint was taken.
        StoreError: If it cannot be fetched.
    """
    if "://" not in address:
        yield Path(address)
        confirm(address, told)
        return
    source = open_source(address)
    if not isinstance(source, FileSource):
        raise InputError(f"a file must be named by a path, http(s):// or s3://BUCKET/KEY; got {quote(source.name)}.")
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        found: list[Path] = []
        with closing(source.opened()) as files:
            for file in files:
                found.append(Path(scratch) / str(len(found)) / Path(file.name).name)
                found[-1].parent.mkdir()
                shutil.copyfile(file.path, found[-1])
        if len(found) != 1:
            raise InputError(f"{quote(source.name)} must be one file; got {len(found)}: name one of them.")
        confirm(address, told)
        yield found[0]
