"""The component that searches for the best model family and its parameters."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Output

from headrace.components.base import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def tune(
    train_table: Input[Dataset],
    contract: Input[Artifact],
    best_parameters: Output[Artifact],
    trials: Output[Artifact],
    families: list = [],  # noqa: B006 - KFP wants the default as it stands
    experiment: str = "",
    budget: str = "",
    folds: int = 0,
    seed: int = 0,
) -> None:
    """Search families and their parameters by cross-validation on the training rows.

    Args:
        train_table: Training rows with the target and the row features.
        contract: The table's contract.
        best_parameters: JSON: the best family and parameters, their score, and out-of-fold errors by threshold.
        trials: JSON: every trial with its parameters, scores, time, warnings and, if it failed, why.
        families: Names of families; empty for three fast ones.
        experiment: Path of a Katib Experiment (YAML) to search instead; empty for the families' own.
        budget: Number of trials such as 20, or time such as 90s or 5m; empty for four trials of each family.
        folds: Number of folds; 0 to let the rows decide.
        seed: Seed of folds, suggestions and fits.
    """
    from pathlib import Path

    from headrace.core.steps import step
    from headrace.core.text import plain, plain_list
    from headrace.core.trace import given
    from headrace.experiments.tune import Wish, tune_model

    with step("tune"):
        facts = tune_model(
            Path(train_table.path),
            contract=Path(contract.path),
            best_parameters=Path(best_parameters.path),
            trials=Path(trials.path),
            wish=Wish(tuple(plain_list(families)), plain(experiment), plain(budget), int(folds), int(seed)),
        )
        best_parameters.metadata.update(facts)
        text = Path(plain(experiment)).read_text(encoding="utf-8") if Path(plain(experiment)).is_file() else experiment
        best_parameters.metadata["arguments"] = given(
            families=families, experiment=text, budget=str(int(facts["trials"])), folds=folds, seed=seed
        )
