"""Pictures as texts: decoded within limits, and the same pixels however they come."""

import base64
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from headrace.core.base.errors import DataError
from headrace.core.pictures import picture_codec
from headrace.core.pictures.picture_codec import PictureSize, normalize, read_pixels, to_text


def text_of(values: Any, kind: str = "PNG", **options: Any) -> str:
    """A picture of an array, as text."""
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(values)).save(buffer, kind, **options)
    return to_text(buffer.getvalue())


def ramp(height: int, width: int) -> Any:
    """A grey picture that grows brighter to the right."""
    return np.tile(np.linspace(0, 255, width).astype(np.uint8), (height, 1))


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3, 4]))))
@settings(max_examples=40, deadline=None)
def test_pixels_survive_the_text(pixels: Any) -> None:
    """Encoded, normalized and read again they are the same; and what is normalized stays as it is."""
    size = PictureSize(*pixels.shape)
    text = picture_codec.encode_pixels(pixels)
    assert np.array_equal(read_pixels(text, size), pixels)
    assert normalize(text, size) == text


def test_another_size_is_resized_the_same_way_on_both_paths() -> None:
    """The server reads a request's pixels at once, the table's from its PNG: they must not differ."""
    size = PictureSize(8, 8, 3)
    for text in (text_of(ramp(40, 60)), text_of(ramp(40, 60), "JPEG"), text_of(ramp(5, 3))):
        assert np.array_equal(read_pixels(text, size), read_pixels(normalize(text, size), size))


def test_grey_pictures_have_one_channel() -> None:
    """Also where the file has three equal ones."""
    grey = ramp(4, 6)
    assert picture_codec.read_size(base64.b64decode(text_of(grey))) == PictureSize(4, 6, 1)
    assert picture_codec.read_size(base64.b64decode(text_of(np.stack([grey] * 3, axis=2)))) == PictureSize(4, 6, 1)
    coloured = np.stack([grey, grey, 255 - grey], axis=2)
    assert picture_codec.read_size(base64.b64decode(text_of(coloured))) == PictureSize(4, 6, 3)


def test_sixteen_bits_are_scaled_not_cut() -> None:
    """Pillow 13.0.0 (seen by running it) turns I;16 into L by cutting at 255, so that nearly all would be white."""
    values = np.linspace(0, 65535, 16).astype(np.uint16).reshape(4, 4)
    pixels = read_pixels(text_of(values), PictureSize(4, 4, 1))[..., 0]
    assert np.array_equal(pixels, values >> 8)


def test_place_and_comments_of_a_picture_are_left_out() -> None:
    """EXIF may say where a picture was taken: the typed table and the bundle must not hold it."""
    exif = Image.Exif()
    exif[0x010E] = "12 Home Street"
    buffer = io.BytesIO()
    Image.fromarray(ramp(4, 4)).save(buffer, "PNG", exif=exif)
    text = to_text(buffer.getvalue())
    assert b"Home Street" in base64.b64decode(text)
    assert b"Home Street" not in base64.b64decode(normalize(text, PictureSize(4, 4, 1)))


def test_picture_is_turned_as_its_camera_says() -> None:
    """Orientation 6 of EXIF: the first row is the right-hand side."""
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.fromarray(ramp(2, 6)).save(buffer, "PNG", exif=exif)
    assert picture_codec.read_size(buffer.getvalue()) == PictureSize(6, 2, 1)


def bomb(width: int, height: int) -> bytes:
    """A PNG of few bytes that says it has many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (bomb(60_000, 60_000), "at most 16,777,216 pixels"),
        (bomb(5_000, 5_000), "at most 16,777,216 pixels"),
        (bomb(100, 100), "a whole PNG or JPEG"),
        (base64.b64decode(text_of(ramp(30, 30)))[:-30], "a whole PNG or JPEG"),
        (b"GIF89a" + b"\0" * 100, "a whole PNG or JPEG"),
        (b"", "a whole PNG or JPEG"),
    ],
)
def test_broken_and_huge_pictures_are_refused(content: bytes, reason: str) -> None:
    """Before they are unpacked, where they are huge."""
    with pytest.raises(DataError, match=reason):
        read_pixels(to_text(content), PictureSize(8, 8, 1))


def test_text_that_is_no_base64_is_refused() -> None:
    """It is refused before anything is decoded."""
    with pytest.raises(DataError, match="not base64"):
        read_pixels("iVBORw0KGgo=?", PictureSize(8, 8, 1))


def test_numbers_become_pixels_only_within_their_range() -> None:
    """NaN, negative numbers and numbers above 255 are none."""
    assert np.array_equal(picture_codec.to_pixels(np.array([0.4, 254.6, 255.0])), [0, 255, 255])
    assert np.array_equal(picture_codec.to_pixels(np.array([0.0, 1.0])), [0, 1])
    for wrong in ([-0.1], [255.1], [float("nan")], [0.0, 0.5, 1.0]):  # the last one was scaled to 0 to 1
        assert picture_codec.to_pixels(np.array(wrong)) is None
