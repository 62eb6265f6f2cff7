"""Hashes of the requests in files of stored rows: which files hold the same request.

All functions sort and compare neighbours. The set functions of NumPy 2.4 take fifty times as long, for they build hash
tables (210 ms for ``intersect1d`` of twice 500,000 beside 6 ms; ``numpy.sort`` has AVX-512).
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

Hashes = np.ndarray[tuple[int], np.dtype[np.uint64]]
_NONE: Hashes = np.empty(0, dtype=np.uint64)


def group_overlaps(hashes: Mapping[str, Hashes]) -> Iterator[list[str]]:
    """Yield files with common requests together, and every other file by itself.

    Args:
        hashes: By the key of each file the hashes (n,) of its requests, each once.
    """
    common = _find_repeated(np.concatenate([_NONE, *hashes.values()]))
    overlapping = [key for key, one in hashes.items() if are_among(one, common).any()]
    yield from ([key] for key in hashes if key not in overlapping)
    if overlapping:
        yield overlapping


def find_shared(some: Iterable[Hashes], others: Iterable[Hashes]) -> Hashes:
    """Return the hashes of the requests that lie in one of some files and in one of others.

    Args:
        some: Hashes (n,) of some files.
        others: Hashes (n,) of other files.

    Returns:
        Hashes (k,) in order, each once.
    """
    return _find_repeated(np.concatenate([_find_unique(some), _find_unique(others)]))


def are_among(hashes: Hashes, ordered: Hashes) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which hashes are among others.

    Args:
        hashes: Hashes (n,).
        ordered: Others (k,), in order.

    Returns:
        Flags (n,).
    """
    if not len(ordered):
        return np.zeros(len(hashes), dtype=np.bool_)
    places = np.searchsorted(ordered, hashes)
    places[places == len(ordered)] = 0
    return np.asarray(ordered[places] == hashes)


def _find_unique(hashes: Iterable[Hashes]) -> Hashes:
    """Return the hashes (k,) of some files (n,), in order and each once."""
    ordered = np.sort(np.concatenate([_NONE, *hashes]))
    first = np.ones(len(ordered), dtype=np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]


def _find_repeated(hashes: Hashes) -> Hashes:
    """Return those (k,) of some hashes (n,) that are there more than once, in order and each once."""
    ordered = np.sort(hashes)
    return _find_unique([ordered[1:][ordered[1:] == ordered[:-1]]])
