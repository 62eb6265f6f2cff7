"""What a bundle is made of, as values in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from headrace.core.evaluation.verdict import GateVerdict
from headrace.core.models.fitted_model import Model
from headrace.core.packaging.cards.card_answers import CardAnswers
from headrace.core.packaging.data_digest import DataPart


@dataclass(frozen=True)
class BundleContent:
    """What goes into a bundle, as values in memory.

    Attributes:
        model: The fitted model; the evaluation's threshold takes the place of its own.
        test: Typed test rows with the target.
        evaluation: What ``evaluate`` measured.
        verdict: What ``gate`` decided; None of a model that it has not seen.
        best: What ``tune`` found.
        checks: What ``validate`` counted.
        skops: Bytes of the model's file, where they are at hand; empty to write them anew.
        train: The training rows; None if only the digest of what the model was fitted on is known.
        split: Metadata of split's training table: ``method``, ``test_size``, ``seed``, ``format``, ``cut``.
        trace: Arguments and digests of the steps, from ``core.trace.line_trace``; empty if they are not known.
        answers: What people said.
        copies: Whether the rows are copied into the bundle: the test rows, and the files of ``train``.
    """

    model: Model
    test: pl.DataFrame = field(repr=False)
    evaluation: Mapping[str, Any] = field(repr=False)
    verdict: GateVerdict | None = field(repr=False)
    best: Mapping[str, Any] = field(repr=False)
    checks: Mapping[str, Any] = field(repr=False)
    skops: bytes = field(default=b"", repr=False)
    train: DataPart | None = None
    split: Mapping[str, Any] = field(default_factory=dict)
    trace: Mapping[str, Any] = field(default_factory=dict, repr=False)
    answers: CardAnswers = field(default_factory=CardAnswers)
    copies: bool = False
