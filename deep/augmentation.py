"""Changes of pictures at random, as the contract declares them, while a network is fitted."""

from collections.abc import Callable
from typing import Any

import numpy as np

from headrace.core.models.networks.network_request import NetworkRequest
from headrace.deep.network import Singles

_LARGEST = 255.0
_ANGLE = np.pi / 18
_SHIFT = 8
"""A picture is shifted by at most this part of its side."""


def augment_pictures(request: NetworkRequest, rows: Singles, random: np.random.Generator) -> Singles:
    """Change the pictures of a batch.

    Args:
        request: The fit; its first input is the picture.
        rows: Rows (b, p) of the model matrix, pixels of 0 to 255.
        random: Source of chance.

    Returns:
        Rows (b, p).
    """
    facts = request.inputs[0].facts
    pictures = rows.reshape(-1, facts["height"], facts["width"], facts["channels"])
    for kind in facts["augment"]:
        pictures = CHANGES[kind](pictures, random)
    return np.ascontiguousarray(pictures.reshape(rows.shape), dtype=np.float32)


def _flip(pictures: Singles, random: np.random.Generator) -> Singles:
    chosen = random.random(len(pictures)) < 0.5
    changed: Singles = np.where(chosen[:, None, None, None], pictures[:, :, ::-1], pictures)
    return changed


def _flip_vertical(pictures: Singles, random: np.random.Generator) -> Singles:
    chosen = random.random(len(pictures)) < 0.5
    changed: Singles = np.where(chosen[:, None, None, None], pictures[:, ::-1], pictures)
    return changed


def _shift(pictures: Singles, random: np.random.Generator) -> Singles:
    """Shift each picture by up to an eighth of its sides; the pixels of its border fill what becomes free."""
    count, height, width, _ = pictures.shape
    down, right = (_places(count, side, random) for side in (height, width))
    changed: Singles = pictures[np.arange(count)[:, None, None], down[:, :, None], right[:, None, :]]
    return changed


def _places(count: int, side: int, random: np.random.Generator) -> Any:
    most = max(1, side // _SHIFT)
    return np.clip(np.arange(side) + random.integers(-most, most + 1, (count, 1)), 0, side - 1)


def _rotate(pictures: Singles, random: np.random.Generator) -> Singles:
    """Turn each picture by up to 10 degrees, and scale it by up to a tenth, about its middle."""
    count, height, width, _ = pictures.shape
    angles, scales = random.uniform(-_ANGLE, _ANGLE, count), random.uniform(0.9, 1.1, count)
    down, right = np.mgrid[:height, :width] - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
    cosine, sine = ((function(angles) / scales)[:, None, None] for function in (np.cos, np.sin))
    return _sample(
        pictures, cosine * down - sine * right + (height - 1) / 2, sine * down + cosine * right + (width - 1) / 2
    )


def _sample(pictures: Singles, down: Any, right: Any) -> Singles:
    """Return the values of pictures (b, h, w, c) at places (b, h, w) between pixels; beyond the border, those of it."""
    _, height, width, _ = pictures.shape
    down, right = np.clip(down, 0, height - 1), np.clip(right, 0, width - 1)
    top, left = np.floor(down).astype(np.int64), np.floor(right).astype(np.int64)
    below, beside = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    low, near = (down - top)[..., None], (right - left)[..., None]
    rows = np.arange(len(pictures))[:, None, None]
    upper = pictures[rows, top, left] * (1 - near) + pictures[rows, top, beside] * near
    lower = pictures[rows, below, left] * (1 - near) + pictures[rows, below, beside] * near
    sampled: Singles = (upper * (1 - low) + lower * low).astype(np.float32)
    return sampled


def _brightness(pictures: Singles, random: np.random.Generator) -> Singles:
    amounts = random.uniform(-0.1, 0.1, (len(pictures), 1, 1, 1)) * _LARGEST
    changed: Singles = np.clip(pictures + amounts, 0.0, _LARGEST)
    return changed


def _contrast(pictures: Singles, random: np.random.Generator) -> Singles:
    means = pictures.mean(axis=(1, 2, 3), keepdims=True)
    changed: Singles = np.clip(means + (pictures - means) * random.uniform(0.8, 1.25, means.shape), 0.0, _LARGEST)
    return changed


def _noise(pictures: Singles, random: np.random.Generator) -> Singles:
    changed: Singles = np.clip(pictures + random.normal(0.0, 0.02 * _LARGEST, pictures.shape), 0.0, _LARGEST)
    return changed


CHANGES: dict[str, Callable[[Singles, np.random.Generator], Singles]] = {
    "shift": _shift,
    "rotate": _rotate,
    "flip": _flip,
    "flip_vertical": _flip_vertical,
    "brightness": _brightness,
    "contrast": _contrast,
    "noise": _noise,
}
"""Changes by the name that a contract has for them."""
