"""Hashes of the requests in files of stored rows: which files hold the same request."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

Hashes = np.ndarray[tuple[int], np.dtype[np.uint64]]
_NONE: Hashes = np.empty(0, dtype=np.uint64)


def group_overlaps(hashes: Mapping[str, Hashes]) -> Iterator[list[str]]:
    """Yield files with common requests together, and every other file by itself.

    Args:
        hashes: By the key of each file the hashes of its requests, each once.
    """
    common = _find_repeated(_join(hashes.values()))
    overlapping = [key for key, one in hashes.items() if len(common) and np.isin(one, common).any()]
    yield from ([key] for key in hashes if key not in overlapping)
    if overlapping:
        yield overlapping


def find_shared(some: Iterable[Hashes], others: Iterable[Hashes]) -> Hashes:
    """Return the hashes of the requests that lie in one of some files, and in one of others."""
    return np.intersect1d(_join(some), _join(others))


def _join(hashes: Iterable[Hashes]) -> Hashes:
    return np.concatenate([_NONE, *hashes])


def _find_repeated(hashes: Hashes) -> Hashes:
    ordered = np.sort(hashes)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
