"""Columns of pictures: their cast, which decodes each picture, and what a contract says of them by default."""

from collections.abc import Iterator, Sequence
from statistics import median_low
from typing import TYPE_CHECKING

from headrace.core.base.errors import DataError
from headrace.core.contracts.columns import Column
from headrace.core.pictures.picture_codec import PictureSize, decode_text, is_picture_text, normalize, read_size

if TYPE_CHECKING:
    import polars as pl

LONGEST_SIDE = 64
"""Longer side, in pixels, of the pictures of a contract that is inferred; a person may raise it."""
_SAMPLED = 50
_LEAST_SHARE = 0.8  # the rows of the others are quarantined


def picture_size(column: Column) -> PictureSize:
    """Return the size of a column's pictures."""
    return PictureSize(column.height, column.width, column.channels)


def cast_pictures(value: "pl.Expr", raw: "pl.DataType", column: Column) -> "pl.Expr":
    """Return the pictures of a column as PNG of the contract's size, in base64; what is no picture becomes missing.

    Args:
        value: The raw column: files in base64.
        raw: Its dtype.
        column: The contract's column.
    """
    import polars as pl  # noqa: PLC0415 - a server needs the size of pictures, and must start without Polars

    if raw != pl.String:
        return pl.repeat(None, pl.len(), dtype=pl.String).alias(column.name)
    size = picture_size(column)

    def read(texts: pl.Series) -> pl.Series:
        return pl.Series(texts.name, [_or_missing(text, size) for text in texts], dtype=pl.String)

    return value.map_batches(read, return_dtype=pl.String, is_elementwise=True).alias(column.name)


def _or_missing(text: str | None, size: PictureSize) -> str | None:
    try:
        return None if text is None else normalize(text, size)
    except DataError:
        return None


def guess_picture(name: str, texts: Sequence[str]) -> Column | None:
    """Return the contract's column of pictures; None unless most texts begin as pictures do.

    Their size is the median of the first ones, but the longer side is at most 64 pixels.

    Args:
        name: Name of the column.
        texts: Some of its texts.
    """
    if sum(map(is_picture_text, texts)) <= _LEAST_SHARE * len(texts):
        return None
    sizes = list(_sizes(texts[:_SAMPLED]))
    if not sizes:
        return None
    height, width = (median_low(side) for side in zip(*((size.height, size.width) for size in sizes), strict=True))
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    own = f"Its pictures are resized from {height} by {width} pixels; raise height and width for more detail."
    return Column(
        name,
        "picture",
        "feature",
        own if scale < 1 else "",
        missing=0,
        height=max(1, round(height * scale)),
        width=max(1, round(width * scale)),
        channels=max(size.channels for size in sizes),
        augment=("shift", "rotate"),
    )


def _sizes(texts: Sequence[str]) -> Iterator[PictureSize]:
    for text in texts:
        try:
            yield read_size(decode_text(text))
        except DataError:  # its row is quarantined
            continue
