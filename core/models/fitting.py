"""Fitting and cross-validation that give the same numbers however many cores there are."""

import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from headrace.core.base.errors import DataError, quote
from headrace.core.features.model_matrix import Matrix, Target
from headrace.core.models import preprocessing
from headrace.core.models.fitted_model import predicted_probabilities, predicted_values
from headrace.core.splits.folds import Fold

Floats = NDArray[np.float64]

# A tree of a forest is grown on at most so many rows: more make it slower and larger, but hardly better.
_ROWS_OF_A_TREE = 10_000
# And a split looks at no more columns than these, of however many there are.
_COLUMNS_OF_A_SPLIT = 300


@dataclass(frozen=True)
class OutOfFold:
    """Predictions for rows by models that had not seen them.

    Attributes:
        predictions: Probabilities (n, k), or values (n,); NaN for rows that no fold holds out.
        warnings: What the libraries said of the fits, each sentence once.
    """

    predictions: Floats
    warnings: tuple[str, ...]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Shared:
    """A setting of the process, made by the first of those who need it at once, and put back by the last one."""

    def __init__(self, make: Callable[[], AbstractContextManager[Any]]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._users = 0
        self._held = ExitStack()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._held.enter_context(self._make())
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._held.close()


class _DeterministicFitting:
    """One thread for BLAS, and warnings by thread, while any fit is under way."""

    def __init__(self) -> None:
        self._told = threading.local()
        self._pools = ThreadpoolController()
        self._serial = _Shared(self._limit_blas)
        self._heard = _Shared(self._by_thread)

    @contextmanager
    def recording(self) -> Iterator[list[str]]:
        """A block whose fits give the same numbers however many cores there are; gives what it was warned of."""
        told: list[str] = []
        with self._serial(), self._heard(), self.into(told):
            yield told

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """A block without warnings that changes none of the fits under way in other threads."""
        with self._heard(), self.into([]):
            yield

    def alone(self) -> AbstractContextManager[Any]:
        """A part whose loops use no further threads of OpenMP."""
        limited: AbstractContextManager[Any] = self._pools.limit(limits=1, user_api="openmp")
        return limited

    @contextmanager
    def into(self, told: list[str]) -> Iterator[None]:
        """A part of such a block that runs in a thread of its own."""
        before = getattr(self._told, "now", None)
        self._told.now = told
        try:
            yield
        finally:
            self._told.now = before

    def _limit_blas(self) -> AbstractContextManager[Any]:
        # Sums that BLAS splits over threads differ in the last bit with the number of threads.
        self._pools = ThreadpoolController()  # of the libraries that are loaded by now
        limited: AbstractContextManager[Any] = self._pools.limit(limits=1, user_api="blas")
        return limited

    @contextmanager
    def _by_thread(self) -> Iterator[None]:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = self._show
            yield

    def _show(self, message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        told = getattr(self._told, "now", None)
        # Files and sockets that anyone forgot are told of by whichever thread collects the garbage.
        if told is None or issubclass(category, ResourceWarning):
            return
        first = str(message).strip().splitlines()[0]
        sentence = f"{category.__name__}: {quote(first, 200)[1:-1]}"
        if sentence not in told:
            told.append(sentence)


_steady = _DeterministicFitting()
recorded = _steady.recording
unheard = _steady.unheard


def fit(pipeline: Any, encoded: Matrix, target: Target) -> tuple[str, ...]:
    """Fit a pipeline in place on all cores; the result does not depend on how many there are.

    Args:
        pipeline: Unfitted pipeline of a family.
        encoded: Model matrix (n, p).
        target: Encoded target (n,).

    Returns:
        The warnings that scikit-learn gave, each once.

    Raises:
        DataError: If there are no rows, or rows of one class only, or nothing that the family can be fitted on.
    """
    if len(target) == 0 or (target.dtype.kind == "i" and len(np.unique(target)) < 2):
        found = "no rows" if len(target) == 0 else f"{len(target)} rows of one class"
        raise DataError(f"a model must be fitted on rows of at least two classes; got {found}; bring more rows.")
    grower = pipeline[-1]
    adapt(pipeline, encoded)
    parallel = hasattr(grower, "n_jobs") and hasattr(grower, "n_estimators")
    with recorded() as told:
        if parallel:
            grower.set_params(n_jobs=cores())
        _fit(pipeline, encoded, target)
        if parallel:
            # Trees that vote at once would be added in any order.
            grower.set_params(n_jobs=None)
        if hasattr(grower, "_bin_mapper"):
            # Used in the fit only; the number of cores must not stand in the model's file.
            grower._bin_mapper.n_threads = 1  # noqa: SLF001 - scikit-learn gives no other way
    return tuple(told)


def adapt(pipeline: Any, encoded: Matrix) -> Any:
    """Adapt an unfitted pipeline to the rows that it will be fitted on.

    Each tree of a forest sees at most 10,000 of the rows, drawn with replacement, and each of its splits at most 300
    columns; boosting is spared columns that hold no value.

    Args:
        pipeline: Unfitted pipeline of a family, changed in place.
        encoded: Model matrix (n, p) of those rows.

    Returns:
        The same pipeline.
    """
    estimator = pipeline[-1]
    rows, columns = encoded.shape
    if hasattr(estimator, "max_samples"):
        if rows > _ROWS_OF_A_TREE:
            estimator.set_params(max_samples=_ROWS_OF_A_TREE)
        if estimator.max_features * columns > _COLUMNS_OF_A_SPLIT:
            estimator.set_params(max_features=_COLUMNS_OF_A_SPLIT)
    if hasattr(estimator, "max_bins"):
        empty = np.flatnonzero(np.isnan(encoded).all(axis=0)).tolist()
        preprocessing.with_empty_columns(pipeline[0], empty)
    return pipeline


def _fit(pipeline: Any, encoded: Matrix, target: Target) -> Any:
    pipeline.fit(encoded, target)
    # Naive Bayes widens each variance by a share of the largest one: if none varies, it would divide by zero.
    if getattr(pipeline[-1], "epsilon_", 1.0) == 0:
        raise DataError("naive Bayes must have a feature that varies; got constant ones only; choose another family.")
    return pipeline


def out_of_fold(
    make: Callable[[], Any],
    encoded: Matrix,
    target: Target,
    *,
    folds: Sequence[Fold],
    classes: int,
    pool: Executor | None = None,
) -> OutOfFold:
    """Predict each held-out row by a pipeline fitted on the other rows, folds side by side.

    Args:
        make: Gives a new unfitted pipeline.
        encoded: Model matrix (n, p).
        target: Encoded target (n,).
        folds: Rows to fit on and to hold out.
        classes: Number of classes; 0 for a regression.
        pool: Where the folds run; threads of its own if not given.

    Returns:
        Predictions for the n rows.

    Raises:
        DataError: If a model cannot be fitted on a fold, or predicts what is no finite number.
    """
    predictions = np.full((len(target), classes) if classes else len(target), np.nan)

    with recorded() as told:

        def one(fold: Fold) -> None:
            with _steady.into(told):
                predictions[fold.held_out] = _held_out(make, encoded, target, fold, classes)

        with nullcontext(pool) if pool else ThreadPoolExecutor(cores()) as threads:
            _all(threads, one, folds)
    return OutOfFold(predictions=predictions, warnings=tuple(sorted(told)))


def _all(threads: Executor, work: Callable[[Fold], None], folds: Sequence[Fold]) -> None:
    """Work on each fold; after an error the others are awaited too, for they write to the same array."""
    running = [threads.submit(work, fold) for fold in folds]
    wait(running)
    for one in running:
        one.result()


def _held_out(make: Callable[[], Any], encoded: Matrix, target: Target, fold: Fold, classes: int) -> Floats:
    """Predictions for the rows that a fold holds out, by a pipeline fitted on the others with one thread."""
    with _steady.alone():
        fitted, rows = encoded[fold.fitted], encoded[fold.held_out]
        pipeline = _fit(adapt(make(), fitted), fitted, target[fold.fitted])
        found = predicted_probabilities(pipeline, rows, classes) if classes else predicted_values(pipeline, rows)
    if not np.isfinite(found).all():
        raise DataError("predictions must be finite numbers; this model gives others; choose another family.")
    return found
