"""A bundle behind MLServer: the runtime that a bundle's ``model-settings.json`` names.

MLServer brings its own environment; this module also needs what the bundle's ``requirements.txt`` lists.
"""

import asyncio
from pathlib import Path
from typing import Any

from mlserver import MLModel
from mlserver.errors import InferenceError
from mlserver.types import InferenceRequest, InferenceResponse, MetadataTensor

from headrace.core.base.errors import RequestError
from headrace.serving.model.limits import RequestLimits
from headrace.serving.model.served_model import ScoredRows, ServedModel
from headrace.serving.protocols import tensors, v2


class HeadraceRuntime(MLModel):
    """Answers V2 requests as Headrace's own server does: one tensor for each column, or one of whole rows."""

    async def load(self) -> bool:
        """Verify the bundle byte for byte, load it, and check its own test cases.

        Raises:
            BundleError: If the bundle is not intact, or its answers differ from its test cases.
        """
        self._served = await asyncio.to_thread(ServedModel.open, Path(self.settings.parameters.uri), name=self.name)
        inputs, outputs = v2.describe_tensors(self._served)
        self.inputs = [MetadataTensor(**tensor) for tensor in inputs]
        self.outputs = [MetadataTensor(**tensor) for tensor in outputs]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Return the response to a request.

        Raises:
            InferenceError: If the contract refuses it; MLServer answers 400.
        """
        document = _document(payload)
        try:
            scored = await asyncio.to_thread(self._score, document)
            return InferenceResponse(**v2.answer(self._served, scored, document))
        except RequestError as error:
            raise InferenceError(str(error)) from error

    def _score(self, document: dict[str, Any]) -> ScoredRows:
        inputs = [tensors.of_json(item, index) for index, item in enumerate(document["inputs"])]
        if not inputs:
            raise RequestError("a request must hold at least one tensor.")
        columns = v2.columns(inputs, self._served.scorer.contract, RequestLimits())
        return self._served.predict_fast(columns) or self._served.predict_validated(columns)


def _document(payload: InferenceRequest) -> dict[str, Any]:
    """Return the request as JSON holds it; texts arrive as bytes over gRPC."""
    document: dict[str, Any] = payload.model_dump(mode="python", exclude_none=True)
    for item in document["inputs"]:
        item["datatype"] = getattr(item["datatype"], "value", item["datatype"])
        item["data"] = [value.decode(errors="replace") if isinstance(value, bytes) else value for value in item["data"]]
    return document
