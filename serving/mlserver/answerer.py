"""What a runtime answers: the interface of predictions, explanations, outliers and drift."""

from abc import ABC, abstractmethod
from typing import Any

from headrace.core.base.errors import BundleError, InputError
from headrace.core.bundles.bundle import open_bundle
from headrace.core.drift.reference_profile import FILE, ReferenceProfile
from headrace.serving.mlserver.documents import count_values, read_tensors
from headrace.serving.model.executor import RequestExecutor
from headrace.serving.model.served_model import InputRows, ScoredRows, ServedModel
from headrace.serving.protocols import v2
from headrace.serving.protocols.json_body import Document

# Requests with fewer values are read in less time than a switch to a thread takes.
_QUICK_VALUES = 4096


class Answerer(ABC):
    """Answers requests with a bundle; one object for each model of MLServer."""

    def __init__(self, executor: RequestExecutor) -> None:
        """Initialize the answerer.

        Args:
            executor: Holds the model, and runs what takes long in threads.
        """
        self._executor = executor

    @property
    def served(self) -> ServedModel:
        """The model."""
        return self._executor.current_model()

    @abstractmethod
    def describe_outputs(self) -> list[Document]:
        """Return name, datatype and shape of each output, for the model's metadata."""

    @abstractmethod
    async def answer(self, document: Document) -> Document:
        """Return the response to a request, as V2 has it.

        Args:
            document: What ``read_document`` returned.

        Raises:
            RequestError: If it is refused.
        """

    def describe_inputs(self) -> list[Document]:
        """Return name, datatype and shape of each input, for the model's metadata."""
        return v2.describe_tensors(self.served)[0]

    def close(self) -> None:
        """End what runs in the background."""
        self._executor.close()

    async def _read_columns(self, document: Document) -> InputRows:
        """Return the columns of a request by name.

        Raises:
            RequestError: If the tensors do not fit their shapes, their datatypes or one another.
        """
        if count_values(document) <= _QUICK_VALUES:
            return self._columns(document)
        return await self._executor.run_in_thread(self._columns, document)

    async def _score(self, document: Document) -> ScoredRows:
        return await self._executor.score(self.served, await self._read_columns(document))

    def _columns(self, document: Document) -> InputRows:
        return v2.columns(read_tensors(document), self.served.scorer.contract, self._executor.limits)

    def _respond(self, document: Document, tensors: list[Document], parameters: Document | None = None) -> Document:
        """Return a response with those of the tensors that the request asks for.

        Raises:
            RequestError: If it asks for another one.
        """
        by_name = {tensor["name"]: tensor for tensor in tensors}
        known = [output["name"] for output in self.describe_outputs()]
        content: Document = {
            "model_name": self.served.name,
            "model_version": self.served.digest,
            "outputs": [by_name[name] for name in v2.choose_outputs(document, known) if name in by_name],
        }
        if document.get("id"):
            content["id"] = document["id"]
        return {**content, "parameters": parameters} if parameters else content


def read_profile(served: ServedModel) -> ReferenceProfile:
    """Return the reference profile of a model's bundle.

    Raises:
        BundleError: If it has none that can be read.
    """
    try:
        bundle = open_bundle(served.folder, served.policy)
        profile = ReferenceProfile.from_json(bundle.json(FILE))
        profile.check(served.scorer.contract)
    except InputError as error:
        raise BundleError(f"drift and outliers are found by the profile.json of a bundle; {error}") from error
    return profile


def tensor(name: str, datatype: str, data: list[Any], shape: list[int] | None = None) -> Document:
    """Return a tensor of a response; its shape is that of a list unless one is given."""
    return {"name": name, "datatype": datatype, "shape": [len(data)] if shape is None else shape, "data": data}
