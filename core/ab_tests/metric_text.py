"""Metrics of a test as a person writes them: ``converted,rate=0.10,effect=0.01``."""

import csv
import math
from typing import NamedTuple

from headrace.core.ab_tests.plan import PlannedMetric, Role
from headrace.core.base.errors import InputError, quote

EXAMPLES = {"primary": "converted,rate=0.10,effect=0.01", "guard": "latency_ms,mean=80,sd=60,margin=4,better=lower"}
_NUMBERS = ("rate", "mean", "sd", "effect", "margin", "correlation")
_TEXTS = ("better", "per", "covariate")


class MetricDescription(NamedTuple):
    """A metric as it was written.

    Attributes:
        metric: The metric; an effect that was not written is 1.
        has_effect: Whether its effect was written; always of a guard, which has none.
        has_margin: Whether its margin was.
    """

    metric: PlannedMetric
    has_effect: bool
    has_margin: bool


def parse_metric(text: str, *, role: Role) -> MetricDescription:
    """Read a metric: the name of its column, and facts such as ``rate=0.1``, separated by commas.

    Args:
        text: A share has its ``rate`` under the baseline, a mean its ``mean`` and ``sd``. A primary metric has the
            smallest ``effect`` worth finding and may have a ``margin``, a guard has a ``margin``. Optional are
            ``better`` (higher or lower), ``per`` (row, key or a column), and ``covariate`` with its ``correlation``.
            A part with a comma stands in double quotes.
        role: The metric's role.

    Raises:
        InputError: If the text is not of that form.
    """
    name, *rest = next(csv.reader([text], skipinitialspace=True), [""])
    facts: dict[str, str] = {}
    for part in rest:
        fact, equals, value = (side.strip() for side in part.partition("="))
        if not equals or fact not in {*_NUMBERS, *_TEXTS} or fact in facts:
            raise InputError(
                f"a metric must be NAME,FACT=VALUE,... with each fact once, of {', '.join((*_NUMBERS, *_TEXTS))}, such "
                f"as {EXAMPLES[role]}; got {quote(part)} in {quote(text)}."
            )
        facts[fact] = value
    numbers = {fact: _number(fact, facts[fact], text) for fact in _NUMBERS if fact in facts}
    if ("rate" in numbers) == ("mean" in numbers) or ("sd" in numbers) != ("mean" in numbers):
        raise InputError(
            f"metric {quote(name)} must have either its rate, or its mean and sd, such as {EXAMPLES[role]}; got "
            f"{quote(text)}."
        )
    better = facts.get("better", "higher")
    if better not in {"higher", "lower"}:
        raise InputError(f"better of metric {quote(name)} must be higher or lower; got {quote(better)} instead.")
    if ("correlation" in numbers) and "covariate" not in facts:
        raise InputError(f"metric {quote(name)} must have a covariate with its correlation: name its column.")
    if role == "guard" and ("effect" in numbers or "margin" not in numbers):
        raise InputError(
            f"guard {quote(name)} must have a margin, which it may lose at most, and no effect, such as "
            f"{EXAMPLES[role]}; got {quote(text)}."
        )
    mean = numbers.get("rate", numbers.get("mean", 0.0))
    if "rate" in numbers and not 0 < mean < 1:
        raise InputError(f"the rate of metric {quote(name)} must be above 0 and below 1; got {mean:g} instead.")
    effect = None if role == "guard" else numbers.get("effect", 1.0)
    metric = PlannedMetric(
        name=name.strip(),
        role=role,
        kind="share" if "rate" in numbers else "mean",
        per=facts.get("per", "row"),
        better="higher" if better == "higher" else "lower",
        mean=mean,
        sd=numbers.get("sd", math.sqrt(mean * (1 - mean)) if "rate" in numbers else 0.0),
        margin=numbers.get("margin", effect or 0.0),
        effect=effect,
        covariate=facts.get("covariate"),
        correlation=numbers.get("correlation", 0.0),
    )
    return MetricDescription(metric, role == "guard" or "effect" in numbers, "margin" in numbers)


def _number(fact: str, value: str, text: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{fact} must be a number; got {quote(value)} in {quote(text)}.")
    return number
