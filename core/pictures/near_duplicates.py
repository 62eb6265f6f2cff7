"""Near-duplicates of pictures, by a perceptual hash: 64 bits that stay nearly the same when a picture is resized,
stored again or made a little brighter.

Source: the difference hash (dHash), https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.core.pictures.picture_codec import PictureSize, read_pixels

_SIDE = 8
_BITS = 64
MOST_DIFFERENT = 2
"""Two pictures are near-duplicates if at most this many of 64 bits differ."""
_BANDS = MOST_DIFFERENT + 1

Hashes = NDArray[np.uint64]


def perceptual_hash(text: str) -> int:
    """Return the hash of a picture's text: for 8 by 8 places, whether it is brighter than its right neighbour.

    Raises:
        DataError: If the text is no picture.
    """
    grey = read_pixels(text, PictureSize(_SIDE, _SIDE + 1, 1))[:, :, 0].astype(np.int16)
    bits = (grey[:, :-1] > grey[:, 1:]).ravel()
    return int(np.packbits(bits).view(">u8")[0])


def group_near_duplicates(hashes: Sequence[int]) -> NDArray[np.int64]:
    """Return the group (n,) of each picture: the place of the first picture that it is a near-duplicate of.

    Two pictures that differ in at most two bits share at least one of three parts of their hashes, so only pictures that
    share a part are compared. Near-duplicates of near-duplicates are of one group.

    Args:
        hashes: Perceptual hashes (n,).
    """
    values: Hashes = np.array(hashes, dtype=np.uint64)
    parents = np.arange(len(values))
    width = -(-_BITS // _BANDS)
    for band in range(_BANDS):
        part = (values >> np.uint64(band * width)) & np.uint64(2**width - 1)
        order = np.argsort(part, kind="stable")
        cuts = np.flatnonzero(np.diff(part[order])) + 1
        for members in np.split(order, cuts):
            if len(members) > 1:
                _join(values, members, parents)
    return np.array([_root(parents, place) for place in range(len(values))])


def _join(values: Hashes, members: NDArray[np.int64], parents: NDArray[np.int64]) -> None:
    for place, first in enumerate(members[:-1]):
        others = members[place + 1 :]
        near = others[np.bitwise_count(values[others] ^ values[first]) <= MOST_DIFFERENT]
        for other in near:
            one, two = sorted((_root(parents, int(first)), _root(parents, int(other))))
            parents[two] = one


def _root(parents: NDArray[np.int64], place: int) -> int:
    while parents[place] != place:
        parents[place] = parents[parents[place]]
        place = int(parents[place])
    return place
