"""An estimator that a process of its own fits, and that predicts by its graph of ONNX."""

import json
import shutil
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from headrace.core.base.errors import DataError, InternalError, quote
from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.features.model_matrix import Matrix, Target
from headrace.core.graphs.load_graph import load_graph
from headrace.core.models.networks import network_request, training_process
from headrace.core.models.networks.checkpoint_folders import checkpoint_folder
from headrace.core.models.networks.network_request import NetworkRequest, input_blocks
from headrace.core.runtime import step_events

Floats = NDArray[np.float64]


class NetworkEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A network: what is to be fitted, and after the fit its graph.

    Attributes:
        graph_: Bytes (m,) of the graph, from the model matrix to probabilities or values, float64.
        n_features_in_: Number of columns of the matrix.
        history_: JSON of the fit: epochs, losses by epoch, learning rate, versions of the libraries.
    """

    graph_: NDArray[np.uint8]
    n_features_in_: int
    history_: str
    _run: Callable[..., Any] | None = None
    _classify = False

    def __init__(
        self,
        network: str = "",
        columns: Sequence[MatrixColumn] = (),
        values: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        """Take what is to be fitted.

        Args:
            network: Name of the network in ``headrace.deep.networks``.
            columns: Columns of the matrix.
            values: Hyperparameters.
            seed: Seed of everything random in the fit.
        """
        self.network = network
        self.columns = columns
        self.values = values
        self.seed = seed

    @property
    def content(self) -> bytes:
        """Bytes of the graph."""
        return self.graph_.tobytes()

    def fit(self, matrix: Matrix, target: Target) -> Self:
        """Fit the network on a matrix (n, p) and an encoded target (n,), and keep its graph.

        A fit that was killed goes on from its last checkpoint, with the same result.

        Raises:
            InputError: If the library is not installed, or the checkpoints cannot be written.
            DataError: If the network cannot be fitted on these rows.
        """
        versions = training_process.versions()
        classes = int(target.max()) + 1 if self._classify else 0
        arrays = (np.asarray(matrix, dtype=np.float32), np.asarray(target, np.int32 if classes else np.float32))
        request = NetworkRequest(self.network, input_blocks(self.columns), classes, dict(self.values or {}), self.seed)
        _check_pictures(request, arrays[0])
        folder = checkpoint_folder(request.digest(arrays, versions))
        with tempfile.TemporaryDirectory(prefix="headrace-network-") as scratch:
            place = Path(scratch)
            NetworkRequest(**{**vars(request), "checkpoint": str(folder)}).write(place)
            for name, array in zip((network_request.MATRIX, network_request.TARGET), arrays, strict=True):
                np.save(place / name, array)
            facts: dict[str, Any] = {}
            training_process.fit(place, lambda message: _listen(message, facts))
            content = (place / network_request.GRAPH).read_bytes()
        shutil.rmtree(folder, ignore_errors=True)
        return self._take(content, matrix.shape[1], classes, {**facts, "versions": versions})

    def _take(self, content: bytes, columns: int, classes: int, facts: Mapping[str, Any]) -> Self:
        self.graph_, self.n_features_in_ = np.frombuffer(content, dtype=np.uint8), columns
        self.history_ = json.dumps(dict(facts), sort_keys=True)
        if classes:
            self.classes_ = np.arange(classes)
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Return what is stored: neither the session of ONNX Runtime nor the columns, which the contract has."""
        return {key: value for key, value in vars(self).items() if key not in {"_run", "columns"}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore what was stored."""
        self.__dict__.update({"columns": (), **state})

    def _scores(self, matrix: Matrix) -> Floats:
        if self._run is None:
            if not hasattr(self, "graph_"):
                raise InternalError("a network must be fitted before it predicts.")
            classes = len(getattr(self, "classes_", ()))
            self._run = load_graph(self.content, columns=self.n_features_in_, classes=classes)
        blocks = [
            self._run(["Y"], {"X": np.ascontiguousarray(rows, dtype=np.float64)})[0] for rows in row_blocks(matrix)
        ]
        return np.concatenate(blocks)


class NetworkClassifier(ClassifierMixin, NetworkEstimator):  # type: ignore[misc]  # as above
    """A network that gives probabilities (n, k)."""

    _classify = True

    def predict_proba(self, matrix: Matrix) -> Floats:
        """Predict probabilities (n, k) of ``classes_`` for a matrix (n, p)."""
        return self._scores(matrix)


class NetworkRegressor(RegressorMixin, NetworkEstimator):  # type: ignore[misc]  # as above
    """A network that gives values (n,)."""

    def predict(self, matrix: Matrix) -> Floats:
        """Predict values (n,) for a matrix (n, p)."""
        return self._scores(matrix)


def _check_pictures(request: NetworkRequest, matrix: NDArray[np.float32]) -> None:
    """Raise if a row has no picture, for which no replacement would be right."""
    for block in request.inputs:
        missing = int(np.isnan(matrix[:, block.start]).sum()) if block.kind == "picture" else 0
        if missing:
            raise DataError(
                f"each row must have a picture in the column {quote(block.name)} to fit {request.network}; {missing} "
                "have none: remove these rows."
            )


_BLOCK_ROWS = 1024


def row_blocks(matrix: Matrix) -> list[Matrix]:
    """Cut a matrix (n, p) into blocks (m, p), since the layers of a network need memory for each row."""
    return [matrix[start : start + _BLOCK_ROWS] for start in range(0, max(1, len(matrix)), _BLOCK_ROWS)]


def _listen(message: Mapping[str, Any], facts: dict[str, Any]) -> None:
    """Report an epoch, keep the facts of the fit, and pass warnings on."""
    if "text" in message:
        step_events.report(str(message["text"]))
    if "warning" in message:
        warnings.warn(str(message["warning"]), UserWarning, stacklevel=2)
    facts.update(message.get("facts", {}))
