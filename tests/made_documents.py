"""Documents of runs that were made up, whole, so that a test says only what it is about."""

from dataclasses import replace
from typing import Any

from headrace.core.base.notes import Note
from headrace.core.contracts.contract import Task
from headrace.core.evaluation.evaluation_document import (
    BaselineMeasures,
    ChosenThreshold,
    EvaluatedCounts,
    Evaluation,
    EvaluationParameters,
    SamplingUnit,
)
from headrace.core.evaluation.verdict import GateComparison, GateVerdict
from headrace.core.packaging.provenance_document import (
    Provenance,
    RecordedCode,
    RecordedCounts,
    RecordedData,
    RecordedSearch,
    RecordedTable,
)
from headrace.core.statistics.measures import Interval
from headrace.core.validation.data_checks import BrokenRule, CheckedCounts, DataChecks

THRESHOLD = ChosenThreshold(
    value=0.41,
    positive="1",
    cost=0.17,
    cost_at_half=0.21,
    cost_false_positive=1.0,
    cost_false_negative=2.0,
    chosen_on="out-of-fold predictions for training rows",
)


def make_evaluation(task: Task = "binary", **changes: Any) -> Evaluation:
    """An evaluation of 80 test rows that measured nothing, but for what is given."""
    bare = Evaluation(
        task=task,
        positive="yes" if task == "binary" else "",
        on="test",
        rows=EvaluatedCounts(320, test=80),
        metrics={},
        undefined=(),
        resampled_by=SamplingUnit("row", 80, "95 % intervals by row: 80 rows"),
        cautions=(),
        baseline=BaselineMeasures("most frequent class", {}, None),
        threshold=None,
        confusion=None,
        plan=EvaluationParameters((), 1.0, 1.0, 0),
        slices=(),
        residuals=None,
        family="logistic",
        roc=(),
        pr=(),
        calibration=(),
    )
    return replace(bare, **changes)


def around(value: float, width: float = 0.0) -> Interval:
    """An interval as wide on both sides of a value."""
    return Interval(value, value - width, value + width)


def make_checks(*rules: BrokenRule, notes: tuple[Note, ...] = ()) -> DataChecks:
    """The checks of a table of 100 rows that found nothing, but for what is given."""
    return DataChecks(CheckedCounts(100, 100, 0), rules, {}, {}, notes)


def make_leak(message: str, *, holds: bool) -> BrokenRule:
    """A column that gives the target away."""
    return BrokenRule("leakage", "a", "warn", 1, (), message, holds)


def make_provenance(**changes: Any) -> Provenance:
    """The provenance of a model that was held, but for what is given."""
    bare = Provenance(
        format=2,
        made_with="headrace 0.1.0",
        code=RecordedCode("0.1.0", "ab" * 32, "", (), None),
        table=RecordedTable("t.csv", "cd" * 32, 100, 3, "", ""),
        data=RecordedData(None, None, None),
        rows=RecordedCounts(train=80, test=20),
        train={"rows": 80, "digest": "ef" * 32},
        parameters={"train": {"seed": 0}},
        search=RecordedSearch(),
        seed=0,
        findings=(),
        verdict=GateVerdict("hold", ("It is not clearly different.",), GateComparison("baseline")),
    )
    return replace(bare, **changes)
