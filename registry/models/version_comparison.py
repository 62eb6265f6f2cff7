"""Two versions of a model held against each other."""

from headrace.core.contracts import contract_yaml
from headrace.registry.models.base import ModelRegistry
from headrace.registry.models.contract_changes import ContractChange, differences, moved_metric
from headrace.registry.models.state import ModelVersion


def between(registry: ModelRegistry, first: ModelVersion, second: ModelVersion) -> list[ContractChange]:
    """What a client notices when the second version takes the place of the first one.

    Args:
        registry: Where their contracts are kept.
        first: A version.
        second: Another version of the same model.

    Raises:
        MissingError: If a contract was not kept.
    """
    old, new = (
        contract_yaml.parse(registry.text(version, "contract.yaml"), source=f"{version.model} {version.version}")
        for version in (first, second)
    )
    found = list(differences(old, new))
    moved = moved_metric(new, before=first.facts.get("metrics", {}), after=second.facts.get("metrics", {}))
    return [*found, ContractChange("additive", moved)] if moved else found
