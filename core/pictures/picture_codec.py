"""A picture as a text in a table and in a request: its file, PNG or JPEG, in base64; and its pixels.

The typed table holds each picture as a PNG of the contract's size, which loses no pixel: so whatever reads the table,
the bundle's test cases or a request sees the same numbers.
"""

import base64
import binascii
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

MOST_BYTES = 16 * 2**20
MOST_PIXELS = 2**24
"""A picture of more pixels is refused before it is unpacked."""
LARGEST = 255
FORMATS = ("PNG", "JPEG")
_STARTS = {"iVBORw0KGgo": "PNG", "/9j/": "JPEG"}
_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class PictureSize:
    """Size of a picture.

    Attributes:
        height: Its height in pixels.
        width: Its width in pixels.
        channels: 1 for grey, 3 for red, green and blue, 4 with opacity.
    """

    height: int
    width: int
    channels: int

    @property
    def values(self) -> int:
        """Number of its values."""
        return self.height * self.width * self.channels


def is_picture(start: bytes) -> bool:
    """Return whether a file that begins with these bytes is a PNG or a JPEG."""
    return start.startswith(_MAGIC)


def is_picture_text(text: str) -> bool:
    """Return whether a text begins as a PNG or a JPEG in base64 does."""
    return text.startswith(tuple(_STARTS))


def to_text(content: bytes) -> str:
    """Return the text of a file."""
    return base64.b64encode(content).decode()


def open_picture(content: bytes) -> "Image.Image":
    """Decode a file within limits, turned as its EXIF says.

    Args:
        content: Bytes of the file.

    Raises:
        DataError: If it is no PNG or JPEG, is damaged or truncated, or has more bytes or pixels than the limits.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415 - most tables have no pictures

    if len(content) > MOST_BYTES:
        raise DataError(f"a picture must have at most {MOST_BYTES:,} bytes; got {len(content):,}.")
    try:
        picture: Image.Image = Image.open(io.BytesIO(content), formats=FORMATS)
        _check_pixels(*picture.size)
        picture.load()
        turned: Image.Image = ImageOps.exif_transpose(picture)
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(f"a picture must have at most {MOST_PIXELS:,} pixels; this one has far more.") from error
    # Pillow has no error of its own for a damaged file.
    except Exception as error:
        raise DataError("a picture must be a whole PNG or JPEG file; this one is not, or it is damaged.") from error
    return turned


def _check_pixels(width: int, height: int) -> None:
    if not 0 < width * height <= MOST_PIXELS:
        raise DataError(f"a picture must have at most {MOST_PIXELS:,} pixels; got {width} by {height}.")


def read_size(content: bytes) -> PictureSize:
    """Return the size of a file's picture; one channel if all its pixels are grey.

    Raises:
        DataError: As ``open_picture`` does.
    """
    picture = open_picture(content)
    pixels = np.asarray(_as_bytes(picture).convert("RGB"))
    grey = (pixels[..., :1] == pixels).all()
    return PictureSize(picture.height, picture.width, 1 if grey else 3)


def _as_bytes(picture: "Image.Image") -> "Image.Image":
    """Return a picture of 8 bits; Pillow would cut off values of 16 bits, not scale them."""
    from PIL import Image  # noqa: PLC0415 - as above

    if picture.mode.startswith("I"):
        values = np.asarray(picture).astype(np.int64)
        return Image.fromarray(np.clip(values >> 8, 0, LARGEST).astype(np.uint8))
    return picture


def _fit(content: bytes, size: PictureSize) -> "Image.Image":
    """Return a picture of a size; another size is resized, without keeping the ratio of the sides."""
    from PIL import Image  # noqa: PLC0415 - as above

    picture = _as_bytes(open_picture(content)).convert(_MODES[size.channels])
    if picture.size != (size.width, size.height):
        picture = picture.resize((size.width, size.height), Image.Resampling.BILINEAR)
    return picture


def decode_text(text: str) -> bytes:
    """Return the file of a text.

    Raises:
        DataError: If the text is not base64.
    """
    if len(text) > MOST_BYTES * 4 // 3 + 4:
        raise DataError(f"a picture must have at most {MOST_BYTES:,} bytes; the text has {len(text):,} characters.")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataError("a picture must be a PNG or JPEG file in base64; the text is not base64.") from error


def read_pixels(text: str, size: PictureSize) -> Pixels:
    """Return the pixels (h, w, c) of a text, 0 to 255, resized to a size.

    Raises:
        DataError: If the text is no picture.
    """
    pixels = np.asarray(_fit(decode_text(text), size), dtype=np.uint8)
    return pixels.reshape(size.height, size.width, size.channels)


def normalize(text: str, size: PictureSize) -> str:
    """Return the text of the same picture as a PNG of a size; unchanged if it is one already.

    Raises:
        DataError: If the text is no picture.
    """
    content = decode_text(text)
    picture = open_picture(content)
    plain = content.startswith(_MAGIC[0]) and picture.mode == _MODES[size.channels]
    if plain and picture.size == (size.width, size.height) and _is_bare(content):
        return text
    return to_text(_encode(_fit(content, size)))


def _is_bare(content: bytes) -> bool:
    """Return whether a PNG holds nothing beside the pixels, such as a place, a name or a comment."""
    place, kinds = 8, []
    while place + 8 <= len(content):
        kinds.append(content[place + 4 : place + 8])
        place += 12 + int.from_bytes(content[place : place + 4])
    return kinds[0] == b"IHDR" and kinds[-1] == b"IEND" and set(kinds[1:-1]) == {b"IDAT"} and place == len(content)


def encode_pixels(pixels: Pixels) -> str:
    """Return the text of pixels (h, w, c), as a PNG."""
    from PIL import Image  # noqa: PLC0415 - as above

    array = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    return to_text(_encode(Image.fromarray(np.ascontiguousarray(array))))


def _encode(picture: "Image.Image") -> bytes:
    buffer = io.BytesIO()
    # Metadata of a JPEG, perhaps the place where it was taken, would be written too.
    picture.info = {}
    picture.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def to_pixels(values: NDArray[Any]) -> Pixels | None:
    """Return numbers, of any shape, as pixels of the same shape, rounded; None if one is not from 0 to 255.

    Fractions of which none is above 1 are None too: they are pixels that were scaled, and would all be black.
    """
    if values.dtype.kind not in "iuf" or not values.size:
        return None
    if not (values.min() >= 0 and values.max() <= LARGEST):  # false if there is a NaN
        return None
    if values.dtype.kind != "f":
        return values.astype(np.uint8)
    rounded = np.rint(values)
    return None if values.max() <= 1 and (rounded != values).any() else rounded.astype(np.uint8)
