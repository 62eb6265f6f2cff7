"""Month names of the languages that tables are commonly written in, translated to English for Polars."""

import polars as pl

# The twelve months by language, each by its shortest unique prefix (Unicode CLDR 46).
_NAMES = {
    "English": "jan feb mar apr may jun jul aug sep oct nov dec",
    "German": "jän feb mär apr mai jun jul aug sep okt nov dez",
    "German, as typed": "jan feb mrz apr mai jun jul aug sep okt nov dez",
    "French": "jan fév mar avr mai juin juil aoû sep oct nov déc",
    "French, as typed": "jan fev mar avr mai juin juil aou sep oct nov dec",
    "Spanish": "ene feb mar abr may jun jul ago sep oct nov dic",
    "Portuguese": "jan fev mar abr mai jun jul ago set out nov dez",
    "Italian": "gen feb mar apr mag giu lug ago set ott nov dic",
    "Dutch": "jan feb maa apr mei jun jul aug sep okt nov dec",
    "Dutch, short": "jan feb mrt apr mei jun jul aug sep okt nov dec",
    "Swedish, Danish, Norwegian": "jan feb mar apr maj jun jul aug sep okt nov des",
    "Polish": "sty lut mar kwi maj cze lip sie wrz paź lis gru",
    "Czech": "led úno bře dub kvě červn červe srp zář říj lis pro",
    "Turkish": "oca şub mar nis may haz tem ağu eyl eki kas ara",
    "Russian": "янв фев мар апр мая июн июл авг сен окт ноя дек",
    "Russian, nominative": "янв фев мар апр май июн июл авг сен окт ноя дек",
}
_ENGLISH = _NAMES["English"].split()
ENGLISH_BY_START = {start: _ENGLISH[place] for names in _NAMES.values() for place, start in enumerate(names.split())}
_LENGTHS = sorted({len(start) for start in ENGLISH_BY_START}, reverse=True)
_WORD = r"([^\W\d_]{3,})"
_WEEKDAY = r"^[^\W\d_]{2,}\.?,?\s+(.*[0-9].*[^\W\d_]{3,}.*[0-9]{2}.*)$"
_MARKS = (
    (_WEEKDAY, "$1"),  # Freitag, 5. Januar 2024
    (r"([0-9])\s*(?:st|nd|rd|th|er|º|ª|\.)([\s,-])", "$1$2"),  # 5th, 1er, 5.
    (r"\s+(?:de|del|of)\s+", " "),  # 5 de enero de 2024
    (r"\s+(?:gmt|utc)$", ""),
)


def in_english(text: pl.Expr) -> pl.Expr:
    """Return texts of dates in lower case, their months in English.

    Weekdays before a date, dots after days and months, *de* and *of* are removed; unknown months stay.

    Args:
        text: Column of texts such as ``Freitag, 5. Januar 2024`` or ``5 de enero de 2024``.
    """
    plain = text.str.to_lowercase()
    for pattern, replacement in _MARKS:
        plain = plain.str.replace_all(pattern, replacement)
    word = plain.str.extract(_WORD)
    starts = [word.str.head(length).replace_strict(ENGLISH_BY_START, default=None) for length in _LENGTHS]
    before = plain.str.extract(rf"^(.*?){_WORD}")
    after = plain.str.extract(r"^.*?[^\W\d_]{3,}\.?(.*)$")
    return pl.when(word.is_not_null()).then(pl.concat_str(before, pl.coalesce(*starts, word), after)).otherwise(plain)
