"""What card and risk sheet say of a model besides people's answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.core.evaluation.evaluation_document import BundleMetrics
from headrace.core.packaging.provenance_document import Provenance
from headrace.core.robustness.input_guard import GuardDocument


@dataclass(frozen=True)
class CardFacts:
    """The documents of a bundle that its card and its risk sheet are written from.

    Attributes:
        metrics: Content of ``metrics.json``.
        provenance: Content of ``provenance.json``.
        environment: Content of ``environment.json``.
        guard: Content of ``guard.json``; None if there is none.
    """

    metrics: BundleMetrics
    provenance: Provenance
    environment: Mapping[str, Any]
    guard: GuardDocument | None = None
