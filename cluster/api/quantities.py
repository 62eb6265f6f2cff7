"""Quantities as Kubernetes writes them: ``250m``, ``1.5``, ``2Gi``."""

import re
from decimal import Decimal

from headrace.core.base.errors import InputError, quote

_FORM = re.compile(r"([+-]?[0-9]*\.?[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def number(text: object) -> Decimal:
    """Return the value of a quantity.

    Raises:
        InputError: If the text is not a quantity.
    """
    match = _FORM.fullmatch(str(text).strip())
    if not match:
        raise InputError(f"a quantity must be written as 500m, 2 or 4Gi; got {quote(text)} instead.")
    digits, unit = match[1], match[2] or ""
    if unit in _BINARY:
        return Decimal(digits) * Decimal(2) ** _BINARY[unit]
    if unit in _DECIMAL:
        return Decimal(digits).scaleb(_DECIMAL[unit])
    return Decimal(digits + unit)
