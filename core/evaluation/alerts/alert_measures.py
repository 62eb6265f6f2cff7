"""What an anomaly model's alerts are worth, as a part of the evaluation's document."""

from dataclasses import dataclass

from headrace.core.statistics.measures import Interval


@dataclass(frozen=True)
class AlertMeasures:
    """The threshold of an anomaly model by its budget of alerts, and the alerts among the measured rows.

    Attributes:
        budget: The budget in words.
        share: Share of rows that may be alerts.
        threshold: The lowest anomaly score that is an alert, with the interval of its choice.
        chosen_on: The rows on which it was chosen, in words.
        chosen_on_rows: Their number.
        rows: Number of measured rows.
        alerts: Number of alerts among them.
        k: Number of measured rows with the highest scores that the budget allows, for precision and recall at k.
        labelled: Number of measured rows with a label; the metrics of labels rest on these alone.
        anomalies: Number of labelled rows that are anomalies.
        labels: The same as a sentence.
        per_day: Alerts per day with their interval; absent without a time column.
    """

    budget: str
    share: float
    threshold: Interval
    chosen_on: str
    chosen_on_rows: int
    rows: int
    alerts: int
    k: int
    labelled: int
    anomalies: int
    labels: str
    per_day: Interval | None = None

    @property
    def sentences(self) -> str:
        """Threshold, budget, alerts and labels in words."""
        threshold, day = self.threshold, self.per_day
        daily = f", {day.value:.3g} a day ({day.low:.3g} to {day.high:.3g})" if day else ""
        return (
            f"A row is an alert from an anomaly score of {threshold.value:.4g} on (95 % interval "
            f"{threshold.low:.4g} to {threshold.high:.4g}), chosen for {self.budget} on {self.chosen_on} "
            f"({self.chosen_on_rows:,}). {self.alerts:,} of the {self.rows:,} measured rows are alerts{daily}. "
            f"{self.labels}"
        )
