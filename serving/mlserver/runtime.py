"""The runtimes that MLServer loads: adapters from its classes to what answers.

MLServer brings its own environment; these also need what the bundle's ``requirements.txt`` lists, and more for
detectors and explanations (``docs/guides/seldon.md``).
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from mlserver import MLModel
from mlserver.errors import MLServerError, ModelNotReady
from mlserver.types import InferenceRequest, InferenceResponse, MetadataModelResponse, MetadataTensor
from mlserver.utils import get_model_uri

from headrace.core.base.errors import RequestError
from headrace.serving.mlserver.documents import read_document, write_texts
from headrace.serving.mlserver.parameters import Answers, choose_answers, open_answerer
from headrace.serving.protocols.responses import error_response

if TYPE_CHECKING:
    from headrace.serving.mlserver.answerer import Answerer


class HeadraceRuntime(MLModel):
    """Answers as Headrace's own server does, or as a detector or explainer if the model's parameters say so."""

    answers: ClassVar[Answers | None] = None
    """What it answers; None to follow the parameters."""

    _answerer: "Answerer | None" = None

    async def load(self) -> bool:
        """Verify the bundle, load it, and check its own test cases.

        Raises:
            BundleError: If the bundle is not intact, or its answers differ from its test cases.
            InputError: If a parameter is unknown or out of range.
        """
        extra = self.settings.parameters.extra or {}
        chosen = self.answers or choose_answers(extra)
        folder = Path(await get_model_uri(self.settings))
        answerer = await asyncio.to_thread(open_answerer, folder, name=self.name, answers=chosen, extra=extra)
        self.inputs = [MetadataTensor(**tensor) for tensor in answerer.describe_inputs()]
        self.outputs = [MetadataTensor(**tensor) for tensor in answerer.describe_outputs()]
        self._answerer = answerer
        return True

    async def unload(self) -> bool:
        """End what runs in the background; MLServer also unloads a model whose loading failed."""
        if self._answerer is not None:
            self._answerer.close()
        return True

    async def metadata(self) -> MetadataModelResponse:
        """Return the metadata of the model, with the bundle's digest as its version."""
        found: MetadataModelResponse = await super().metadata()
        found.versions = [self._require_answerer().served.digest]
        return found

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Return the response to a request.

        Raises:
            MLServerError: If it is refused, with the status that Headrace's own server has for it.
        """
        try:
            return InferenceResponse(**write_texts(await self._require_answerer().answer(read_document(payload))))
        except RequestError as error:
            raise MLServerError(str(error), error_response(error).status) from error

    def _require_answerer(self) -> "Answerer":
        if self._answerer is None:
            raise ModelNotReady(self.name)
        return self._answerer


class DriftRuntime(HeadraceRuntime):
    """Counts rows in a window and says, when it is full, whether they have drifted."""

    answers = "drift"


class OutlierRuntime(HeadraceRuntime):
    """Says of each row whether it is an outlier."""

    answers = "outlier"


class ExplainerRuntime(HeadraceRuntime):
    """Answers with the contribution of each column."""

    answers = "explanations"
