"""Public holidays of a country, by the library ``holidays`` (https://holidays.readthedocs.io)."""

import functools
import warnings
from datetime import date

import holidays

FIRST_YEAR, LAST_YEAR = 1970, 2070


def is_country(code: str) -> bool:
    """Check whether the library has the holidays of the country with this ISO 3166 code."""
    return code in holidays.list_supported_countries(include_aliases=True)


@functools.lru_cache(maxsize=32)
def public_holidays(country: str, *, first_year: int = FIRST_YEAR, last_year: int = LAST_YEAR) -> tuple[date, ...]:
    """Return the public holidays of a country.

    Args:
        country: ISO 3166 code.
        first_year: First year, included.
        last_year: Last year, included.

    Returns:
        The days, ascending; years that the library does not cover have no days.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns about years that it does not cover
        days = holidays.country_holidays(country, years=range(first_year, last_year + 1))
    return tuple(sorted(days))
