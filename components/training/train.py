"""The component that fits the model."""

from kfp.dsl import Artifact, Dataset, Input, Model, Output

from headrace.components.base import component


@component
def train(
    train_table: Input[Dataset],
    contract: Input[Artifact],
    best_parameters: Input[Artifact],
    model: Output[Model],
    seed: int = 0,
) -> None:
    """Fit the winner of the search on all training rows.

    Args:
        train_table: Training rows with the target and the row features.
        contract: The table's contract.
        best_parameters: JSON with the family and its parameters, from ``tune``.
        model: Folder with the fitted pipeline (skops), its parameters and provenance, and the contract.
        seed: Seed of every random choice.
    """
    from headrace.steps.training.train import run_train

    run_train(train_table=train_table, contract=contract, best_parameters=best_parameters, model=model, seed=seed)
