"""A fitted pipeline over the columns of a data frame becomes one over the model matrix, with the same answers."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from headrace.core.base.errors import InputError, quote
from headrace.model_import.imported_model import CategoryCodes
from headrace.model_import.signature import InputColumn
from headrace.model_import.sklearn.coded_columns import code_steps, is_encoder


@dataclass(frozen=True)
class MatrixPipeline:
    """A pipeline over the model matrix.

    Attributes:
        pipeline: Steps ``prepare`` and ``estimator``.
        classes: The classes in the order of the probabilities; empty for a regression.
        coded: Categories of the columns that the matrix holds as codes, by name.
        family: Name of the estimator's class.
        columns: The columns of the matrix, in order.
        ignored: The columns of texts that no step uses.
    """

    pipeline: Pipeline
    classes: tuple[Any, ...]
    coded: Mapping[str, CategoryCodes]
    family: str
    columns: tuple[InputColumn, ...]
    ignored: tuple[InputColumn, ...]


def make_matrix_pipeline(fitted: Any, columns: Sequence[InputColumn]) -> MatrixPipeline:
    """Rewrite a fitted pipeline, or an estimator alone, for the model matrix.

    Args:
        fitted: The model.
        columns: The columns of the data frame that it takes, in order.

    Raises:
        InputError: If it is no estimator, gives no probabilities or no single number, or a step has no place in front
            of the matrix.
    """
    steps = _flatten(fitted)
    odd = next((step for step in steps if not isinstance(step, BaseEstimator)), None)
    if odd is not None or not steps:
        raise InputError(
            f"a model must be an estimator of scikit-learn, or a pipeline of them, to be imported; it is a "
            f"{type(fitted if odd is None else odd).__name__}."
        )
    *transformers, estimator = steps
    names = _names_of_fit(transformers, estimator)
    if names and names != [column.name for column in columns]:
        raise InputError(
            f"the signature must list the columns that the model was fitted on, in their order {quote(names, 300)}; it "
            f"lists {quote([column.name for column in columns], 300)}."
        )
    unused = _find_unused_texts(transformers, columns)
    kept = [place for place in range(len(columns)) if place not in unused]
    prepared = _Prepared([columns[place] for place in kept], {old: new for new, old in enumerate(kept)})
    prepare = prepared.prepare(transformers)
    estimator, classes = _estimator(estimator)
    pipeline = Pipeline([("prepare", prepare), ("estimator", estimator)])
    return MatrixPipeline(
        pipeline,
        classes,
        prepared.coded,
        type(estimator).__name__,
        columns=tuple(prepared.columns),
        ignored=tuple(columns[place] for place in sorted(unused)),
    )


def _find_unused_texts(transformers: Sequence[Any], columns: Sequence[InputColumn]) -> set[int]:
    """Return the places of texts that no part of a ColumnTransformer takes."""
    if not transformers or not isinstance(transformers[0], ColumnTransformer):
        return set()
    used = {place for _, _, places in _parts_of_fit(transformers[0], len(columns)) for place in places}
    return {place for place, column in enumerate(columns) if column.dtype == "string" and place not in used}


def _flatten(fitted: Any) -> list[Any]:
    """Return the steps of a pipeline, those of pipelines in it included, without those that do nothing."""
    if not isinstance(fitted, Pipeline):
        return [fitted]
    steps = [inner for _, step in fitted.steps for inner in _flatten(step)]
    return [step for step in steps if step is not None and not (isinstance(step, str) and step == "passthrough")]


def _names_of_fit(transformers: Sequence[Any], estimator: Any) -> list[str]:
    first = transformers[0] if transformers else estimator
    return [str(name) for name in getattr(first, "feature_names_in_", ())]


@dataclass
class _Prepared:
    """The preparation of the matrix, part by part."""

    columns: Sequence[InputColumn]
    places: Mapping[int, int]
    coded: dict[str, CategoryCodes] = field(default_factory=dict)
    _parts: list[tuple[str, Any, list[int]]] = field(default_factory=list)

    def prepare(self, transformers: Sequence[Any]) -> Any:
        """Return a transformer of the matrix."""
        rest = list(transformers)
        everything = list(range(len(self.columns)))
        weights, threshold = None, 0.5
        if rest and isinstance(rest[0], ColumnTransformer):
            first = rest.pop(0)
            weights, threshold = first.transformer_weights, first.sparse_threshold
            parts = [
                (name, step, [self.places[place] for place in places])
                for name, step, places in _parts_of_fit(first, max(self.places, default=-1) + 1)
            ]
            used = [place for _, _, places in parts for place in places]
            for name, step, places in parts:
                self._add(name, _flatten(step), places, shared={one for one in places if used.count(one) > 1})
        else:
            self._add("columns", rest, everything, shared=set())
            rest = []
        first = self._transformer(weights, threshold)
        # What follows the columns' own steps takes all of them together.
        return (
            Pipeline([("columns", first), *((f"step{place}", _plain(step)) for place, step in enumerate(rest))])
            if rest
            else first
        )

    def _add(self, name: str, steps: list[Any], places: list[int], *, shared: set[int]) -> None:
        taken = [self.columns[place] for place in places]
        texts = [column for column in taken if column.dtype == "string"]
        encodes = any(map(is_encoder, steps))
        if texts and not encodes and len(texts) < len(taken):
            raise InputError(
                f"text columns must have steps of their own to be imported; {quote(texts[0].name)} shares "
                f"{quote(name)} with columns of numbers."
            )
        others = [column.name for column in taken if column.dtype not in {"string", "integer"}]
        if encodes and others:
            raise InputError(
                f"an encoder must take texts or whole numbers to be imported; that of {quote(name)} takes "
                f"{quote(others[:5])}."
            )
        if (texts or encodes) and shared:
            raise InputError(
                f"a column of categories must go through one part of the ColumnTransformer to be imported; "
                f"{quote(self.columns[min(shared)].name)} goes through several."
            )
        new = [_plain(step) for step in steps]
        if texts or encodes:
            new, coded = code_steps(steps, taken)
            self.coded |= {column.name: one for column, one in zip(taken, coded, strict=True)}
        step: Any = FunctionTransformer(accept_sparse=True, check_inverse=False, feature_names_out="one-to-one")
        step.fit(np.zeros((1, len(places))))
        if len(new) == 1:
            step = new[0]
        elif new:
            step = Pipeline([(f"step{place}", one) for place, one in enumerate(new)])
        self._parts.append((f"part{len(self._parts)}", step, places))

    def _transformer(self, weights: Any, threshold: float) -> ColumnTransformer:
        if weights:
            raise InputError("a ColumnTransformer must have no transformer_weights to be imported; this one has.")
        new = ColumnTransformer(
            [(name, "passthrough", places) for name, _, places in self._parts], sparse_threshold=threshold
        )
        # The fit on one row of zeros sets what scikit-learn keeps beside the fitted parts.
        new.fit(np.zeros((1, len(self.columns))))
        new.transformers = new.transformers_ = list(self._parts)
        return new


def _parts_of_fit(transformer: ColumnTransformer, width: int) -> Iterator[tuple[str, Any, list[int]]]:
    """Yield name, fitted step and places of the columns of each part that reaches the estimator."""
    for name, step, _ in transformer.transformers_:
        places = [int(place) for place in transformer._transformer_to_input_indices[name]]  # noqa: SLF001 - columns may be a mask or a slice
        if any(not 0 <= place < width for place in places):
            raise InputError(
                f"the part {quote(name)} of the ColumnTransformer must take columns of the signature only."
            )
        if places and not (isinstance(step, str) and step == "drop"):
            kept = isinstance(step, FunctionTransformer) and step.func is None
            yield name, (Pipeline([("kept", "passthrough")]) if kept or isinstance(step, str) else step), places


def _plain(step: Any) -> Any:
    """Return a fitted step without the names of columns, which an array does not have."""
    new = copy.copy(step)
    vars(new).pop("feature_names_in_", None)
    return new


def _count_outputs(regressor: Any) -> int:
    """Return how many numbers a row a regressor predicts."""
    coefficients, targets = np.asarray(getattr(regressor, "coef_", 0)), np.asarray(getattr(regressor, "_y", 0))
    if coefficients.ndim == 2:
        return len(coefficients)
    return int(targets.shape[1] if targets.ndim == 2 else getattr(regressor, "n_outputs_", 1))


def _estimator(estimator: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return an estimator whose classes are their places, and the classes."""
    kind = type(estimator).__name__
    new = _plain(estimator)
    if is_regressor(estimator):
        count = _count_outputs(estimator)
        if count != 1:
            raise InputError(f"a model must predict one number a row to be imported; this {kind} predicts {count}.")
        return new, ()
    if not is_classifier(estimator):
        raise InputError(f"a model must be a classifier or a regressor to be imported; it is a {kind}.")
    if not hasattr(estimator, "predict_proba"):
        raise InputError(
            f"a classifier must give probabilities to be imported; a {kind} gives none: calibrate it, or take another."
        )
    classes = np.asarray(estimator.classes_, dtype=object)
    if classes.ndim != 1 or len(classes) < 2:
        raise InputError(f"a classifier must predict one of several classes to be imported; this {kind} does not.")
    new.classes_ = np.arange(len(classes))
    binarizer = vars(new).get("_label_binarizer")
    if binarizer is not None:
        new._label_binarizer = copy.copy(binarizer)  # noqa: SLF001 - a perceptron keeps its classes there too
        new._label_binarizer.classes_ = np.arange(len(classes))  # noqa: SLF001 - as above
    return new, tuple(classes.tolist())
