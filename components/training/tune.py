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
    on: str = "local",
    journal: str = "",
    deadline: str = "",
    cleanup: str = "succeeded",
    namespace: str = "",
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
        on: Where trials run: local, in the step, or katib, each in a pod of its own.
        journal: File or folder in which finished trials are kept while a local search runs (default: none).
        deadline: Maximum time of a search on Katib, such as 2h (default: a day).
        cleanup: When Katib's Experiments are deleted: always, succeeded or never.
        namespace: Namespace of Katib's Experiments (default: the context's, or the step's own).
        fingerprint: Fingerprint of the Experiment: the search of an earlier run is reused only for the same one.
    """
    from pathlib import Path

    from headrace.core.base.image import IMAGE
    from headrace.core.base.parameter_text import plain, plain_list
    from headrace.core.runtime.step_events import step
    from headrace.core.runtime.step_trace import arguments_text
    from headrace.experiments.tuners.factory import TunerTarget, choose
    from headrace.experiments.tuners.tune import SearchOptions, TuneOutputs, tune_model
    from headrace.reports.search.page import write_when_done
    from headrace.stores.sources.small_file import one_file

    pages = {"trials": trials.path, "bundle": best_bundle.uri}
    with step("tune"), write_when_done(search.path, **pages), one_file(plain(experiment), fingerprint) as file:
        experiment_path = str(file) if experiment else ""
        facts = tune_model(
            Path(train_table.path),
            contract=Path(contract.path),
            outputs=TuneOutputs(Path(best_parameters.path), Path(trials.path), Path(best_bundle.path)),
            options=SearchOptions(
                tuple(plain_list(families)), experiment_path, plain(budget), int(folds), int(seed), nested
            ),
            tuner=choose(TunerTarget(on, plain(journal), IMAGE, deadline, cleanup, namespace)),
        )
        best_parameters.metadata.update(facts)
        text = file.read_text(encoding="utf-8") if file.is_file() else experiment
        best_parameters.metadata["arguments"] = arguments_text(
            families=families, experiment=text, budget=str(int(facts["trials"])), folds=folds, seed=seed
        )
