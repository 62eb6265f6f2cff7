"""Near-duplicates of pictures: the same picture, resized, stored again or made a little brighter.

Candidates have nearly the same perceptual hash; of these, near-duplicates look nearly the same as small grey pictures.

Source: the difference hash (dHash), https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.core.pictures.picture_codec import PictureSize, read_pixels

_SIDE = 8
_BITS = 64
_SMALL = 16
_MARGIN = 6.0
MOST_BITS = 2
"""Near-duplicates differ in at most this many of the 64 bits of their hashes."""
MOST_DIFFERENCE = 4.0
"""Their grey values, of 0 to 255, differ by at most this on average, apart from the brightness of the whole."""
_BANDS = MOST_BITS + 1
_MOST_COMPARED = 2_000

Places = NDArray[np.int64]


@dataclass(frozen=True)
class PictureLook:
    """What is compared of a picture.

    Attributes:
        hash: For 8 by 8 places, whether the left neighbour, of the first one the last, is brighter: 64 bits.
        small: The picture in 16 by 16 grey values (256,), less their mean.
    """

    hash: int
    small: NDArray[np.float32]


def look_at(text: str) -> PictureLook:
    """Return what is compared of the picture of a text.

    Raises:
        DataError: If the text is no picture.
    """
    small = read_pixels(text, PictureSize(_SMALL, _SMALL, 1))[:, :, 0].astype(np.float32)
    blocks = small.reshape(_SIDE, _SMALL // _SIDE, _SIDE, _SMALL // _SIDE).mean(axis=(1, 3))
    # The margin keeps the noise of a JPEG in a plain area from deciding.
    bits = np.roll(blocks, 1, axis=1) - blocks > _MARGIN
    return PictureLook(int(np.packbits(bits).view(">u8")[0]), (small - small.mean()).ravel())


def group_near_duplicates(looks: Sequence[PictureLook]) -> Places:
    """Return the group (n,) of each picture: the place of the first picture of its group.

    Two hashes that differ in at most two bits are equal in at least one of three parts, so only pictures that share a
    part are compared, each with at most the 2,000 that follow it. Near-duplicates of near-duplicates are of one group.

    Args:
        looks: What is compared of the pictures (n).
    """
    hashes = np.array([look.hash for look in looks], dtype=np.uint64)
    parents = np.arange(len(looks))
    width = -(-_BITS // _BANDS)
    for band in range(_BANDS):
        part = (hashes >> np.uint64(band * width)) & np.uint64(2**width - 1)
        order = np.argsort(part, kind="stable")
        cuts = np.flatnonzero(np.diff(part[order])) + 1
        for members in np.split(order, cuts):
            for place in range(len(members) - 1):
                others = members[place + 1 : place + 1 + _MOST_COMPARED]
                _join(parents, int(members[place]), _near(looks, hashes, int(members[place]), others))
    return np.array([_root(parents, place) for place in range(len(looks))], dtype=np.int64)


def _near(looks: Sequence[PictureLook], hashes: NDArray[np.uint64], first: int, others: Places) -> list[int]:
    candidates = others[np.bitwise_count(hashes[others] ^ hashes[first]) <= MOST_BITS].tolist()
    own = looks[first].small
    return [other for other in candidates if float(np.abs(looks[other].small - own).mean()) <= MOST_DIFFERENCE]


def _join(parents: Places, first: int, others: Sequence[int]) -> None:
    for other in others:
        one, two = sorted((_root(parents, first), _root(parents, other)))
        parents[two] = one


def _root(parents: Places, place: int) -> int:
    while parents[place] != place:
        parents[place] = parents[parents[place]]
        place = int(parents[place])
    return place
