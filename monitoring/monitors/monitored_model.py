"""The version of a model that is monitored: what its bundle says of it."""

from dataclasses import dataclass, field
from typing import Self

from headrace.core.base.errors import InputError
from headrace.core.bundles.bundle import Bundle
from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Contract
from headrace.core.drift import reference_profile
from headrace.core.drift.reference_profile import ReferenceProfile
from headrace.core.evaluation.evaluation_document import BundleMetrics
from headrace.core.features import matrix_layout
from headrace.core.monitors.performance.performance_reference import PerformanceReference
from headrace.core.statistics.metric_names import MAIN


@dataclass(frozen=True)
class MonitoredModel:
    """A version of a model.

    Attributes:
        name: Name of the model.
        digest: Digest of the version's bundle.
        contract: Its contract.
        profile: Its reference profile.
        metrics: What was measured on its test part.
    """

    name: str
    digest: str
    contract: Contract = field(repr=False)
    profile: ReferenceProfile = field(repr=False)
    metrics: BundleMetrics = field(repr=False)

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """Read what a bundle says.

        Raises:
            InputError: If it holds no reference profile, or that of another contract.
        """
        if reference_profile.FILE not in {entry.path for entry in bundle.manifest.files}:
            raise InputError(
                f"the bundle of {bundle.name} must hold {reference_profile.FILE} to be monitored; it was packaged "
                "without the training rows: package the model again."
            )
        contract = contract_yaml.load(bundle.folder / "contract.yaml")
        profile = ReferenceProfile.from_json(bundle.json(reference_profile.FILE))
        profile.check(contract)
        metrics = BundleMetrics.from_json(bundle.json("metrics.json"))
        return cls(bundle.name, bundle.digest, contract, profile, metrics)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes in the order of the probabilities; empty for a regression."""
        return matrix_layout.classes(self.contract)

    @property
    def reference(self) -> PerformanceReference:
        """The metrics of the test part."""
        return PerformanceReference.of(self.metrics, main=MAIN[self.contract.task])

    @property
    def sliced_columns(self) -> tuple[str, ...]:
        """Columns by whose values the metrics of the test part were repeated."""
        return tuple(dict.fromkeys(part.column for part in self.metrics.slices))
