"""A sample of a metric."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class MetricSample:
    """A sample of a server's metrics.

    Attributes:
        name: Name of the series.
        labels: Its labels.
        value: Its value.
    """

    name: str
    labels: Mapping[str, str]
    value: float
