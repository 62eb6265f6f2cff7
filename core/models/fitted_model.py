"""A fitted model: pipeline, contract of its training table, and parameters."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import sklearn
from numpy.typing import NDArray

from headrace.core.base.errors import BundleError, InputError, MissingError, quote
from headrace.core.base.files import read_json, whole, write_json, write_text
from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout, model_matrix, row_features
from headrace.core.models import model_files
from headrace.core.models.anomaly.alert_threshold import ScoreSample
from headrace.core.models.anomaly.anomaly_estimator import is_anomaly_pipeline, predicted_anomaly_scores
from headrace.core.models.decision_threshold import OperatingPoint

FORMAT = 1
FILES = ("model.skops", "model.json", "contract.yaml")
"""The files of a model that scikit-learn fitted; one of H2O has ``model.mojo`` and ``mojo.json`` for the first."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """Predictions of a model for n rows.

    Attributes:
        labels: Predicted classes (n) as text; None for a task that answers a number.
        probabilities: Matrix (n, k) of class probabilities in the order of ``Model.classes``; None for such a task.
        values: Vector (n,) of predicted numbers in the unit of the target, or of anomaly scores, higher for more
            anomalous rows; None for a classification.
        alerts: Whether each of n rows is an alert; None unless the task is anomaly.
    """

    labels: list[str] | None = None
    probabilities: Floats | None = None
    values: Floats | None = None
    alerts: list[bool] | None = None


@dataclass(frozen=True)
class Model:
    """A fitted model.

    Attributes:
        pipeline: Fitted scikit-learn pipeline over the model matrix.
        contract: Contract of the training table.
        family: Name of the model's family, such as ``random_forest``.
        parameters: Hyperparameters that differ from the family's defaults.
        seed: Seed of everything random in the fit.
        train: ``rows`` and ``digest`` (SHA-256 of matrix and target) of the training rows.
        threshold: Lowest probability of the positive class at which it is predicted (binary), or lowest anomaly score
            that is an alert (anomaly).
        operating_points: Out-of-fold errors by threshold on the training rows (binary), for the choice of a threshold.
        alert_scores: Out-of-fold anomaly scores of the training rows (anomaly), for the choice of a threshold.
    """

    pipeline: Any
    contract: Contract
    family: str
    parameters: dict[str, Any]
    seed: int
    train: dict[str, Any]
    threshold: float = 0.5
    operating_points: tuple[OperatingPoint, ...] = ()
    alert_scores: ScoreSample | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Class labels in the order of the probabilities; empty for a regression."""
        return matrix_layout.classes(self.contract)

    @property
    def positive(self) -> int:
        """Index of the positive class (binary)."""
        return matrix_layout.positive(self.contract)

    def predict(self, frame: pl.DataFrame) -> Prediction:
        """Predict for a typed table.

        Args:
            frame: Typed table of n rows with the contract's inputs; row features are added where they are absent, and
                columns that the model does not use (target, ids) are ignored.

        Returns:
            Labels and probabilities, or values, for the n rows in order.

        Raises:
            InputError: If an input column is absent.
            DataError: If a number is infinite.
        """
        encoded = self.encode(frame)
        if self.contract.answers_number:
            values = predicted_values(self.pipeline, encoded)
            alerts = (values >= self.threshold).tolist() if self.contract.task == "anomaly" else None
            return Prediction(values=values, alerts=alerts)
        probabilities = predicted_probabilities(self.pipeline, encoded, len(self.classes))
        return Prediction(labels=self.labels(probabilities), probabilities=probabilities)

    def score(self, frame: pl.DataFrame) -> Floats:
        """Predict one number (n,) a row: the probability of the positive class, the largest one, or the value."""
        predicted = self.predict(frame)
        if predicted.probabilities is None:
            return predicted.values if predicted.values is not None else np.empty(0)
        if self.contract.task == "binary":
            return predicted.probabilities[:, self.positive]
        largest: Floats = predicted.probabilities.max(axis=1)
        return largest

    def encode(self, frame: pl.DataFrame) -> model_matrix.Matrix:
        """Encode the model matrix (n, p) of a typed table; see ``predict``."""
        if any(feature.name not in frame.columns for feature in self.contract.features):
            frame = row_features.add(frame, self.contract)
        return model_matrix.encode(frame, self.contract)

    def labels(self, probabilities: Floats) -> list[str]:
        """Return the predicted class of each row, given probabilities (n, k).

        Two classes are decided by the threshold, more by the largest probability.
        """
        names, positive = self.classes, self.positive
        if self.contract.task == "binary":
            chosen = np.where(probabilities[:, positive] >= self.threshold, positive, 1 - positive)
        else:
            chosen = probabilities.argmax(axis=1)
        return [names[index] for index in chosen.tolist()]

    def with_threshold(self, threshold: float) -> "Model":
        """Return the same model with another decision threshold (binary, anomaly)."""
        return replace(self, threshold=threshold)


def predicted_values(pipeline: Any, encoded: model_matrix.Matrix) -> Floats:
    """Predict numbers (n,), in the target's unit, or anomaly scores, for a matrix (n, p)."""
    if len(encoded) == 0:
        return np.empty(0)
    if is_anomaly_pipeline(pipeline):
        return predicted_anomaly_scores(pipeline, encoded)
    return np.asarray(pipeline.predict(encoded), dtype=np.float64).reshape(len(encoded))


def predicted_probabilities(pipeline: Any, encoded: model_matrix.Matrix, classes: int) -> Floats:
    """Predict probabilities (n, classes) for a matrix (n, p); 0 for a class without training rows."""
    probabilities = np.zeros((len(encoded), classes))
    if len(encoded):
        probabilities[:, pipeline.classes_] = pipeline.predict_proba(encoded)
    return probabilities


def save(model: Model, folder: Path) -> None:
    """Write ``model.skops`` (or ``model.mojo``), ``model.json`` and ``contract.yaml``; equal models give equal bytes.

    Raises:
        InputError: If the folder cannot be written.
    """
    for name, content in model_files.render(model.pipeline, model.contract).items():
        with whole(folder / name) as part:
            part.write_bytes(content)
    write_json(folder / "model.json", facts(model))
    write_text(folder / "contract.yaml", contract_yaml.dump(model.contract))


def facts(model: Model) -> dict[str, Any]:
    """Return the content of ``model.json``: everything of a model but its pipeline and its contract."""
    kept = {"alert_scores": model.alert_scores.as_json()} if model.alert_scores else {}
    return {
        "format": FORMAT,
        "family": model.family,
        "task": model.contract.task,
        "classes": list(model.classes),
        "columns": [column.name for column in matrix_layout.columns(model.contract)],
        "parameters": model.parameters,
        "seed": model.seed,
        "train": model.train,
        "threshold": model.threshold,
        "operating_points": [point.as_json() for point in model.operating_points],
        "scikit_learn": sklearn.__version__,
        **kept,
    }


def load(folder: Path) -> Model:
    """Read a model folder; extra files (those of a bundle) are ignored.

    Args:
        folder: Folder with ``model.skops`` (or ``model.mojo``), ``model.json`` and ``contract.yaml``.

    Returns:
        The model that was saved.

    Raises:
        MissingError: If there is no such folder, or a file is missing from it.
        BundleError: If a file is damaged, of another format, or not to be trusted.
    """
    needed = (*model_files.names(folder), *FILES[1:])
    absent = [name for name in needed if not (folder / name).is_file()]
    if absent:
        listed = ", ".join(needed).replace(model_files.SKOPS, f"{model_files.SKOPS} (or model.mojo)")
        raise MissingError(f"a model's folder must hold {listed}; {folder} lacks {', '.join(absent)}.")
    contract, document = _read_contract(folder), read_json(folder / "model.json")
    try:
        _check(document, contract)
        return Model(
            pipeline=model_files.load(model_files.read(folder), contract),
            contract=contract,
            family=str(document["family"]),
            parameters=dict(document["parameters"]),
            seed=int(document["seed"]),
            train=dict(document["train"]),
            threshold=float(document["threshold"]),
            operating_points=tuple(OperatingPoint.from_json(point) for point in document["operating_points"]),
            alert_scores=ScoreSample.from_json(document["alert_scores"]) if "alert_scores" in document else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError(f"{folder / 'model.json'} must be one that Headrace wrote; {quote(str(error))}.") from error


def _read_contract(folder: Path) -> Contract:
    try:
        return contract_yaml.load(folder / "contract.yaml")
    except InputError as error:
        raise BundleError(f"a model must hold the contract it was fitted under; {error}") from error


def _check(document: dict[str, Any], contract: Contract) -> None:
    _check_equal("format", FORMAT, document["format"], "use a matching version of Headrace")
    remedy = "fetch the model again"
    _check_equal("task", contract.task, document["task"], remedy)
    _check_equal("classes", list(matrix_layout.classes(contract)), document["classes"], remedy)
    _check_equal("columns", [column.name for column in matrix_layout.columns(contract)], document["columns"], remedy)
    # scikit-learn does not support fitted models of another minor version.
    ours, theirs = (_minor(version) for version in (sklearn.__version__, document["scikit_learn"]))
    _check_equal("scikit_learn", ours, theirs, "install that version, or train the model again")


def _minor(version: str) -> Sequence[str]:
    return str(version).split(".")[:2]


def _check_equal(name: str, expected: Any, actual: Any, remedy: str) -> None:
    if actual != expected:
        raise BundleError(f"{name} in model.json must be {quote(expected)}; got {quote(actual)} instead; {remedy}.")
