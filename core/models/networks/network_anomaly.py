"""An autoencoder as an outlier detector: the score is the error of the reconstruction."""

from typing import Self

import numpy as np
import onnx
from onnx import TensorProto, helper
from sklearn.base import OutlierMixin

from headrace.core.base.errors import InternalError
from headrace.core.features.model_matrix import Matrix
from headrace.core.graphs.load_graph import load_graph
from headrace.core.models.networks.network_estimator import Floats, NetworkEstimator, row_blocks


class NetworkAnomaly(OutlierMixin, NetworkEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A network that gives anomaly scores; it is fitted without a target."""

    def fit(self, matrix: Matrix, target: None = None) -> Self:  # type: ignore[override]  # none is given
        """Fit the network on a matrix (n, p), and keep its graph; see ``NetworkEstimator.fit``."""
        if target is not None:
            raise InternalError("an autoencoder must be fitted without a target; it got one.")
        # Its output is an error, which is to be 0.
        return super().fit(matrix, np.zeros(len(matrix)))

    def score_samples(self, matrix: Matrix) -> Floats:
        """Compute how normal each row of a matrix (n, p) is, (n,): minus the error of its reconstruction."""
        return -self._scores(matrix)

    def explain_scores(self, matrix: Matrix) -> Floats:
        """Compute contributions (n, p) of the columns, none below 0, which add up to the scores (n,).

        They are the shares of the squared error of each column.
        """
        run = load_graph(errors_graph(self.content), columns=self.n_features_in_, classes=self.n_features_in_)
        squared = np.concatenate([run(["Y"], {"X": np.ascontiguousarray(rows)})[0] for rows in row_blocks(matrix)])
        scores, sums = self._scores(matrix)[:, None], squared.sum(axis=1, keepdims=True)
        shares: Floats = np.divide(squared, sums, out=np.full_like(squared, 1 / squared.shape[1]), where=sums > 0)
        return shares * scores


def errors_graph(content: bytes) -> bytes:
    """Return the graph of an autoencoder with another answer: the squared errors (n, p) by column of the matrix.

    Args:
        content: Bytes of its graph, whose last sum is that over the columns.
    """
    model = onnx.load_from_string(content)
    nodes = list(model.graph.node)
    place = max((at for at, node in enumerate(nodes) if node.op_type == "ReduceSum"), default=-1)
    if place < 0:
        raise InternalError("the graph of an autoencoder must sum errors over columns; this one does not.")
    columns = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    answer = helper.make_node("Cast", [nodes[place].input[0]], ["Y"], to=TensorProto.DOUBLE)
    del model.graph.node[:], model.graph.output[:]
    model.graph.node.extend([*nodes[:place], answer])
    model.graph.output.append(helper.make_tensor_value_info("Y", TensorProto.DOUBLE, [None, columns]))
    return bytes(model.SerializeToString(deterministic=True))
