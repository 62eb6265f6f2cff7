"""The component that adds row features."""

from kfp.dsl import Artifact, Dataset, Input, Output

from headrace.components.base import component


@component
def engineer(table: Input[Dataset], contract: Input[Artifact], feature_table: Output[Dataset]) -> None:
    """Add the contract's row features, as the endpoint will: day of week, holiday, elapsed time, ratios and so on.

    Args:
        table: Typed table.
        contract: Data contract of the table (YAML).
        feature_table: The table with one more column for each row feature.
    """
    from headrace.core.features.add_features import engineer_table
    from headrace.core.runtime.step_events import step
    from headrace.core.runtime.step_trace import add_to_trace

    with step("engineer"):
        feature_table.metadata.update(
            engineer_table(table.path, contract=contract.path, feature_table=feature_table.path)
        )
        feature_table.metadata["steps"] = add_to_trace(table.metadata, "engineer", feature_table.path)
