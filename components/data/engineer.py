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
    from headrace.steps.data.engineer import run_engineer

    run_engineer(table=table, contract=contract, feature_table=feature_table)
