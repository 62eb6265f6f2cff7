"""A model that was chosen at the driver, and is opened once in each of Spark's Python workers.

What travels to the workers is an address and a digest, never the model. A worker that finds another bundle at the
address refuses it, so all rows of a query are scored by one model.
"""

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path

from headrace.core.base.errors import BundleError, MissingError
from headrace.serving.model.served_model import ServedModel
from headrace.streams.stream_model import StreamModel

# More models than one worker process is likely to use at a time; a long-lived one forgets the oldest.
_MOST_MODELS = 4


@dataclass(frozen=True)
class PinnedModel:
    """An address that each worker can read, and what must be there.

    Attributes:
        name: Name of the model.
        version: Its version in the registry; empty if it does not come from there.
        digest: SHA-256 of its bundle.
        location: Folder, or store URI. A relative folder lies in the worker's folder, or among the files that Spark
            has sent to it.
        threads: Threads of the inference engine.
    """

    name: str
    version: str
    digest: str
    location: str
    threads: int = 1

    def open(self) -> StreamModel:
        """Return the model, which a process opens once.

        Raises:
            MissingError: If nothing is at the address.
            BundleError: If another bundle is there, or it is altered, or its answers differ from its test cases.
            StoreError: If the store is not reached.
        """
        return _open(self)


def open_model(location: str, *, threads: int = 1) -> ServedModel:
    """Verify and load the model of a bundle, and check its test cases.

    Args:
        location: Folder of the bundle, or its address in a store.
        threads: Threads of the inference engine.

    Raises:
        BundleError: If the bundle is not intact, or its answers differ from its test cases.
        StoreError: If the store is not reached.
    """
    if "://" not in location:
        return ServedModel.open(Path(location), threads=threads)
    from headrace.stores.bundles.bundle_store import fetch  # noqa: PLC0415 - a folder needs no client of a store

    with tempfile.TemporaryDirectory(prefix="headrace-spark-") as scratch:
        return ServedModel.open(fetch(location, Path(scratch) / "bundle"), threads=threads)


@functools.lru_cache(maxsize=_MOST_MODELS)
def _open(pinned: PinnedModel) -> StreamModel:
    location = pinned.location if "://" in pinned.location else str(_find_folder(pinned.location))
    served = open_model(location, threads=pinned.threads)
    if served.digest != pinned.digest:
        raise BundleError(
            f"{location} must hold the bundle {pinned.digest[:12]} of {pinned.name}, which the driver chose; it holds "
            f"{served.digest[:12]} of {served.name}: start the query again, or put the bundle back."
        )
    return StreamModel(served, pinned.version, pinned.location)


def _find_folder(location: str) -> Path:
    folder = Path(location)
    candidates = [folder] if folder.is_absolute() else [folder, *_sent_files(location)]
    found = next((candidate for candidate in candidates if (candidate / "manifest.json").exists()), None)
    if found is None:
        raise MissingError(
            f"each executor must be able to read the bundle's folder {location}; this one has looked at "
            f"{', '.join(str(candidate.absolute()) for candidate in candidates)}: name a store URI or a shared folder, "
            "or send an archive with the query."
        )
    return found


def _sent_files(location: str) -> list[Path]:
    """Return where ``SparkContext.addArchive`` and ``--archives`` put a folder, if this is a worker of Spark."""
    try:
        from pyspark import SparkFiles  # noqa: PLC0415 - Spark's own process has it, the suite does not need it
    except ImportError:
        return []
    return [Path(SparkFiles.get(location))]
