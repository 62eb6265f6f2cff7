"""Predictions: what the suite's own server answers, with its explanations on request."""

from headrace.serving.mlserver.answerer import Answerer
from headrace.serving.model.executor import RequestExecutor
from headrace.serving.model.explainer_process import ExplainerProcess
from headrace.serving.protocols import v1, v2
from headrace.serving.protocols.json_body import Document


class PredictionAnswerer(Answerer):
    """Answers with ``label`` and ``probabilities``, or ``value``."""

    def __init__(self, executor: RequestExecutor) -> None:
        """Initialize the answerer; see ``Answerer``."""
        super().__init__(executor)
        self._explainer = ExplainerProcess()

    def describe_outputs(self) -> list[Document]:
        """Return name, datatype and shape of each output, for the model's metadata."""
        return v2.describe_tensors(self.served)[1]

    async def answer(self, document: Document) -> Document:
        """Return the response to a request; see ``Answerer``."""
        explain = v1.wants_explanations(document)
        v2.requested_outputs(document, self.served)
        scored = await self._score(document)
        explanations = None
        if explain:
            explanations = await self._explainer.explain(self.served, scored, self._executor.limits)
        return v2.answer(self.served, scored, document, explanations)

    def close(self) -> None:
        """End the process that explains."""
        self._explainer.close()
        super().close()
