"""What a MOJO takes and gives, in terms of the model matrix and of the contract's classes: ``mojo.json``."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from headrace.core.base.errors import BundleError, quote
from headrace.core.base.json_document import JsonDocument

MODEL, DESCRIPTION = "model.mojo", "mojo.json"
H2O_VERSION = "3.46.0.11"
"""The one version whose MOJOs are made and scored: newer ones do not export any."""


@dataclass(frozen=True)
class MojoInput:
    """A column of a MOJO.

    Attributes:
        name: Name in the MOJO.
        column: Place in the model matrix.
        levels: For a column of categories, the place in the MOJO's domain of each category of the contract, in the
            contract's order; None for a category that no training row had. None for a column of numbers.
    """

    name: str
    column: int
    levels: tuple[int | None, ...] | None


@dataclass(frozen=True)
class MojoDescription(JsonDocument):
    """What a MOJO takes and gives.

    Attributes:
        h2o_version: Version of H2O that wrote it.
        algorithm: H2O's name of its algorithm, such as ``gbm``.
        category: H2O's name of what it predicts.
        inputs: Its columns, without the response, in its own order.
        classes: For a classification, the place in the MOJO's response domain of each class of the contract, in the
            contract's order; None for a class without training rows, whose probability is 0. Empty for others.
    """

    expected: ClassVar[str] = f"{DESCRIPTION} must be one that Headrace wrote"
    remedy: ClassVar[str] = "package the model again"

    h2o_version: str
    algorithm: str
    category: Literal["Binomial", "Multinomial", "Regression", "AnomalyDetection", "AutoEncoder"]
    inputs: tuple[MojoInput, ...]
    classes: tuple[int | None, ...]

    @property
    def finds_anomalies(self) -> bool:
        """Whether it was fitted without a target."""
        return self.category in {"AnomalyDetection", "AutoEncoder"}

    @property
    def columns(self) -> int:
        """Number of columns of the model matrix that it reads at least."""
        return 1 + max((one.column for one in self.inputs), default=-1)

    def widen(self, classes: int) -> "MojoDescription":
        """Return the same description for a contract with more classes, of which no training row was."""
        return replace(self, classes=self.classes + (None,) * (classes - len(self.classes)))

    def check(self, *, columns: int, categories: tuple[int, ...], classes: int) -> None:
        """Raise if it is not of a model with that matrix and these classes.

        Args:
            columns: Number of columns of the model matrix.
            categories: Number of the contract's categories of each of them; 0 for a column of numbers.
            classes: Number of the contract's classes; 0 for a regression.

        Raises:
            BundleError: If it is not.
        """
        fault = self._find_fault(columns, categories, classes)
        if fault:
            raise BundleError(f"{DESCRIPTION} must describe the model of its contract; {fault}: {self.remedy}.")

    def _find_fault(self, columns: int, categories: tuple[int, ...], classes: int) -> str:
        if len(self.classes) != classes or (self.category in {"Binomial", "Multinomial"}) != bool(classes):
            return f"it is of a {self.category} with {len(self.classes)} classes, the contract has {classes}"
        names = Counter(one.name for one in self.inputs)
        if any(count > 1 for count in names.values()) or not _are_places(self.classes):
            return "it has columns of one name or classes in one place"
        for one in self.inputs:
            if not 0 <= one.column < columns:
                return f"its column {quote(one.name)} is at {one.column} of {columns}"
            levels = 0 if one.levels is None else len(one.levels)
            if levels != categories[one.column] or not _are_places(one.levels or ()):
                return f"its column {quote(one.name)} has other levels than the contract has categories"
        return ""


def _are_places(places: tuple[int | None, ...]) -> bool:
    """Return whether the places are 0 to one less than their number, each once."""
    known = [place for place in places if place is not None]
    return sorted(known) == list(range(len(known)))
