"""The step that searches for the best model family and its parameters."""

from collections.abc import Sequence
from pathlib import Path

from headrace.core.base.image import IMAGE
from headrace.experiments.tuners.factory import TunerTarget, create_tuner
from headrace.experiments.tuners.tune import SearchOptions, TuneOutputs, tune_model
from headrace.reports.search.page import write_when_done
from headrace.steps.artifacts import StepArtifact, add_metadata, record_arguments
from headrace.steps.step_function import Say, as_step
from headrace.stores.sources.small_file import one_file


@as_step
def run_tune(
    _say: Say,
    *,
    train_table: StepArtifact,
    contract: StepArtifact,
    best_parameters: StepArtifact,
    trials: StepArtifact,
    best_bundle: StepArtifact,
    search: StepArtifact,
    families: Sequence[str],
    experiment: str,
    budget: str,
    folds: int,
    seed: int,
    nested: bool,
    ensemble: str,
    tuner: str,
    journal: str,
    deadline: str,
    cleanup: str,
    search_namespace: str,
    fingerprint: str,
) -> None:
    """Search families and their parameters by cross-validation; the component documents the parameters."""
    page = write_when_done(search.path, trials=trials.path, bundle=best_bundle.uri)
    with page, one_file(experiment, fingerprint) as file:
        facts = tune_model(
            Path(train_table.path),
            contract=Path(contract.path),
            outputs=TuneOutputs(Path(best_parameters.path), Path(trials.path), Path(best_bundle.path)),
            options=SearchOptions(
                families=tuple(map(str, families)),
                experiment=str(file) if experiment else "",
                budget=budget,
                folds=int(folds),
                seed=int(seed),
                nested=nested,
                ensemble=ensemble,
            ),
            tuner=create_tuner(TunerTarget(tuner, journal, IMAGE, deadline, cleanup, search_namespace)),
        )
        text = file.read_text(encoding="utf-8") if file.is_file() else experiment
    add_metadata(best_parameters, facts)
    record_arguments(
        best_parameters,
        families=families,
        experiment=text,
        budget=str(int(facts["trials"])),
        folds=folds,
        ensemble=ensemble,
        seed=seed,
    )
