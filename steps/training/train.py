"""The step that fits the model."""

from pathlib import Path

from headrace.core.models.train import train_model
from headrace.steps.artifacts import StepArtifact, add_metadata
from headrace.steps.step_function import Say, as_step


@as_step
def run_train(
    say: Say,
    *,
    train_table: StepArtifact,
    contract: StepArtifact,
    best_parameters: StepArtifact,
    model: StepArtifact,
    seed: int,
) -> None:
    """Fit the winner of the search on all training rows; the component documents the parameters."""
    facts = train_model(
        Path(train_table.path),
        contract=Path(contract.path),
        best_parameters=Path(best_parameters.path),
        folder=Path(model.path),
        seed=int(seed),
    )
    add_metadata(model, facts)
    say(str(facts["family"]))
