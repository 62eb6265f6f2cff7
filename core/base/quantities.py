"""Counts with their nouns, as sentences need them."""


def describe_count(count: float, noun: str, *verbs: str) -> str:
    """Return a count with its noun in the right number, such as ``1 row``, ``0 rows`` or ``1,250 rows are``.

    Args:
        count: How many; a whole number is written without decimals, another one with one.
        noun: The noun in the singular, whose plural ends in ``s``; its last word is what is counted.
        *verbs: The verb that follows, for one and for several, such as ``is`` and ``are``; none for no verb.
    """
    number = f"{count:,.0f}" if float(count).is_integer() else f"{count:,.1f}"
    single = number == "1"
    counted = f"{number} {noun}" if single else f"{number} {noun}s"
    return " ".join((counted, verbs[0 if single else 1])) if verbs else counted
