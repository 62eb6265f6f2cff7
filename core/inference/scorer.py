"""A model for a server or a batch job: contract, engine, threshold; scikit-learn is not imported."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import inf, isfinite
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import BundleError, InputError, MissingError
from headrace.core.bundles.bundle import Bundle
from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout
from headrace.core.inference import engine
from headrace.core.inference.engine import Engine, Floats


@dataclass(frozen=True)
class Scorer:
    """A model that scores rows of the model matrix.

    Attributes:
        contract: Contract of the training table.
        engine: The engine that computes the scores.
        threshold: Lowest probability of the positive class at which it is predicted (binary), or lowest anomaly score
            that is an alert (anomaly).
        name: Name of the model.
        digest: SHA-256 of its bundle.
        family: Name of its family.
    """

    contract: Contract
    engine: Engine
    threshold: float
    name: str
    digest: str
    family: str

    @classmethod
    def open(cls, bundle: Bundle, *, threads: int = 1) -> Self:
        """Load the model of a verified bundle.

        Args:
            bundle: The bundle.
            threads: Threads of the engine for one call.

        Raises:
            BundleError: If a file cannot be used, or contract, model and engine do not match.
        """
        facts = bundle.json("model.json")
        try:
            contract = contract_yaml.load(bundle.folder / "contract.yaml")
            threshold, family = float(facts["threshold"]), str(facts["family"])
        except (InputError, MissingError) as error:
            raise BundleError(f"a bundle must hold the contract of its model; {error}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError("model.json must be one that Headrace wrote; package the model again.") from error
        _check(bundle, contract, facts)
        least, most, allowed = (-inf, inf, "a number") if contract.task == "anomaly" else (0.0, 1.0, "0 to 1")
        if not (least <= threshold <= most and isfinite(threshold)):
            raise BundleError(
                f"threshold in model.json must be {allowed}; got {threshold} instead: package the model again."
            )
        loaded = engine.load(bundle.folder, contract, threads=threads)
        return cls(contract, loaded, threshold, bundle.name, bundle.digest, family)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Class labels in the order of the probabilities; empty for a regression."""
        return matrix_layout.classes(self.contract)

    @cached_property
    def answers_alerts(self) -> bool:
        """Whether it answers anomaly scores, and which of them are alerts."""
        return self.contract.task == "anomaly"

    @cached_property
    def positive(self) -> int:
        """Place of the positive class (binary)."""
        return matrix_layout.positive(self.contract)

    def scores(self, matrix: Floats) -> Floats:
        """Compute class probabilities (n, k), or values (n,), of a matrix (n, p)."""
        return self.engine(matrix)

    def choose_classes(self, scores: Floats) -> NDArray[np.int64]:
        """Return the places (n,) of the predicted classes: by the threshold (binary), or of the most probable one.

        Args:
            scores: Class probabilities (n, k).
        """
        if self.contract.task == "binary":
            return np.where(scores[:, self.positive] >= self.threshold, self.positive, 1 - self.positive)
        most_probable: NDArray[np.int64] = np.argmax(scores, axis=1)
        return most_probable


def _check(bundle: Bundle, contract: Contract, facts: Mapping[str, Any]) -> None:
    expected = {
        "task": contract.task,
        "classes": list(matrix_layout.classes(contract)),
        "columns": [column.name for column in matrix_layout.columns(contract)],
    }
    if contract.name != bundle.name or any(facts.get(name) != value for name, value in expected.items()):
        raise BundleError(
            f"contract.yaml and model.json in {bundle.folder} must be of one model; they are not: package the model "
            "again."
        )
