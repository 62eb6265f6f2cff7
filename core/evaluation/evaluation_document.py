"""The evaluation: the document ``evaluation.json``, whose schema is ``docs/evaluation.schema.json``.

Its larger part without what only a report draws is ``metrics.json`` in a bundle (``docs/metrics.schema.json``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar, Literal

from headrace.core.base.json_document import ABSENT_AS_EMPTY, JsonDocument
from headrace.core.contracts.vocabulary import Task
from headrace.core.evaluation.alerts.alert_measures import AlertMeasures
from headrace.core.robustness.robustness_document import Extent, Robustness
from headrace.core.statistics.measures import (
    CalibrationBin,
    Interval,
    ModelComparison,
    PrecisionRecallPoint,
    Residuals,
    RocPoint,
)

MeasuredRows = Literal["test", "cross-validation"]


@dataclass(frozen=True)
class EvaluatedCounts:
    """Numbers of rows.

    Attributes:
        train: Rows that the model was fitted on.
        test: Rows of the test part; absent for a cross-validation.
        held_out: Training rows that were each predicted by a model fitted without them; absent for a test part.
    """

    train: int
    test: int | None = None
    held_out: int | None = None

    @property
    def measured(self) -> int:
        """Number of rows that were measured."""
        return self.test or self.held_out or 0


@dataclass(frozen=True)
class SamplingUnit:
    """What the intervals count as one draw.

    Attributes:
        by: What rows of one draw share: a ``key``, a ``group``, all ``inputs``, a stretch of ``time``; or ``row``.
        clusters: Number of draws.
        sentence: The same as a sentence, without a full stop.
    """

    by: str
    clusters: int
    sentence: str


@dataclass(frozen=True)
class IntervalCaution:
    """What the intervals of some metrics cannot know.

    Attributes:
        metrics: Names of the metrics.
        text: A sentence.
    """

    metrics: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class BaselineMeasures:
    """What can be predicted without looking at a row, on the same rows.

    Attributes:
        kind: What is predicted, in words.
        metrics: Value by name of the metric; without those that the rows do not define.
        comparison: Comparison of the model with the baseline; empty if both define no metric.
        shares: Predicted share of each class, by its name; absent for a regression, and in documents that were written
            before this was recorded.
        value: Predicted number, in the target's unit; absent for a classification, and in such documents.
    """

    kind: str
    metrics: Mapping[str, float]
    comparison: ModelComparison | None = field(metadata=ABSENT_AS_EMPTY)
    shares: Mapping[str, float] | None = None
    value: float | None = None


@dataclass(frozen=True)
class ChosenThreshold:
    """The probability from which a binary model predicts the positive class, and what errors cost.

    Attributes:
        value: The probability, from 0 to 1.
        positive: Name of the positive class.
        cost: Expected cost of errors per row at this threshold, in the unit of the two costs.
        cost_at_half: The same at a threshold of about 0.5.
        cost_false_positive: Cost of a false alarm.
        cost_false_negative: Cost of a miss.
        chosen_on: The rows on which it was chosen, in words.
    """

    value: float
    positive: str
    cost: float
    cost_at_half: float
    cost_false_positive: float
    cost_false_negative: float
    chosen_on: str


@dataclass(frozen=True)
class EvaluationParameters:
    """The parameters of the evaluation.

    Attributes:
        slices: Columns by whose values the metrics are repeated.
        cost_false_positive: Cost of a false alarm.
        cost_false_negative: Cost of a miss.
        seed: Seed of the bootstrap.
        robustness: How much of the robustness was measured; absent in documents that were written before there was any.
        alert_budget: How many alerts may be raised, as text; absent unless the task is anomaly.
    """

    slices: tuple[str, ...]
    cost_false_positive: float
    cost_false_negative: float
    seed: int
    robustness: Extent | None = None
    alert_budget: str | None = None


@dataclass(frozen=True)
class ConfusionMatrix:
    """Numbers of rows by actual and predicted class.

    Attributes:
        labels: Names of the classes.
        rows: For each actual class, the number of rows by predicted class, both in the order of the labels.
    """

    labels: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class SliceMeasures:
    """The metrics of the rows that share a value of a column.

    Attributes:
        column: Name of the column.
        value: The value as text.
        rows: Number of rows.
        clusters: Number of draws that they come from.
        metrics: Value and interval by name of the metric.
    """

    column: str
    value: str
    rows: int
    clusters: int
    metrics: Mapping[str, Interval]


@dataclass(frozen=True)
class EqualInputs:
    """Share of the test rows with the inputs of a training row.

    Attributes:
        share: Share of the test rows.
        by_chance: Expected share if each input were drawn independently, with the frequencies of its values.
        copies: Whether the share is so far above chance that some of the rows are probably copies.
        sentence: The same as a sentence.
        remedy: What to do about copies; empty if there are none.
    """

    share: float
    by_chance: float
    copies: bool
    sentence: str
    remedy: str = ""


@dataclass(frozen=True)
class NearInputs:
    """Share of the test rows that nearly repeat a training row.

    Attributes:
        share: Share of the test rows that were examined; one in a hundred is expected.
        rows: Number of test rows that were examined.
        clusters: Whether the share is so high that the table probably has clusters which no column names.
        sentence: The same as a sentence; empty unless ``clusters``.
        remedy: What to do about them; empty unless ``clusters``.
    """

    share: float
    rows: int
    clusters: bool = False
    sentence: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class BundleMetrics(JsonDocument):
    """How good a model is on rows that it has not seen, as its bundle holds it.

    Attributes:
        task: The contract's task.
        positive: The class that the metrics of a binary task are of; empty for other tasks.
        on: Which rows were measured: the ``test`` part, or those that a ``cross-validation`` held out.
        rows: Numbers of rows.
        metrics: Value and interval by name of the metric.
        undefined: Names of metrics that these rows do not define.
        resampled_by: The sampling unit of the intervals.
        cautions: What the intervals cannot know.
        baseline: The baseline on the same rows.
        threshold: The threshold that was chosen; empty for a task without one.
        confusion: The confusion matrix, of labelled rows for an anomaly task; empty for a regression, or without
            labels.
        plan: The parameters.
        slices: The metrics by values of columns.
        residuals: Errors; empty for a classification.
        robustness: How the decisions change with the inputs; absent if it was not measured.
        alerts: Threshold and alerts of an anomaly model; absent for other tasks.
    """

    task: Task
    positive: str
    on: MeasuredRows
    rows: EvaluatedCounts
    metrics: Mapping[str, Interval]
    undefined: tuple[str, ...]
    resampled_by: SamplingUnit
    cautions: tuple[IntervalCaution, ...]
    baseline: BaselineMeasures
    threshold: ChosenThreshold | None = field(metadata=ABSENT_AS_EMPTY)
    confusion: ConfusionMatrix | None = field(metadata=ABSENT_AS_EMPTY)
    plan: EvaluationParameters
    slices: tuple[SliceMeasures, ...]
    residuals: Residuals | None = field(metadata=ABSENT_AS_EMPTY)
    robustness: Robustness | None = field(default=None, kw_only=True)
    alerts: AlertMeasures | None = field(default=None, kw_only=True)

    expected: ClassVar[str] = "metrics.json must be what the step package writes, as docs/metrics.schema.json says"
    remedy: ClassVar[str] = "package the model again"


@dataclass(frozen=True)
class Evaluation(BundleMetrics):
    """How good a model is on rows that it has not seen, and how certain that is.

    Attributes:
        family: The model's family.
        roc: Points of the ROC curve by falling threshold; empty unless the task is binary, or anomaly with labels.
        pr: Points of the precision-recall curve by falling threshold; empty likewise.
        calibration: Bins of rows by rising probability of the positive, or of the predicted class; empty for a
            regression.
        equal_inputs: Test rows whose inputs occur in the training part too; absent for a cross-validation.
        near_inputs: Test rows that nearly repeat a training row; absent for a cross-validation.
    """

    family: str
    roc: tuple[RocPoint, ...]
    pr: tuple[PrecisionRecallPoint, ...]
    calibration: tuple[CalibrationBin, ...]
    equal_inputs: EqualInputs | None = None
    near_inputs: NearInputs | None = None

    expected: ClassVar[str] = (
        "the evaluation must be what the step evaluate writes, as docs/evaluation.schema.json says"
    )
    remedy: ClassVar[str] = "run the step evaluate again"

    def select_bundle_metrics(self) -> BundleMetrics:
        """Return what a bundle holds of it: without curves and points, which only a report draws."""
        selected = BundleMetrics(**{one.name: getattr(self, one.name) for one in fields(BundleMetrics)})
        return replace(selected, residuals=self.residuals and replace(self.residuals, points=None))
