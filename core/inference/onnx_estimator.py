"""A graph of ONNX in the place of a fitted estimator: a model that scikit-learn did not fit.

It holds nothing but the bytes of the graph, which are checked before they are loaded, as those of ``model.onnx`` are:
so it may stand in ``model.skops``, and whatever works with a pipeline works with it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from headrace.core.base.errors import InternalError
from headrace.core.graphs.load_graph import load_graph


class _OnnxEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    graph_: NDArray[np.uint8]
    n_features_in_: int
    _run: Callable[..., Any] | None = None

    @classmethod
    def of(cls, content: bytes, *, columns: int, classes: int = 0) -> Any:
        """Return the estimator of a graph.

        Args:
            content: Bytes of the graph: the model matrix ``X`` (n, p) to ``Y``, both float64.
            columns: Number of columns of ``X``.
            classes: Number of columns of ``Y``; 0 for values (n,).
        """
        estimator = cls()
        estimator.graph_, estimator.n_features_in_ = np.frombuffer(content, dtype=np.uint8), columns
        if classes:
            estimator.classes_ = np.arange(classes)
        return estimator

    @property
    def content(self) -> bytes:
        """Bytes of the graph."""
        return self.graph_.tobytes()

    def fit(self, *_: Any) -> Any:
        """Refuse: it is fitted already."""
        raise InternalError("a graph of ONNX must not be fitted; it is the result of a fit.")

    def __getstate__(self) -> dict[str, Any]:
        """Return what is stored: everything but the session of ONNX Runtime."""
        return {key: value for key, value in vars(self).items() if key != "_run"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore what was stored."""
        self.__dict__.update(state)

    def _scores(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        if self._run is None:
            classes = len(getattr(self, "classes_", ()))
            self._run = load_graph(self.content, columns=self.n_features_in_, classes=classes)
        scores: NDArray[np.float64] = self._run(["Y"], {"X": np.ascontiguousarray(matrix, dtype=np.float64)})[0]
        return scores


class OnnxClassifier(ClassifierMixin, _OnnxEstimator):  # type: ignore[misc]  # as above
    """A graph that gives probabilities (n, k)."""

    def predict_proba(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predict probabilities (n, k) for a matrix (n, p)."""
        return self._scores(matrix)


class OnnxRegressor(RegressorMixin, _OnnxEstimator):  # type: ignore[misc]  # as above
    """A graph that gives values (n,)."""

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predict values (n,) for a matrix (n, p)."""
        return self._scores(matrix)
