"""Near-duplicates: the same picture in another file, and not only a similar one."""

import io

import numpy as np
from PIL import Image, ImageEnhance

from headrace.core.pictures.near_duplicates import group_near_duplicates, look_at
from headrace.core.pictures.picture_codec import to_text


def picture(seed: int) -> Image.Image:
    """A picture of soft spots."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    return coarse.resize((64, 48), Image.Resampling.BICUBIC)


def text(image: Image.Image, kind: str = "PNG", **options: int) -> str:
    """A picture as text."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return to_text(buffer.getvalue())


def test_same_picture_resized_stored_again_or_brighter_is_one_group() -> None:
    """And sixty other pictures are each alone."""
    first = picture(0)
    copies = [
        text(first),
        text(first, "JPEG", quality=70),
        text(first.resize((96, 72), Image.Resampling.BILINEAR)),
        text(ImageEnhance.Brightness(first).enhance(1.03)),
    ]
    others = [text(picture(seed)) for seed in range(1, 61)]
    groups = group_near_duplicates([look_at(one) for one in [*others[:30], *copies, *others[30:]]])
    assert groups[30:34].tolist() == [30] * 4
    rest = [*groups[:30].tolist(), *groups[34:].tolist()]
    assert rest == [*range(30), *range(34, 64)]


def test_no_pictures_have_no_groups() -> None:
    """A table may hold broken ones only."""
    assert group_near_duplicates([]).tolist() == []
