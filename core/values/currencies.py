"""Signs and codes of currencies, as written with numbers."""

import unicodedata

# ISO 4217, the codes in circulation.
_CODES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHF CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD "
    "HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL "
    "LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR "
    "PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP "
    "TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG "
)
# Common notations, in lower case.
_SIGNS = frozenset({"kr", "kr.", "zł", "kč", "ft", "fr", "fr.", "sfr", "sfr.", "rs", "rs.", "lei", "лв"})
_LETTERS = frozenset({"r", "us", "a", "au", "c", "ca", "hk", "nz", "s", "sg", "nt", "mx", "cn"})


def is_currency(text: str) -> bool:
    """Check whether a text is the sign or the code of a currency: ``$``, ``US$``, ``EUR``, ``kr``.

    Args:
        text: The text, without surrounding blanks.
    """
    if (len(text) == 3 and f"{text.upper()} " in _CODES) or text.lower() in _SIGNS:
        return True
    if not text or unicodedata.category(text[-1]) != "Sc":
        return False
    return len(text) == 1 or text[:-1].lower() in _LETTERS
