"""Explanations as tensors: the contribution of each column to each prediction."""

from typing import Any

import orjson

from headrace.core.features import matrix_layout
from headrace.serving.mlserver.answerer import Answerer, tensor
from headrace.serving.model.executor import RequestExecutor
from headrace.serving.model.explainer_process import ExplainerProcess
from headrace.serving.protocols.json_body import Document

CONTRIBUTIONS, BASE = "contributions", "base"


class ExplanationAnswerer(Answerer):
    """Answers with ``contributions`` (n, p) and ``base`` (n,), or (n, k, p) and (n, k) for k > 2 classes.

    ``parameters`` of ``contributions`` name the p columns, the k classes and the scale. Base plus contributions is the
    score of the row. See ``core/inference/explain``.
    """

    def __init__(self, executor: RequestExecutor) -> None:
        """Initialize the answerer; see ``Answerer``."""
        super().__init__(executor)
        self._explainer = ExplainerProcess()

    def describe_outputs(self) -> list[Document]:
        """Return name, datatype and shape of each output, for the model's metadata."""
        classes = len(self.served.classes)
        shape = [-1] if classes <= 2 else [-1, classes]
        width = len(matrix_layout.columns(self.served.scorer.contract))
        return [
            {"name": CONTRIBUTIONS, "datatype": "FP64", "shape": [*shape, width]},
            {"name": BASE, "datatype": "FP64", "shape": shape},
        ]

    async def answer(self, document: Document) -> Document:
        """Return the response to a request; see ``Answerer``."""
        scored = await self._score(document)
        rows = await self._explainer.explain(self.served, scored, self._executor.limits)
        return self._respond(document, _tensors(rows))

    def close(self) -> None:
        """End the process that explains."""
        self._explainer.close()
        super().close()


def _tensors(rows: list[dict[str, Any]]) -> list[Document]:
    """Return the tensors of n explanations, which ``explain.to_json`` wrote."""
    classes = list(rows[0].get("classes", {}))
    parts = [list(row["classes"].values()) if classes else [row] for row in rows]
    names = list(parts[0][0]["contributions"])
    inner = [len(classes)] if classes else []
    contributions = [value for row in parts for part in row for value in part["contributions"].values()]
    bases = [part["base"] for row in parts for part in row]
    described = {"columns": orjson.dumps(names).decode(), "scale": rows[0]["scale"]}
    if classes:
        described["classes"] = orjson.dumps(classes).decode()
    return [
        {**tensor(CONTRIBUTIONS, "FP64", contributions, [len(rows), *inner, len(names)]), "parameters": described},
        tensor(BASE, "FP64", bases, [len(rows), *inner]),
    ]
