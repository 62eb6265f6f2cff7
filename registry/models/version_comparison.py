"""Compares two versions of a model."""

from headrace.core.contracts import contract_yaml
from headrace.registry.models.base import ModelRegistry
from headrace.registry.models.contract_changes import ContractChange, differences, moved_metric
from headrace.registry.models.state import ModelVersion


def compare_versions(registry: ModelRegistry, first: ModelVersion, second: ModelVersion) -> list[ContractChange]:
    """Return the changes for a client when the second version replaces the first one.

    Args:
        registry: The registry with their contracts.
        first: A version.
        second: Another version of the same model.

    Raises:
        MissingError: If the registry lacks a contract.
    """
    old, new = (
        contract_yaml.parse(registry.text(version, "contract.yaml"), source=f"{version.model} {version.version}")
        for version in (first, second)
    )
    changes = list(differences(old, new))
    moved = moved_metric(new, before=first.facts.get("metrics", {}), after=second.facts.get("metrics", {}))
    return [*changes, ContractChange("additive", moved)] if moved else changes
