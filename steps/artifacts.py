"""Artifacts as a step sees them, and the metadata that they carry from step to step."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from headrace.core.base.parameter_text import escape_all, unescape_all
from headrace.core.runtime.step_trace import ARGUMENTS, STEPS, add_to_trace, arguments_text


class StepArtifact(Protocol):
    """A file or folder that a step reads or writes.

    Attributes:
        path: Where it is on this machine.
        uri: Where it is stored.
        metadata: Facts about it, which the steps that read it receive.
    """

    path: str
    uri: str
    metadata: dict[str, Any]


class MetricsArtifact(StepArtifact, Protocol):
    """Metrics that Kubeflow shows beside a run."""

    def log_metric(self, metric: str, value: float) -> None:
        """Add a metric."""


class CurvesArtifact(StepArtifact, Protocol):
    """Curves of a classification, which Kubeflow draws."""

    def log_confusion_matrix(self, categories: list[str], matrix: list[list[int]]) -> None:
        """Set the confusion matrix: a row for each actual category."""

    def log_roc_curve(self, fpr: list[float], tpr: list[float], threshold: list[float]) -> None:
        """Set the points of the ROC curve."""


def read_metadata(artifact: StepArtifact) -> dict[str, Any]:
    """Return an artifact's metadata with their texts as they were before they passed through a pipeline."""
    return unescape_all(artifact.metadata)


def add_metadata(artifact: StepArtifact, facts: Mapping[str, Any]) -> None:
    """Add facts to an artifact's metadata, in the form in which texts pass through a pipeline unchanged."""
    artifact.metadata.update(escape_all(facts))


def record_arguments(artifact: StepArtifact, **arguments: Any) -> None:
    """Record a step's arguments in an output's metadata; a replay of the run starts the step with them again."""
    artifact.metadata[ARGUMENTS] = arguments_text(**arguments)


def record_digests(
    artifact: StepArtifact, *, step: str, outputs: Sequence[StepArtifact], after: StepArtifact | None = None
) -> None:
    """Record the digests of a step's outputs in the metadata of one of them.

    Args:
        artifact: The output that carries the digests to the next step.
        step: Name of the step.
        outputs: The outputs; the first one's digest bears the name of the step.
        after: Input that carries the digests of the steps before; None for the first step.
    """
    earlier = after.metadata if after else {}
    artifact.metadata[STEPS] = add_to_trace(earlier, step, *(output.path for output in outputs))
