"""What an evaluation measures, beside the rows and the model."""

from dataclasses import dataclass, field

from headrace.core.evaluation.evaluation_document import EvaluationParameters
from headrace.core.models.anomaly.alert_threshold import DEFAULT_BUDGET, AlertBudget
from headrace.core.models.decision_threshold import Costs


@dataclass(frozen=True)
class EvaluationPlan:
    """What to measure.

    Attributes:
        slices: Columns; the metrics are computed for each of their values too.
        costs: Costs of wrong labels (binary).
        seed: Seed of the bootstrap.
        alert_budget: How many alerts may be raised (anomaly), as ``AlertBudget.parse`` reads it.
    """

    slices: tuple[str, ...] = ()
    costs: Costs = field(default_factory=Costs)
    seed: int = 0
    alert_budget: str = DEFAULT_BUDGET

    def __post_init__(self) -> None:
        """Raise if the budget is no budget.

        Raises:
            InputError: If so.
        """
        AlertBudget.parse(self.alert_budget)

    @property
    def parameters(self) -> EvaluationParameters:
        """The plan as the parameters of the component."""
        return EvaluationParameters(self.slices, self.costs.false_positive, self.costs.false_negative, self.seed)

    @property
    def anomaly_parameters(self) -> EvaluationParameters:
        """The same for an anomaly task, with its budget of alerts."""
        costs = (self.costs.false_positive, self.costs.false_negative)
        return EvaluationParameters(self.slices, *costs, self.seed, self.alert_budget)
