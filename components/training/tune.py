"""The component that searches for the best model family and its parameters."""

from kfp.dsl import HTML, Artifact, Dataset, Input, Model, Output

from headrace.components.base import component


@component
def tune(
    train_table: Input[Dataset],
    contract: Input[Artifact],
    best_parameters: Output[Artifact],
    trials: Output[Artifact],
    best_bundle: Output[Model],
    search: Output[HTML],
    families: list = [],  # noqa: B006 - KFP wants the default as it stands
    experiment: str = "",
    budget: str = "",
    folds: int = 0,
    seed: int = 0,
    nested: bool = False,
    ensemble: str = "off",
    tuner: str = "local",
    journal: str = "",
    deadline: str = "",
    cleanup: str = "succeeded",
    search_namespace: str = "",
    fingerprint: str = "",
) -> None:
    """Search families and their parameters by cross-validation on the training rows.

    Args:
        train_table: Training rows with the target and the row features.
        contract: The table's contract.
        best_parameters: JSON: the best family and parameters, their score, and out-of-fold errors by threshold.
        trials: JSON: every trial with its parameters, metrics, time, warnings and, if it failed, why.
        best_bundle: Bundle of the best trial, fitted on all training rows; its metrics are the cross-validation's.
        search: The search on one self-contained page: progress, parameters and their importance, all trials, and what
            the winner is worth.
        families: Model families to search (default: three).
        experiment: Path or address of a Katib Experiment that declares the search, or a shipped one's name (default:
            the families' own).
        budget: Trials (20) or time (90s, 5m, 1h) of the search (default: four trials of each family).
        folds: Folds of the cross-validation (default: 5, or 3 from 10,000 rows on).
        seed: Seed of every random choice.
        nested: Whether the search itself is cross-validated too: as many searches more as there are folds.
        ensemble: Whether the search may end with an ensemble of trials, if it pays: auto, greedy, stacking or off.
        tuner: Where trials run: local, in the step, or katib, each in a pod of its own.
        journal: File or folder in which finished trials are kept while a local search runs (default: none).
        deadline: Maximum time of a search on Katib, such as 2h (default: a day).
        cleanup: When Katib's Experiments are deleted: always, succeeded or never.
        search_namespace: Namespace of Katib's Experiments (default: the context's, or the step's own).
        fingerprint: Fingerprint of the Experiment: the search of an earlier run is reused only for the same one.
    """
    from headrace.steps.training.tune import run_tune

    run_tune(
        train_table=train_table,
        contract=contract,
        best_parameters=best_parameters,
        trials=trials,
        best_bundle=best_bundle,
        search=search,
        families=families,
        experiment=experiment,
        budget=budget,
        folds=folds,
        seed=seed,
        nested=nested,
        ensemble=ensemble,
        tuner=tuner,
        journal=journal,
        deadline=deadline,
        cleanup=cleanup,
        search_namespace=search_namespace,
        fingerprint=fingerprint,
    )
