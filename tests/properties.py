"""How properties are searched: the same examples every time, or others each time (``make test-random``)."""

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

_EXAMPLES = 100
# So many times more examples are tried by a search at random.
_LONGER = 20


def register() -> None:
    """Register both ways, and take the first: examples, time and place of a run have no part in what is tried.

    No database of examples is kept, for what was found elsewhere or earlier would be tried too, and no test fails for
    being slow. Hypothesis also draws the constants that stand in the modules which happen to be imported; left to a
    search at random, for else what is tried would depend on what was tested before.
    """
    unhurried = settings(database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
    settings.register_profile("default", unhurried, max_examples=_EXAMPLES, derandomize=True)
    settings.register_profile("random", unhurried, max_examples=_LONGER * _EXAMPLES, derandomize=False)
    settings.load_profile("default")
    found = providers._get_local_constants
    nothing = providers.Constants()
    providers._get_local_constants = lambda: nothing if settings.default.derandomize else found()


def examples(number: int) -> settings:
    """So many examples of a property instead of the usual hundred; a search at random tries as many times more."""
    return settings(max_examples=number * settings.default.max_examples // _EXAMPLES)
