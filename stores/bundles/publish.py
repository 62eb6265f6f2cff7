"""Publishes a bundle: content-addressed, written once, read back, the manifest last."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from headrace.core.base.errors import StoreError
from headrace.core.base.files import sha256
from headrace.core.bundles import integrity
from headrace.core.bundles import manifest as manifests
from headrace.core.bundles.manifest import MANIFEST, Manifest, ManifestEntry
from headrace.stores.objects.object_store import ONE_PIECE_BYTES, ObjectStore
from headrace.stores.objects.parallel import run_parallel

THREADS = 24
_WAITS = (0.0, 0.3, 1.0)
_PROGRESS_EVERY = 500


def prefix_of(manifest: Manifest) -> str:
    """Return the prefix of a bundle's keys: ``models/<name>/<digest>/``."""
    return f"models/{manifest.name}/{manifest.digest}/"


def publish(folder: Path, store: ObjectStore, *, say: Callable[[str], None] = lambda _: None) -> str:
    """Store the bundle in ``folder`` and return its URI.

    Every object is read back and verified before the manifest is written, so that a reader who finds the
    manifest finds everything. Publishing again only verifies; publishing after a failed attempt completes it, down to
    the uploaded parts of a big file.

    Args:
        folder: The bundle.
        store: The store.
        say: Takes progress messages.

    Returns:
        ``s3://<bucket>/models/<name>/<digest>/``, with the slash at its end, because KServe's storage
        initializer takes a prefix without it for every key that begins so.

    Raises:
        BundleError: If the folder does not match its manifest.
        StoreError: If the store fails, or has other bytes under a key of this bundle.
    """
    manifest = manifests.read(folder)
    integrity.verify(folder, manifest, read=False)
    prefix = prefix_of(manifest)
    uploader = _Uploader(folder, store, prefix, {item.key: item.size for item in store.list(prefix)})
    files = [*map(_File.from_entry, manifest.files), *_signatures(folder)]
    big = [file for file in files if file.size > ONE_PIECE_BYTES]
    with ThreadPoolExecutor(1, thread_name_prefix="verify") as reader:
        # Parts of big files are uploaded meanwhile, but become an object only when every byte has been verified.
        checked = reader.submit(integrity.verify, folder, manifest)
        for position, file in enumerate(big):  # one at a time: its parts fill the bandwidth
            say(f"{position:,} of {len(files):,} files, now {file.path}")
            uploader.send(file, checked.result)
        checked.result()
    uploader.send_all([file for file in files if file.size <= ONE_PIECE_BYTES], len(big), len(files), say)
    text = manifest.dumps().encode()
    if not uploader.complete:
        store.put_bytes(prefix + MANIFEST, text, "application/json", fresh=True)
    if store.get_bytes(prefix + MANIFEST, manifests.MAX_MANIFEST_BYTES) != text:
        raise StoreError(
            f"{store.bucket}/{prefix}{MANIFEST} in {store.endpoint} is not the manifest of this bundle: "
            f"delete everything under {prefix}, then publish again."
        )
    return f"s3://{store.bucket}/{prefix}"


@dataclass(frozen=True)
class _File:
    """A file to store."""

    path: str
    sha256: str
    size: int
    media_type: str

    @classmethod
    def from_entry(cls, entry: ManifestEntry) -> "_File":
        return cls(entry.path, entry.sha256, entry.size, entry.media_type)


def _signatures(folder: Path) -> list[_File]:
    """Return the bundle's signatures, which are not in the manifest, but are uploaded before it."""
    paths = sorted(path.relative_to(folder).as_posix() for path in (folder / manifests.SIGNATURES).glob("*.sig"))
    return [
        _File(path, sha256(folder / path), (folder / path).stat().st_size, "application/json")
        for path in paths[: manifests.MAX_SIGNATURES]
    ]


@dataclass(frozen=True)
class _Uploader:
    """Uploads a bundle's files.

    Attributes:
        folder: The bundle.
        store: The store.
        prefix: Prefix of the keys.
        existing: Sizes of the objects that existed at the beginning, by key.
    """

    folder: Path
    store: ObjectStore
    prefix: str
    existing: Mapping[str, int]

    @property
    def complete(self) -> bool:
        """Whether the bundle was published before, so that nothing may be replaced."""
        return self.prefix + MANIFEST in self.existing

    def send_all(self, files: Sequence[_File], done: int, of: int, say: Callable[[str], None]) -> None:
        """Upload many small files, after ``done`` other files."""
        count = itertools.count(done + 1)

        def send(file: _File) -> None:
            self.send(file)
            done = next(count)
            if done % _PROGRESS_EVERY == 0:
                say(f"{done:,} of {of:,} files")

        run_parallel(files, send, threads=THREADS)

    def send(self, file: _File, sure: Callable[[], object] = bool) -> None:
        """Upload a file, unless it exists, and read it back.

        Args:
            file: The file.
            sure: See ``ObjectStore.put_file``.

        Raises:
            StoreError: If the store has other bytes afterwards.
        """
        key, store = self.prefix + file.path, self.store
        exists = key in self.existing
        if exists and self.existing[key] == file.size and self._right(key, file):
            return
        if exists and self.complete:
            raise StoreError(
                f"{store.bucket}/{key} in {store.endpoint} was altered after it was published: delete "
                f"everything under {self.prefix}, then publish again."
            )
        # Without a manifest nobody reads this prefix: wrong objects here are left over from a failed attempt.
        store.put_file(key, self.folder / file.path, file.media_type, fresh=not exists, sure=sure)
        if not self._right(key, file):
            raise StoreError(
                f"{store.endpoint} gave back other bytes for {store.bucket}/{key} than were written to it: look at its "
                "disk, then publish again."
            )

    def _right(self, key: str, file: _File) -> bool:
        """Return whether the store has the file's bytes under the key."""
        # Without atomic writes, another publisher of the same bytes may be in the middle of one.
        delays = (0.0,) if self.store.atomic else _WAITS
        for delay in delays:
            time.sleep(delay)
            try:
                if self.store.sha256(key, file.size) == file.sha256:
                    return True
            except StoreError:
                if delay == delays[-1]:
                    raise
        return False
