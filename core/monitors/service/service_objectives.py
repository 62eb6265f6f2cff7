"""Objectives of a service, their error budgets, and how fast these are used up.

The error budget of an objective is the share of requests that may be bad: 0.1 % for a target of 99.9 %. The burn rate
is the share of bad requests divided by the budget: at 1 the budget lasts exactly one period. An alert needs a high burn
rate over a long window, so that enough of the budget is gone, and over a short one, so that it still goes on.

Source: Beyer, Murphy, Rensin, Kawahara, Thorne (eds.), The Site Reliability Workbook (2018), chapter 5, "Multiwindow,
Multi-Burn-Rate Alerts" and "Low-Traffic Services and Error Budget Alerting".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from headrace.core.base.errors import InputError, quote
from headrace.core.base.quantities import describe_count

ObjectiveKind = Literal["availability", "latency"]
AlertSeverity = Literal["critical", "warning"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_DAY = 86_400


@dataclass(frozen=True)
class ServiceObjective:
    """What share of requests must be good over a period.

    Attributes:
        name: Its name, in lower case with underscores: a label of metrics.
        kind: ``availability``: a request is good if the server does not answer it by an error of its own (a status of
            500 or more); ``latency``: if it is answered within ``threshold_seconds``.
        target: Least share of good requests, between 0 and 1.
        threshold_seconds: Longest time of a good request, an upper edge of the server's histogram; 0 for availability.
        period_days: Length of the period, which ends now.
        least_bad: Bad requests in a long window below which no burn rate is violated: of three requests in an hour one
            error is no news.
    """

    name: str
    kind: ObjectiveKind
    target: float
    threshold_seconds: float = 0.0
    period_days: int = 30
    least_bad: int = 5

    def __post_init__(self) -> None:
        """Raise if it can never be kept or never be violated.

        Raises:
            InputError: If so.
        """
        if not _NAME.fullmatch(self.name):
            raise InputError(
                f"the name of an objective must be lower-case letters, digits and underscores; got {quote(self.name)}."
            )
        if self.kind not in get_args(ObjectiveKind):
            raise InputError(f"objective {self.name} must be of availability or latency; got {quote(self.kind)}.")
        if not 0 < self.target < 1:
            raise InputError(
                f"the target of objective {self.name} must lie between 0 and 1, such as 0.999; got {self.target}: at 1 "
                "one bad request would use up the whole budget."
            )
        if (self.kind == "latency") != (self.threshold_seconds > 0):
            raise InputError(
                f"objective {self.name} must have a threshold in seconds if, and only if, it is of latency; got "
                f"{self.threshold_seconds}."
            )
        if not 1 <= self.period_days <= 366 or self.least_bad < 1:
            raise InputError(
                f"objective {self.name} must have a period of 1 to 366 days and count at least 1 bad request; got "
                f"{self.period_days} days and {self.least_bad}."
            )

    @property
    def budget(self) -> float:
        """Share of requests that may be bad."""
        return 1.0 - self.target

    @property
    def period_seconds(self) -> int:
        """Length of the period."""
        return self.period_days * _DAY


@dataclass(frozen=True)
class BurnRateWindow:
    """Two windows over which the burn rate must be high.

    Attributes:
        long_seconds: The longer window.
        short_seconds: The shorter one, a twelfth of it.
        budget_share: Share of the budget that is gone when a constant burn rate has been as high for the longer window.
        severity: ``critical`` if a person must act now, ``warning`` if within days.
    """

    long_seconds: int
    short_seconds: int
    budget_share: float
    severity: AlertSeverity

    def burn_rate(self, objective: ServiceObjective) -> float:
        """Return the burn rate beyond which an objective is violated: 14.4, 6 and 1 for a period of 30 days."""
        return self.budget_share * objective.period_seconds / self.long_seconds


BURN_RATE_WINDOWS = (
    BurnRateWindow(3_600, 300, 0.02, "critical"),
    BurnRateWindow(6 * 3_600, 1_800, 0.05, "critical"),
    BurnRateWindow(3 * _DAY, 6 * 3_600, 0.10, "warning"),
)

DEFAULT_OBJECTIVES = (
    ServiceObjective("availability", "availability", 0.999),
    ServiceObjective("latency", "latency", 0.99, threshold_seconds=0.25),
)


def parse_objective(text: str) -> ServiceObjective:
    """Read an objective such as ``name=fast,kind=latency,target=0.95,threshold_seconds=0.1``.

    Args:
        text: Attributes of ``ServiceObjective``, each with its value.

    Raises:
        InputError: If an attribute is unknown, missing or twice there, or its value is not what it must be.
    """
    readers = {
        "name": str,
        "kind": str,
        "target": float,
        "threshold_seconds": float,
        "period_days": int,
        "least_bad": int,
    }
    values: dict[str, Any] = {}
    for part in text.split(","):
        key, _, value = (piece.strip() for piece in part.partition("="))
        if key not in readers or key in values:
            raise InputError(
                f"an objective must have each of {', '.join(readers)} at most once, as KEY=VALUE; got {quote(part)}."
            )
        try:
            values[key] = readers[key](value)
        except ValueError as error:
            raise InputError(f"{key} of an objective must be a number; got {quote(value)}.") from error
    absent = [key for key in ("name", "kind", "target") if key not in values]
    if absent:
        raise InputError(
            f"an objective must have name, kind and target; {', '.join(absent)} of {quote(text)} is missing."
        )
    return ServiceObjective(**values)


def check_names(objectives: Iterable[ServiceObjective]) -> None:
    """Raise if two objectives have one name, which is a label of their series.

    Raises:
        InputError: If so.
    """
    names = [objective.name for objective in objectives]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"objectives must have different names; {', '.join(twice)} is there more than once.")


@dataclass(frozen=True)
class RequestTotals:
    """Requests of a span of time.

    Attributes:
        requests: All requests that were answered.
        bad: Those that an objective does not count as good.
    """

    requests: float
    bad: float


def select_windows(objective: ServiceObjective) -> tuple[BurnRateWindow, ...]:
    """Return the windows whose burn rate an objective can reach: at most, all requests are bad.

    Args:
        objective: The objective. A target of 90 % never burns faster than 10, so that it never reaches 14.4. The
            longer window must also be shorter than the period.
    """
    return tuple(
        window
        for window in BURN_RATE_WINDOWS
        if window.burn_rate(objective) * objective.budget < 1.0 and window.long_seconds < objective.period_seconds
    )


def explain_omitted_windows(objectives: Iterable[ServiceObjective]) -> tuple[str, ...]:
    """Return a sentence for each objective some of whose alerts could never fire, and are therefore left out."""
    return tuple(
        f"Objective {objective.name} (target {objective.target:g} over {describe_count(objective.period_days, 'day')}) "
        f"has no alert over {' and '.join(f'{window.long_seconds / 3_600:g} h' for window in omitted)}: it could "
        "never fire."
        for objective in objectives
        if (omitted := [window for window in BURN_RATE_WINDOWS if window not in select_windows(objective)])
    )


def compute_burn_rate(totals: RequestTotals, objective: ServiceObjective) -> float:
    """Return the burn rate over some requests; 0 without requests, which use up nothing."""
    return totals.bad / totals.requests / objective.budget if totals.requests > 0 else 0.0


def compute_budget_left(totals: RequestTotals, objective: ServiceObjective) -> float:
    """Return the share of the error budget that is left: 1 at first, 0 or less when it is used up.

    Args:
        totals: Requests since the period's beginning.
        objective: The objective.
    """
    return 1.0 - compute_burn_rate(totals, objective)


def is_burning(
    window: BurnRateWindow, objective: ServiceObjective, *, long: RequestTotals, short: RequestTotals
) -> bool:
    """Return whether the budget is used up faster than a window allows.

    Args:
        window: The window.
        objective: The objective.
        long: Requests of its longer window.
        short: Requests of its shorter window.
    """
    limit = window.burn_rate(objective)
    return (
        long.bad >= objective.least_bad
        and compute_burn_rate(long, objective) > limit
        and compute_burn_rate(short, objective) > limit
    )
