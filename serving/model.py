"""The model as KServe's server sees it."""

import asyncio
from dataclasses import dataclass
from typing import Any

from kserve.model import Model as KServeModel

from headrace.core.answers import answers
from headrace.core.model import Model
from headrace.core.records import accepted
from headrace.serving.codec import PROTOCOLS, Document, Served, announced


@dataclass(frozen=True)
class Call:
    """One request.

    Attributes:
        protocol: ``v1`` or ``v2``.
        request: The JSON document of its body.
    """

    protocol: str
    request: Document


class HeadraceModel(KServeModel):
    """A loaded model behind both protocols."""

    def __init__(self, fitted: Model, *, name: str, digest: str) -> None:
        """Take over a loaded model.

        Args:
            fitted: The model.
            name: Its name on this endpoint.
            digest: Digest of its bundle.
        """
        super().__init__(name)
        self.served = Served(name=name, version=digest, classes=fitted.classes)
        self.ready = True
        self._fitted = fitted

    async def predict(self, payload: Call, headers: Any = None, response_headers: Any = None) -> Document:  # noqa: ARG002
        """Answer a request; the work is done in a thread, so that health checks are answered meanwhile."""
        return await asyncio.to_thread(self.answer, payload)

    def answer(self, call: Call) -> Document:
        """Decode, check against the contract, predict, encode.

        Raises:
            InputError: If the request is not what the protocol or the contract wants.
        """
        protocol, contract = PROTOCOLS[call.protocol], self._fitted.contract
        typed = accepted(protocol.table(call.request, contract), contract)
        found = answers(self._fitted.predict(typed), self._fitted.classes)
        return protocol.answer(found, call.request, self.served)

    def get_input_types(self) -> list[Document]:
        """The contract's inputs as V2 tensors."""
        return announced(self._fitted.contract, self._fitted.classes)[0]

    def get_output_types(self) -> list[Document]:
        """The outputs as V2 tensors."""
        return announced(self._fitted.contract, self._fitted.classes)[1]
