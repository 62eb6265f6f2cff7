"""Fitting and cross-validation with the same results on any number of cores."""

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
from headrace.core.models.anomaly.anomaly_estimator import is_anomaly_pipeline
from headrace.core.models.fitted_model import predicted_probabilities, predicted_values
from headrace.core.splits.folds import Fold

Floats = NDArray[np.float64]

# A tree of a forest is grown on at most this many rows: more make it slower and larger, but hardly better.
_ROWS_OF_A_TREE = 10_000
# A split of a tree considers at most this many columns.
_COLUMNS_OF_A_SPLIT = 300


@dataclass(frozen=True)
class OutOfFold:
    """Predictions for rows by models that had not seen them.

    Attributes:
        predictions: Probabilities (n, k), or values (n,); NaN for rows that no fold holds out.
        warnings: Warnings of the libraries during the fits, each sentence once.
    """

    predictions: Floats
    warnings: tuple[str, ...]


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Shared:
    """A setting of the process: the first of its concurrent users makes it, the last one restores it."""

    def __init__(self, make: Callable[[], AbstractContextManager[Any]]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._users = 0
        self._entered = ExitStack()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._entered.enter_context(self._make())
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._entered.close()


class _DeterministicFitting:
    """Limit BLAS to one thread, and separate warnings by thread, while any fit is running."""

    def __init__(self) -> None:
        self._messages = threading.local()
        self._pools = ThreadpoolController()
        self._serial = _Shared(self._limit_blas)
        self._separated = _Shared(self._by_thread)

    @contextmanager
    def record_warnings(self) -> Iterator[list[str]]:
        """Make fits independent of the number of cores, and collect their warnings."""
        messages: list[str] = []
        with self._serial(), self._separated(), self.collect_into(messages):
            yield messages

    @contextmanager
    def suppress_warnings(self) -> Iterator[None]:
        """Suppress warnings without changing fits that are running in other threads."""
        with self._separated(), self.collect_into([]):
            yield

    def single_threaded(self) -> AbstractContextManager[Any]:
        """Limit OpenMP to one thread, for fits that run side by side in threads of their own."""
        limited: AbstractContextManager[Any] = self._pools.limit(limits=1, user_api="openmp")
        return limited

    @contextmanager
    def collect_into(self, messages: list[str]) -> Iterator[None]:
        """Collect the warnings of this thread in ``messages``."""
        previous = getattr(self._messages, "now", None)
        self._messages.now = messages
        try:
            yield
        finally:
            self._messages.now = previous

    def _limit_blas(self) -> AbstractContextManager[Any]:
        # Sums that BLAS splits over threads differ in the last bit with the number of threads.
        self._pools = ThreadpoolController()  # finds the libraries that are loaded by now
        limited: AbstractContextManager[Any] = self._pools.limit(limits=1, user_api="blas")
        return limited

    @contextmanager
    def _by_thread(self) -> Iterator[None]:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            # Warnings are global to the process: the hook itself looks which thread warned.
            warnings.showwarning = self._show
            yield

    def _show(self, message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        messages = getattr(self._messages, "now", None)
        # Any thread may collect the garbage, and so warn of files and sockets that others left open.
        if messages is None or issubclass(category, ResourceWarning):
            return
        first = str(message).strip().splitlines()[0]
        # scikit-learn 1.9.1 says so where another thread has just changed the filters; it says nothing of the fit.
        if first.startswith("`sklearn.utils.parallel.delayed` should be used"):
            return
        sentence = f"{category.__name__}: {quote(first, 200)[1:-1]}"
        if sentence not in messages:
            messages.append(sentence)


_steady = _DeterministicFitting()
record_warnings = _steady.record_warnings
suppress_warnings = _steady.suppress_warnings


def fit(pipeline: Any, encoded: Matrix, target: Target) -> tuple[str, ...]:
    """Fit a pipeline in place on all cores; the result does not depend on their number.

    Args:
        pipeline: Unfitted pipeline of a family.
        encoded: Model matrix (n, p).
        target: Encoded target (n,).

    Returns:
        The warnings of scikit-learn, each once.

    Raises:
        DataError: If there are no rows, rows of one class only, or no feature that the family can use.
    """
    if is_anomaly_pipeline(pipeline) and len(target) < 2:
        raise DataError(f"a model must be fitted on at least 2 rows; got {len(target)}; bring more rows.")
    if len(target) == 0 or (target.dtype.kind == "i" and len(np.unique(target)) < 2):
        problem = "no rows" if len(target) == 0 else f"{len(target)} rows of one class"
        raise DataError(f"a model must be fitted on rows of at least two classes; got {problem}; bring more rows.")
    grower = pipeline[-1]
    adapt(pipeline, encoded)
    parallel = hasattr(grower, "n_jobs") and hasattr(grower, "n_estimators")
    with record_warnings() as messages:
        if parallel:
            grower.set_params(n_jobs=cores())
        _fit(pipeline, encoded, target)
        if parallel:
            # Trees that predict in parallel would be summed in any order.
            grower.set_params(n_jobs=None)
        if hasattr(grower, "_bin_mapper"):
            # It serves the fit only; the number of cores must not become part of the model's file.
            grower._bin_mapper.n_threads = 1  # noqa: SLF001 - scikit-learn has no public attribute for it
    return tuple(messages)


def adapt(pipeline: Any, encoded: Matrix) -> Any:
    """Adapt an unfitted pipeline to the rows that it will be fitted on.

    Each tree of a forest gets at most 10,000 rows, drawn with replacement, and each of its splits considers at most 300
    columns; for boosting, columns without a value become constants.

    Args:
        pipeline: Unfitted pipeline of a family, changed in place.
        encoded: Model matrix (n, p) of the training rows.

    Returns:
        The same pipeline.
    """
    estimator = pipeline[-1]
    rows, columns = encoded.shape
    if is_anomaly_pipeline(pipeline):
        if hasattr(estimator, "max_samples"):
            estimator.set_params(max_samples=min(estimator.max_samples, rows))
    elif hasattr(estimator, "max_samples"):
        if rows > _ROWS_OF_A_TREE:
            estimator.set_params(max_samples=_ROWS_OF_A_TREE)
        if estimator.max_features * columns > _COLUMNS_OF_A_SPLIT:
            estimator.set_params(max_features=_COLUMNS_OF_A_SPLIT)
    if hasattr(estimator, "max_bins"):
        empty = np.flatnonzero(np.isnan(encoded).all(axis=0)).tolist()
        preprocessing.with_empty_columns(pipeline[0], empty)
    return pipeline


def _fit(pipeline: Any, encoded: Matrix, target: Target) -> Any:
    # Labels of anomalies serve the evaluation only.
    pipeline.fit(encoded, None if is_anomaly_pipeline(pipeline) else target)
    # Naive Bayes adds a share of the largest variance to each: if no feature varies, it would divide by zero.
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
    """Predict each held-out row by a pipeline fitted on the other rows, folds in parallel.

    Args:
        make: Returns a new unfitted pipeline.
        encoded: Model matrix (n, p).
        target: Encoded target (n,).
        folds: Indices of the rows to fit on and to hold out.
        classes: Number of classes; 0 for a task that answers a number.
        pool: Executor of the folds; by default new threads.

    Returns:
        Probabilities (n, k), or values (n,), with warnings.

    Raises:
        DataError: If a model cannot be fitted on a fold, or predicts a number that is not finite.
    """
    predictions = np.full((len(target), classes) if classes else len(target), np.nan)

    with record_warnings() as messages:

        def one(fold: Fold) -> None:
            with _steady.collect_into(messages):
                predictions[fold.held_out] = _held_out(make, encoded, target, fold, classes)

        with nullcontext(pool) if pool else ThreadPoolExecutor(cores()) as threads:
            _all(threads, one, folds)
    return OutOfFold(predictions=predictions, warnings=tuple(sorted(messages)))


def _all(threads: Executor, work: Callable[[Fold], None], folds: Sequence[Fold]) -> None:
    """Work on each fold; after an error await the others too, since they write to the same array."""
    running = [threads.submit(work, fold) for fold in folds]
    wait(running)
    for one in running:
        one.result()


def _held_out(make: Callable[[], Any], encoded: Matrix, target: Target, fold: Fold, classes: int) -> Floats:
    """Predict the rows that a fold holds out, (m, k) or (m,), by a pipeline fitted on the others with one thread."""
    with _steady.single_threaded():
        fitted, rows = encoded[fold.fitted], encoded[fold.held_out]
        pipeline = _fit(adapt(make(), fitted), fitted, target[fold.fitted])
        predictions = predicted_probabilities(pipeline, rows, classes) if classes else predicted_values(pipeline, rows)
    if not np.isfinite(predictions).all():
        raise DataError("predictions must be finite numbers; this model gives others; choose another family.")
    return predictions
