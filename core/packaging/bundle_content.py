"""The content of a bundle, as values in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from headrace.core.drift.input_profile import InputProfile
from headrace.core.evaluation.evaluation_document import Evaluation
from headrace.core.evaluation.verdict import GateVerdict
from headrace.core.models.fitted_model import Model
from headrace.core.packaging.cards.card_answers import CardAnswers
from headrace.core.packaging.data_digest import DataPart
from headrace.core.robustness.input_guard import GuardDocument
from headrace.core.validation.data_checks import DataChecks


@dataclass(frozen=True)
class BundleContent:
    """The content of a bundle, as values in memory.

    Attributes:
        model: The fitted model; the evaluation's threshold replaces its own.
        test: Typed test rows with the target.
        evaluation: Document of ``evaluate``.
        verdict: Verdict of ``gate``; None for a model that did not pass through it.
        best: Document of ``tune``: the best parameters.
        checks: Document of ``validate``; None for a model of rows that were not validated.
        model_files: The model's own files by name, where they exist already; empty to serialize the model.
        train: The training rows; None if they are not described.
        inputs: Profile of the training rows' inputs; None to leave out the reference profile.
        guard: What finds rows that are unlike the training rows; None for a bundle without a guard.
        split: Metadata of split's training table: ``method``, ``test_size``, ``seed``, ``format``, ``cut``.
        trace: Arguments and digests of the steps, from ``core.runtime.step_trace``; empty if they are unknown.
        answers: Answers of people for card and risk sheet.
        include_data: Whether the rows are copied into the bundle: the test rows, and the files of ``train``.
    """

    model: Model
    test: pl.DataFrame = field(repr=False)
    evaluation: Evaluation = field(repr=False)
    verdict: GateVerdict | None = field(repr=False)
    best: Mapping[str, Any] = field(repr=False)
    checks: DataChecks | None = field(repr=False)
    model_files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    train: DataPart | None = None
    inputs: InputProfile | None = field(default=None, repr=False)
    guard: GuardDocument | None = field(default=None, repr=False)
    split: Mapping[str, Any] = field(default_factory=dict)
    trace: Mapping[str, Any] = field(default_factory=dict, repr=False)
    answers: CardAnswers = field(default_factory=CardAnswers)
    include_data: bool = False
