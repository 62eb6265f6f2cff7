"""A model that answers: rows in, scores out, in the words of no protocol."""

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
from headrace.core.inference.prediction_json import Answer, differs
from headrace.core.inference.request_encoder import EncodedRows, RequestEncoder
from headrace.core.inference.scorer import Scorer

InputRows = list[Any] | dict[str, Any]
"""Rows (a list of objects or arrays), or columns (values by name)."""

# What so few rows cost would not pay for a thread.
_QUICK_ROWS = 256


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """Answers to n rows.

    Attributes:
        scores: Class probabilities, n lists of k in the order of the classes; or n predicted values.
        chosen: Places of the n predicted classes; empty for a regression.
        warnings: Sentences about what the contract only warns of.
        matrix: The model matrix (n, p) that was scored.
        engine_seconds: Time that the engine took.
    """

    scores: list[Any]
    chosen: list[int]
    warnings: tuple[str, ...]
    matrix: NDArray[np.float64] = field(repr=False)
    engine_seconds: float = 0.0


class ServedModel:
    """A model under a name on an endpoint."""

    def __init__(self, scorer: Scorer, *, folder: Path, name: str = "") -> None:
        """Take over a loaded model.

        Args:
            scorer: The model.
            folder: Its bundle.
            name: Its name on this endpoint; empty for its own.
        """
        self.scorer = scorer
        self.folder = folder
        self.name = name or scorer.name
        self.door = RequestEncoder(scorer.contract)
        self.classes = scorer.classes
        self.digest = scorer.digest

    @classmethod
    def open(cls, folder: Path, *, name: str = "", threads: int = 1, policy: VerificationPolicy | None = None) -> Self:
        """Verify every byte of a bundle, load it, and let it answer its own first case.

        Args:
            folder: The bundle.
            name: Its name on this endpoint; empty for its own.
            threads: Threads that the engine may use for one request.
            policy: What the bundle must prove; None for its digest.

        Raises:
            BundleError: If the bundle is not whole, or does not answer as its first case says.
        """
        bundle = open_bundle(folder, policy)
        served = cls(Scorer.open(bundle, threads=threads), folder=folder, name=name)
        served.warm(bundle.json("cases.json"))
        return served

    @cached_property
    def quick_rows(self) -> int:
        """Most rows that may be scored between two other requests, without a thread."""
        return _QUICK_ROWS if self.scorer.engine.name == "onnx" else 0

    def quick(self, asked: InputRows) -> ScoredRows | None:
        """Return the answers, if that takes microseconds; None if it may take longer."""
        rows = asked if isinstance(asked, list) else next(iter(asked.values()), ())
        if len(rows) > self.quick_rows:
            return None
        admitted = self.door.quick_rows(asked) if isinstance(asked, list) else self.door.quick_columns(asked)
        return None if admitted is None else self.score(admitted)

    def full(self, asked: InputRows) -> ScoredRows:
        """Return the answers, however long they take.

        Raises:
            RequestError: If the contract refuses a row.
        """
        return self.score(self.door.rows(asked) if isinstance(asked, list) else self.door.columns(asked))

    def score(self, admitted: EncodedRows) -> ScoredRows:
        """Return the answers to rows that may pass.

        Raises:
            RequestError: If the model has no finite answer to a row.
        """
        began = time.perf_counter()
        found = self.scorer.scores(admitted.matrix)
        took = time.perf_counter() - began
        scores = found.tolist()
        if not _finite(found, scores):
            row = int(np.argmin(np.isfinite(found.reshape(len(scores), -1)).all(axis=1)))
            raise RequestError(
                f"row {row} has no finite answer; its values must be nearer to those of the data.", "answer"
            )
        return ScoredRows(scores, self._choose_classes(scores), admitted.warnings, admitted.matrix, took)

    def _choose_classes(self, scores: Sequence[Any]) -> list[int]:
        task = self.scorer.contract.task
        if task == "binary":
            positive, threshold = self.scorer.positive, self.scorer.threshold
            return [positive if row[positive] >= threshold else 1 - positive for row in scores]
        return [] if task == "regression" else [row.index(max(row)) for row in scores]

    def objects(self, scored: ScoredRows) -> list[Answer]:
        """One object for each row: ``label`` and ``probabilities`` by class, or ``value``."""
        if not self.classes:
            return [{"value": value} for value in scored.scores]
        return [
            {"label": self.classes[place], "probabilities": dict(zip(self.classes, row, strict=True))}
            for place, row in zip(scored.chosen, scored.scores, strict=True)
        ]

    def warm(self, content: Mapping[str, Any]) -> None:
        """Answer the bundle's cases, so that no client pays for what is done once.

        Args:
            content: Content of ``cases.json``.

        Raises:
            BundleError: If an answer is not the one that the bundle expects.
        """
        cases, tolerance = content["cases"], content["tolerance"]
        scored = [self.quick([case["request"]]) for case in cases]
        if not any(scored):
            scored = [self.full([case["request"]]) for case in cases]
        for place, (case, found) in enumerate(zip(cases, scored, strict=True)):
            difference = found and differs(case["expected"], self.objects(found)[0], **tolerance)
            if difference:
                raise BundleError(
                    f"the model {self.name} must answer its case {place} as its bundle says; {difference}."
                )


def _finite(found: NDArray[np.float64], scores: Sequence[Any]) -> bool:
    if len(scores) == 1:
        return all(map(math.isfinite, scores[0] if isinstance(scores[0], list) else scores))
    return bool(np.isfinite(found).all())
