"""What an alert is."""

from dataclasses import dataclass, field

from headrace.core.monitors.service.service_objectives import AlertSeverity


@dataclass(frozen=True)
class AlertRule:
    """An alert.

    Attributes:
        name: Its name.
        severity: ``critical`` if a person must act now, ``warning`` if within days.
        expression: Its condition, in PromQL.
        summary: What is wrong, with Prometheus' templates.
        description: What to look at.
        fires: When it fires, for people.
        resolves: When it resolves.
        labels: Further labels.
        slow: Whether it is evaluated seldom, because it looks back over a whole period.
    """

    name: str
    severity: AlertSeverity
    expression: str
    summary: str
    description: str
    fires: str
    resolves: str
    labels: dict[str, str] = field(default_factory=dict)
    slow: bool = False
