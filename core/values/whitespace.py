"""Removes blanks around texts, which have no meaning in any source."""

import polars as pl

BLANKS = " \t"
_FEW = 100


def trim_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows without spaces and tabs around their texts, as a CSV is read.

    Args:
        frame: Rows (n) of any types; only columns of texts that have such blanks are copied.
    """
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    if not texts or not frame.height:
        return frame
    if frame.height <= _FEW:  # a request: faster without the engine
        values = frame.select(texts).rows()
        if all(text is None or text == text.strip(BLANKS) for row in values for text in row):
            return frame
    padded = frame.select(_is_padded(pl.col(name)).any().alias(name) for name in texts).row(0)
    padded_names = [name for name, is_padded in zip(texts, padded, strict=True) if is_padded]
    return frame.with_columns(pl.col(padded_names).str.strip_chars(BLANKS)) if padded_names else frame


def _is_padded(text: pl.Expr) -> pl.Expr:
    ends = [text.str.starts_with(blank) | text.str.ends_with(blank) for blank in BLANKS]
    return pl.any_horizontal(ends)
