"""A served model: rows in, scores out, independent of any protocol."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import BundleError, RequestError
from headrace.core.bundles.bundle import VerificationPolicy, open_bundle
from headrace.core.features import matrix_layout
from headrace.core.inference.prediction_json import Answer, describe_difference
from headrace.core.inference.request_encoder import EncodedRows, RequestEncoder
from headrace.core.inference.scorer import Scorer
from headrace.core.robustness.input_guard import FILE, GuardUse, InputGuard, parse_guard

InputRows = list[Any] | dict[str, Any]
"""Rows (a list of objects or arrays), or columns (values by name)."""

# Scoring so few rows takes less time than a switch to a thread.
_QUICK_ROWS = 256
_MOST_WARNINGS = 20


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """Answers to n rows.

    Attributes:
        scores: Class probabilities, n lists of k in the order of the classes; n predicted values, or n anomaly scores.
        chosen: Indices (n,) of the predicted classes, or 1 for an alert and 0 for none; empty for a regression.
        warnings: Sentences about violations that the contract only warns of.
        matrix: The model matrix (n, p) that was scored.
        engine_seconds: Time of the engine.
        unusual: Number of rows that the guard found to be unlike the training rows.
    """

    scores: list[Any]
    chosen: list[int]
    warnings: tuple[str, ...]
    matrix: NDArray[np.float64] = field(repr=False)
    engine_seconds: float = 0.0
    unusual: int = 0


class ServedModel:
    """A model under a name on an endpoint."""

    def __init__(
        self,
        scorer: Scorer,
        *,
        folder: Path,
        name: str = "",
        policy: VerificationPolicy | None = None,
        guard: InputGuard | None = None,
        guard_use: GuardUse = "off",
    ) -> None:
        """Initialize with a loaded model.

        Args:
            scorer: The model.
            folder: Its bundle.
            name: Its name on this endpoint; empty for its own.
            policy: What was verified of the bundle; None for its digest.
            guard: What finds rows that are unlike the training rows; None for nothing.
            guard_use: What becomes of these.
        """
        self.scorer = scorer
        self.folder = folder
        self.policy = policy
        self.guard = guard if guard_use in {"warn", "refuse"} else None
        self.counting_guard = guard if guard_use == "count" else None
        self._refuses_unusual = guard_use == "refuse"
        self.name = name or scorer.name
        self.encoder = RequestEncoder(scorer.contract)
        self.classes = scorer.classes
        self.answers_alerts = scorer.answers_alerts
        self.digest = scorer.digest

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        name: str = "",
        threads: int = 1,
        policy: VerificationPolicy | None = None,
        guard_use: GuardUse = "off",
    ) -> Self:
        """Verify every byte of a bundle, load it, and check its test cases.

        Args:
            folder: The bundle.
            name: Its name on this endpoint; empty for its own.
            threads: Threads that the engine may use for one request.
            policy: What to verify of the bundle; None for its digest.
            guard_use: What becomes of rows that are unlike the training rows, where the bundle has a guard.

        Raises:
            BundleError: If the bundle is not intact, or its answers differ from its test cases.
        """
        bundle = open_bundle(folder, policy)
        scorer = Scorer.open(bundle, threads=threads)
        served = cls(scorer, folder=folder, name=name, policy=policy)
        # Its own test cases are rows of the test part, of which some may be unusual.
        served.warm(bundle.json("cases.json"))
        if guard_use == "off" or not (folder / FILE).is_file():
            return served
        columns = [column.name for column in matrix_layout.columns(scorer.contract)]
        guard = parse_guard(bundle.json(FILE), columns)
        return cls(scorer, folder=folder, name=name, policy=policy, guard=guard, guard_use=guard_use)

    @cached_property
    def max_fast_rows(self) -> int:
        """Maximum number of rows to score on the event loop, without a thread."""
        return _QUICK_ROWS if self.scorer.engine.name == "onnx" else 0

    def predict_fast(self, rows: InputRows) -> ScoredRows | None:
        """Return the answers to n rows if that takes microseconds; None if it may take longer."""
        values = rows if isinstance(rows, list) else next(iter(rows.values()), ())
        if len(values) > self.max_fast_rows:
            return None
        encoded = self.encoder.try_rows(rows) if isinstance(rows, list) else self.encoder.try_columns(rows)
        return None if encoded is None else self.score(encoded)

    def predict_validated(self, rows: InputRows) -> ScoredRows:
        """Return the answers to n rows, however long they take.

        Raises:
            RequestError: If the contract refuses a row.
        """
        return self.score(
            self.encoder.encode_rows(rows) if isinstance(rows, list) else self.encoder.encode_columns(rows)
        )

    def score(self, encoded: EncodedRows) -> ScoredRows:
        """Return the answers to encoded rows.

        Args:
            encoded: The model matrix (n, p), and warnings.

        Raises:
            RequestError: If the model has no finite answer to a row, or the guard refuses one.
        """
        unusual = self.guard.find(encoded.matrix) if self.guard else ()
        if unusual and self._refuses_unusual:
            raise RequestError(f"row {unusual[0].row} {unusual[0].sentence}.", "unusual")
        start = time.perf_counter()
        predictions = self.scorer.scores(encoded.matrix)
        seconds = time.perf_counter() - start
        scores = predictions.tolist()
        if not _finite(predictions, scores):
            row = int(np.argmin(np.isfinite(predictions.reshape(len(scores), -1)).all(axis=1)))
            raise RequestError(
                f"row {row} has no finite answer; its values must be nearer to those of the data.", "answer"
            )
        warnings = encoded.warnings
        if unusual:
            warnings += tuple(f"row {one.row} {one.sentence}." for one in unusual[:_MOST_WARNINGS])
        return ScoredRows(scores, self._choose_classes(scores), warnings, encoded.matrix, seconds, len(unusual))

    def _choose_classes(self, scores: Sequence[Any]) -> list[int]:
        task = self.scorer.contract.task
        if task == "binary":
            positive, threshold = self.scorer.positive, self.scorer.threshold
            return [positive if row[positive] >= threshold else 1 - positive for row in scores]
        if task == "anomaly":
            return [int(score >= self.scorer.threshold) for score in scores]
        return [] if task == "regression" else [row.index(max(row)) for row in scores]

    def objects(self, scored: ScoredRows) -> list[Answer]:
        """Return one object for each of n rows: label and probabilities by class, value, or score and alert.

        A value has ``lower`` and ``upper`` beside it if the model has intervals.
        """
        if self.scorer.answers_alerts:
            pairs = zip(scored.scores, scored.chosen, strict=True)
            return [{"score": score, "alert": bool(alert)} for score, alert in pairs]
        if not self.classes:
            intervals = self.scorer.intervals
            if intervals is None:
                return [{"value": value} for value in scored.scores]
            ends = map(intervals.bounds_of_one, scored.scores)
            return [
                {"value": value, "lower": lower, "upper": upper}
                for value, (lower, upper) in zip(scored.scores, ends, strict=True)
            ]
        return [
            {"label": self.classes[index], "probabilities": dict(zip(self.classes, row, strict=True))}
            for index, row in zip(scored.chosen, scored.scores, strict=True)
        ]

    def warm(self, content: Mapping[str, Any]) -> None:
        """Check the bundle's test cases, which also initializes everything before the first client asks.

        Args:
            content: Content of ``cases.json``.

        Raises:
            BundleError: If an answer is not the one that the bundle expects.
        """
        cases, tolerance = content["cases"], content["tolerance"]
        scored = [self.predict_fast([case["request"]]) for case in cases]
        if not any(scored):
            scored = [self.predict_validated([case["request"]]) for case in cases]
        for index, (case, answer) in enumerate(zip(cases, scored, strict=True)):
            difference = answer and describe_difference(case["expected"], self.objects(answer)[0], **tolerance)
            if difference:
                raise BundleError(
                    f"the model {self.name} must answer its case {index} as its bundle says; {difference}."
                )


def _finite(predictions: NDArray[np.float64], scores: Sequence[Any]) -> bool:
    if len(scores) == 1:
        return all(map(math.isfinite, scores[0] if isinstance(scores[0], list) else scores))
    return bool(np.isfinite(predictions).all())
