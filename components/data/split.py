"""The component that splits a table into a train and a test part."""

from kfp.dsl import Artifact, Dataset, Input, Output

from headrace.components.base import component


@component
def split(
    table: Input[Dataset],
    contract: Input[Artifact],
    train_table: Output[Dataset],
    test_table: Output[Dataset],
    test_actuals: Output[Dataset],
    method: str = "",
    test_size: float = 0.2,
    seed: int = 0,
    cut: str = "",
    format: int = 2,  # noqa: A002 - the name of the field in provenance.json
) -> None:
    """Split a table into a train part and a fair sample of its rows for the test; the same rows give the same parts.

    Args:
        table: Typed table.
        contract: Data contract of the table (YAML).
        train_table: Rows to learn from.
        test_table: The other rows, without the target.
        test_actuals: The target of those rows, in the same order; only the evaluation reads it.
        method: How rows are divided: random, stratified, time or group (default: by the contract).
        test_size: Share of rows for the test part, above 0 and below 1.
        seed: Seed of every random choice.
        cut: The cut in the metadata of an earlier split, to repeat it on a table that has grown; empty to choose it.
        format: How sides are drawn; 1 repeats the split of a bundle whose provenance names no format.
    """
    from headrace.steps.data.split import run_split

    run_split(
        table=table,
        contract=contract,
        train_table=train_table,
        test_table=test_table,
        test_actuals=test_actuals,
        method=method,
        test_size=test_size,
        seed=seed,
        cut=cut,
        format=format,
    )
