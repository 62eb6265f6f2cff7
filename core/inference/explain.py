"""Explanations of a model's scores: the contribution of each column, by SHAP.

The library ``shap`` computes exact Shapley values of linear models (columns taken as independent) and of trees (by the
paths of the training rows). Source: Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, 2017;
Lundberg et al., From local explanations to global understanding with explainable AI for trees, 2020.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.preprocessing import OneHotEncoder

from headrace.core.base.errors import BundleError, InternalError, RequestError
from headrace.core.bundles.bundle import Bundle
from headrace.core.features import matrix_layout
from headrace.core.features.model_matrix import Matrix
from headrace.core.inference.ensemble_members import EXPLAINED, LINEAR, split_ensemble, why_unexplained
from headrace.core.inference.explain_anomalies import ScoreExplainer, is_isolation_forest
from headrace.core.models.ensembles.members import ENSEMBLE
from headrace.core.models.fitted_model import Model

FORMAT = 1
FILE = "explain.json"
_TOLERANCE = 1e-6
_DIGITS = 12
Floats = NDArray[np.float64]


class UnexplainedError(RequestError):
    """The model has no exact contributions, or nothing installed can compute them."""

    def __init__(self, message: str) -> None:
        """Set the reason ``unexplained``."""
        super().__init__(message, "unexplained")


@dataclass(frozen=True)
class Explanation:
    """Contributions of p columns to the scores of n rows; with the base they add up to the score.

    Attributes:
        scale: Scale of the scores: ``log-odds``, ``probability``, ``value`` in the unit of the target, ``score`` or
            ``log2-score`` of an anomaly model.
        base: Score (k,) of the reference; k is 1 for a regression and for the log-odds of two classes.
        values: Contributions (n, p, k) of the columns of the model matrix.
    """

    scale: str
    base: Floats
    values: Floats


def explain_document(model: Model, rows: Matrix) -> dict[str, Any]:
    """Compute the content of ``explain.json``.

    Args:
        model: The model.
        rows: Model matrix (n, p) of the rows whose mean is the reference of linear models.

    Returns:
        ``format``, ``exact``, and for a linear family ``reference``: the means of the preprocessed matrix, which are
        means of numbers and shares of categories, never the values of a single row. For an ensemble ``members``: the
        content of each.
    """
    if model.family == ENSEMBLE:
        members = split_ensemble(model)
        documents = [explain_document(member, rows) for _, member in members]
        return {"format": FORMAT, "exact": not why_unexplained(members), "members": documents}
    content: dict[str, Any] = {"format": FORMAT, "exact": _is_explained(model) and not _is_exponential(model)}
    if model.family in LINEAR:
        means = _preprocess(model, rows).mean(axis=0)
        content["reference"] = [float(f"{value:.{_DIGITS}g}") for value in means]
    return content


def _is_exponential(model: Model) -> bool:
    """Return whether the predictions are exponentials of sums, which contributions do not add up to."""
    return model.contract.objective == "count" and model.family != "random_forest"


class Explainer:
    """Explain the predictions of one model."""

    def __init__(self, model: Model, content: Mapping[str, Any]) -> None:
        """Prepare to explain.

        Args:
            model: The model.
            content: Content of its ``explain.json``.

        Raises:
            UnexplainedError: If its family has no exact contributions, or shap is not installed.
            BundleError: If the reference does not belong to this model.
        """
        self._model = model
        self._members: list[tuple[float, Explainer]] = []
        if model.family == ENSEMBLE:
            self._members = _explain_members(model, content)
            return
        self._estimator = model.pipeline.named_steps["estimator"]
        if not _is_explained(model):
            raise UnexplainedError(
                f"models of the family {model.family} have no exact contributions; "
                f"those of {', '.join(sorted(EXPLAINED))} have."
            )
        if _is_exponential(model):
            raise UnexplainedError(
                f"models of the family {model.family} have no exact contributions to a count, which is the exponential "
                "of a sum; those of the family random_forest have."
            )
        self._sources = _sources(model)
        self._anomalies: ScoreExplainer | None = None
        if hasattr(self._estimator, "explain_scores"):
            self._explainer = self._anomalies = ScoreExplainer(self._estimator)
            return
        shap = _library()
        if model.family in LINEAR:
            means = np.asarray(content.get("reference", []), dtype=np.float64)
            if means.shape != (len(self._sources),):
                raise BundleError(f"{FILE} must hold the reference of this model; package it again.")
            self._explainer = shap.LinearExplainer(self._estimator, means.reshape(1, -1))
        else:
            self._explainer = shap.TreeExplainer(self._estimator, feature_perturbation="tree_path_dependent")
            if is_isolation_forest(self._estimator):
                self._explainer = self._anomalies = ScoreExplainer(self._estimator, self._explainer)

    @classmethod
    def open(cls, bundle: Bundle) -> "Explainer":
        """Return the explainer of a verified bundle's model.

        Raises:
            UnexplainedError: If the model cannot be explained.
            BundleError: If the bundle has no ``explain.json``, or another model's.
        """
        return cls(bundle.model(), bundle.json(FILE))

    def explain(self, matrix: Matrix) -> Explanation:
        """Explain the scores of n rows.

        Args:
            matrix: Model matrix (n, p).

        Returns:
            Contributions (n, p, k) on the scale of the model.

        Raises:
            InternalError: If contributions do not add up to the score that they explain.
        """
        if self._members:
            return self._explain_mean(matrix)
        prepared = _preprocess(self._model, matrix)
        explained = self._explainer(prepared, **({"check_additivity": False} if self._is_tree() else {}))
        values = np.asarray(explained.values, dtype=np.float64).reshape(len(matrix), len(self._sources), -1)
        base = np.asarray(explained.base_values, dtype=np.float64).reshape(len(matrix), -1)[0]
        scores = self._scores(prepared)
        if not np.allclose(base + values.sum(axis=1), scores, rtol=_TOLERANCE, atol=_TOLERANCE):
            raise InternalError("contributions must add up to the score that they explain; these do not.")
        # A category has one prepared column for each of its values: their contributions add up to the column's.
        merged = np.zeros((len(matrix), matrix.shape[1], values.shape[2]))
        for place, source in enumerate(self._sources):
            merged[:, source] += values[:, place]
        return Explanation(self._scale(), base, merged)

    def _explain_mean(self, matrix: Matrix) -> Explanation:
        """Explain a weighted mean: the weighted mean of the contributions, for Shapley values are linear."""
        weighted = [(weight, member.explain(matrix)) for weight, member in self._members]
        base = sum(weight * one.base for weight, one in weighted)
        values = sum(weight * one.values for weight, one in weighted)
        return Explanation(weighted[0][1].scale, np.asarray(base), np.asarray(values))

    def _is_tree(self) -> bool:
        return self._model.family not in LINEAR and self._anomalies is None

    def _scale(self) -> str:
        if self._anomalies is not None:
            return self._anomalies.scale
        if not self._model.classes:
            return "value"
        return "probability" if isinstance(self._estimator, RandomForestClassifier) else "log-odds"

    def _scores(self, prepared: Floats) -> Floats:
        estimator = self._estimator
        if self._anomalies is not None:
            return self._anomalies.scores(prepared)
        if isinstance(estimator, RandomForestClassifier):
            scores = estimator.predict_proba(prepared)
        elif isinstance(estimator, Ridge | RandomForestRegressor) or not hasattr(estimator, "decision_function"):
            scores = estimator.predict(prepared)
        else:
            scores = estimator.decision_function(prepared)
        return np.asarray(scores, dtype=np.float64).reshape(len(prepared), -1)


def to_json(explanation: Explanation, model: Model) -> list[dict[str, Any]]:
    """Return one object for each row, as JSON can hold it.

    Args:
        explanation: Contributions (n, p, k) to the scores of n rows.
        model: The model.

    Returns:
        ``scale``, ``base`` and ``contributions`` by column: of the positive class for two classes, of the value for a
        regression; for more classes ``classes``, with a base and contributions for each.
    """
    names = [column.name for column in matrix_layout.columns(model.contract)]
    columns = _columns_by_class(explanation, model)
    rows = []
    for row in explanation.values:
        parts = {
            name: {
                "base": sign * float(explanation.base[place]),
                "contributions": dict(zip(names, (sign * row[:, place]).tolist(), strict=True)),
            }
            for name, (place, sign) in columns.items()
        }
        rows.append({"scale": explanation.scale, **parts.get("", {"classes": parts})})
    return rows


def _explain_members(model: Model, content: Mapping[str, Any]) -> list[tuple[float, "Explainer"]]:
    """Return weights and explainers of an ensemble's members.

    Raises:
        UnexplainedError: If their contributions do not add up, or shap is not installed.
        BundleError: If the content belongs to another model.
    """
    members, documents = split_ensemble(model), content.get("members", [])
    reason = why_unexplained(members)
    if reason:
        raise UnexplainedError(reason)
    if not isinstance(documents, list) or len(documents) != len(members):
        raise BundleError(f"{FILE} must hold the members of this model; package it again.")
    return [(weight, Explainer(one, part)) for (weight, one), part in zip(members, documents, strict=True)]


def _is_explained(model: Model) -> bool:
    return model.family in EXPLAINED or hasattr(model.pipeline.named_steps["estimator"], "explain_scores")


def _library() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations in shap's own dependencies
            import shap  # noqa: PLC0415 - an extra, and seconds to import
    except ImportError as error:
        raise UnexplainedError("explanations need the package shap: install headrace[explain].") from error
    return shap


def _columns_by_class(explanation: Explanation, model: Model) -> dict[str, tuple[int, float]]:
    """Return column of the scores and sign by class; under the empty name where one column explains the whole row."""
    present = [int(place) for place in getattr(model.pipeline, "classes_", ())]
    if not present:
        return {"": (0, 1.0)}
    if len(model.classes) > 2:
        return {model.classes[place]: (column, 1.0) for column, place in enumerate(present)}
    if len(explanation.base) == 1:
        return {"": (0, 1.0 if model.positive == 1 else -1.0)}
    return {"": (present.index(model.positive), 1.0)}


def _preprocess(model: Model, rows: Matrix) -> Floats:
    prepare = model.pipeline.named_steps["prepare"]
    if isinstance(prepare, str):  # "passthrough" of a model of H2O, or of a network, which prepare columns themselves
        return rows
    prepared = prepare.transform(rows)
    return np.asarray(prepared.toarray() if hasattr(prepared, "toarray") else prepared, dtype=np.float64)


def _sources(model: Model) -> list[int]:
    """Return the matrix column of each prepared column."""
    prepare = model.pipeline.named_steps["prepare"]
    if isinstance(prepare, str):
        return list(range(len(matrix_layout.columns(model.contract))))
    sources: list[int] = []
    for name, step, columns in prepare.transformers_:
        if name == "remainder":
            continue
        for place, column in enumerate(columns):
            width = len(step.categories_[place]) if isinstance(step, OneHotEncoder) else 1
            sources += [int(column)] * width
    return sources
