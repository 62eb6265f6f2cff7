"""The component that profiles a table."""

from kfp.dsl import HTML, Artifact, Dataset, Input, Output

from headrace.components.base import component


@component
def profile(table: Input[Dataset], contract: Input[Artifact], profile: Output[HTML]) -> None:
    """Draw an exploration report of a table: distributions, missing values, associations, the target by feature.

    Args:
        table: Table to profile; texts are read as the contract's types.
        contract: Data contract of the table (YAML).
        profile: Self-contained HTML page; values of personal data and identifiers are not in it.
    """
    from headrace.steps.data.profile import run_profile

    run_profile(table=table, contract=contract, profile=profile)
