"""Names of v1 as names of Python, by the rule of the v1 SDK, so that callers keep their keywords."""

import keyword
import re
from collections.abc import Iterable

# Names that KFP 2 refuses or that the generated file uses itself.
_TAKEN = frozenset({"dsl", "Optional", "Output", "Input"})


def pythonic_name(name: str) -> str:
    """Return a name as v1 spelled it in Python: lower case, words joined by ``_``, ``n`` before a leading digit.

    KFP 2 takes ASCII only, so other letters separate words here; v1 kept them.
    """
    words = re.sub(r"[\W_]+", " ", name.lower(), flags=re.ASCII).strip()
    return ("n" + words if words[:1].isdigit() else words).replace(" ", "_")


def unique_names(names: Iterable[str], *, taken: Iterable[str] = (), fallback: str = "value") -> dict[str, str]:
    """Return a Python name for each name; those that need no change keep theirs, others get ``_2``, ``_3`` if taken.

    Args:
        names: Different names.
        taken: Python names that are in use.
        fallback: The name of what has no letter or digit.
    """
    names = list(names)
    used = {*taken, *_TAKEN}
    found: dict[str, str] = {}
    for name in sorted(names, key=lambda name: pythonic_name(name) != name):
        base = pythonic_name(name) or fallback
        base = base + "_" if keyword.iskeyword(base) else base
        choice, number = base, 2
        while choice in used:
            choice, number = f"{base}_{number}", number + 1
        used.add(choice)
        found[name] = choice
    return {name: found[name] for name in names}
