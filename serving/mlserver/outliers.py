"""Outliers as tensors: for each row, whether it is one, how unusual it is, and why."""

import orjson

from headrace.core.monitors.data.row_outliers import ALPHA, OutlierDetector, RowOutliers
from headrace.serving.mlserver.answerer import Answerer, read_profile, tensor
from headrace.serving.mlserver.stored_frame import input_frame
from headrace.serving.model.executor import RequestExecutor
from headrace.serving.protocols.json_body import Document

_OUTPUTS = {"is_outlier": "INT64", "instance_score": "FP64", "threshold": "FP64", "reasons": "BYTES"}


class OutlierAnswerer(Answerer):
    """Answers with ``is_outlier``, ``instance_score`` and ``reasons`` (n,), and ``threshold`` (1,).

    A row that the contract refuses is an outlier and no error: a detector in a pipeline must not end it.
    """

    def __init__(self, executor: RequestExecutor, *, alpha: float = ALPHA) -> None:
        """Initialize the answerer.

        Args:
            executor: See ``Answerer``.
            alpha: Share of rows like those of training that may be called outliers, above 0 and below 1.

        Raises:
            BundleError: If the bundle holds no reference profile.
            InputError: If ``alpha`` is out of range.
        """
        super().__init__(executor)
        self._detector = OutlierDetector(self.served.scorer.contract, read_profile(self.served), alpha=alpha)

    def describe_outputs(self) -> list[Document]:
        """Return name, datatype and shape of each output, for the model's metadata."""
        return [
            {"name": name, "datatype": datatype, "shape": [1] if name == "threshold" else [-1]}
            for name, datatype in _OUTPUTS.items()
        ]

    async def answer(self, document: Document) -> Document:
        """Return the response to a request; see ``Answerer``."""
        columns = await self._read_columns(document)
        frame = input_frame(columns, self.served.scorer.contract)
        found = await self._executor.run_in_thread(self._detector.judge, frame)
        return self._respond(document, self._tensors(found))

    def _tensors(self, found: RowOutliers) -> list[Document]:
        return [
            tensor("is_outlier", "INT64", found.outliers.astype(int).tolist()),
            tensor("instance_score", "FP64", found.scores.tolist()),
            tensor("threshold", "FP64", [self._detector.threshold]),
            tensor("reasons", "BYTES", [orjson.dumps(reasons).decode() for reasons in found.reasons]),
        ]
