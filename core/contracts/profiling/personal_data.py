"""Guesses personal data from a column's name and from its first values."""

import re
from collections.abc import Sequence

_NAMES = (
    (r"e-?mail", "e-mail addresses"),
    (r"(tele)?phone(_?(number|no))?|mobile(_?(number|no))?|cell_?phone|msisdn", "telephone numbers"),
    (r"(first|last|middle|full|given|family|maiden|sur|customer|patient|person|employee|holder)_?name|surname",
     "names of persons"),
    (r"ssn|social_?security(_?(number|no))?|national_?id|tax_?id|passport(_?(number|no))?", "identity numbers"),
    (r"iban|(bank_?)?account_?(number|no)|(credit_?)?card_?(number|no)|pan", "account or card numbers"),
    (r"(street|home|postal|mailing|billing|shipping)?_?address(_?(1|2|line_?\d))?|street", "addresses"),
    (r"ip(_?addr(ess)?)?|mac_?address", "network addresses"),
    (r"birth_?(date|day)|date_?of_?birth|dob", "dates of birth"),
)  # fmt: skip
_VALUES = (
    (r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}", "e-mail addresses"),
    (r"\d{3}-\d{2}-\d{4}", "social security numbers"),
    (r"[A-Z]{2}\d{2}[ ]?([A-Z0-9]{4}[ ]?){2,7}[A-Z0-9]{1,4}", "account numbers (IBAN)"),
    (r"\+\d[\d ()./-]{7,18}\d|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}", "telephone numbers"),
    (r"(\d{1,3}\.){3}\d{1,3}", "network addresses"),
)
_CARD = re.compile(r"\d{4}([ -]?)\d{4}\1\d{4}\1\d{1,7}")
_SHARE = 0.5
_SHORTEST = 7


def guess(name: str, values: Sequence[str]) -> str:
    """Return which personal data a column seems to hold.

    Args:
        name: Name of the column.
        values: Some of its values, as text.

    Returns:
        What they seem to be, in the plural; empty if not personal.
    """
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|[\s.-]+", "_", name).lower()
    for pattern, what in _NAMES:
        if re.fullmatch(pattern, plain):
            return what
    present = [value for value in values if value]
    if len(present) < 3 or max(len(value) for value in present) < _SHORTEST:
        return ""
    for pattern, what in _VALUES:
        if sum(re.fullmatch(pattern, value) is not None for value in present) > _SHARE * len(present):
            return what
    if sum(_is_card(value) for value in present) > _SHARE * len(present):
        return "card numbers"
    return ""


def _is_card(value: str) -> bool:
    """Check whether a text is a card number with a valid check digit (Luhn, ISO/IEC 7812-1)."""
    if not _CARD.fullmatch(value):
        return False
    digits = [int(character) for character in value if character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0
