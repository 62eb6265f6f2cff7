"""What an evaluation measures, beside the rows and the model."""

from dataclasses import dataclass, field
from typing import get_args

from headrace.core.base.errors import InputError, quote
from headrace.core.evaluation.evaluation_document import EvaluationParameters
from headrace.core.models.anomaly.alert_budget import DEFAULT_BUDGET, AlertBudget
from headrace.core.models.decision_threshold import Costs
from headrace.core.robustness.robustness_document import Extent


@dataclass(frozen=True)
class EvaluationPlan:
    """What to measure.

    Attributes:
        slices: Columns; the metrics are computed for each of their values too.
        costs: Costs of wrong labels (binary).
        seed: Seed of the bootstrap.
        alert_budget: How many alerts may be raised (anomaly), as ``AlertBudget.parse`` reads it.
        robustness: How much of the robustness to measure: ``off``, ``quick`` or ``full``; nothing of an anomaly task's.
    """

    slices: tuple[str, ...] = ()
    costs: Costs = field(default_factory=Costs)
    seed: int = 0
    alert_budget: str = DEFAULT_BUDGET
    robustness: Extent = "quick"

    def __post_init__(self) -> None:
        """Raise if the budget or the extent of the robustness is unknown.

        Raises:
            InputError: If so.
        """
        AlertBudget.parse(self.alert_budget)
        if self.robustness not in get_args(Extent):
            raise InputError(f"robustness must be off, quick or full; got {quote(self.robustness)} instead.")

    @property
    def parameters(self) -> EvaluationParameters:
        """The plan as the parameters of the component."""
        costs = (self.costs.false_positive, self.costs.false_negative)
        return EvaluationParameters(self.slices, *costs, self.seed, robustness=self.robustness)

    @property
    def anomaly_parameters(self) -> EvaluationParameters:
        """The same for an anomaly task, with its budget of alerts."""
        costs = (self.costs.false_positive, self.costs.false_negative)
        return EvaluationParameters(self.slices, *costs, self.seed, alert_budget=self.alert_budget)
