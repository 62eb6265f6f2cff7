"""The search of the training pipeline: tables in; the best parameters, all trials and the best bundle out."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.core.base.files import read_json, write_json
from headrace.core.contracts.contract import Task
from headrace.core.evaluation.search_trials import Trial
from headrace.core.features import matrix_layout
from headrace.core.models import families
from headrace.core.runtime.step_events import progress
from headrace.experiments.manifests import experiment_yaml
from headrace.experiments.search import budget
from headrace.experiments.search.budget import SearchBudget
from headrace.experiments.search.loop import FailedSearchError, SearchPlan
from headrace.experiments.search.progress import SearchProgress
from headrace.experiments.search.result import SearchDocument
from headrace.experiments.space import algorithms, assignments
from headrace.experiments.space.experiment import Experiment
from headrace.experiments.trials import best_bundle, default_model
from headrace.experiments.trials.nested_cv import run_nested_search
from headrace.experiments.trials.study import Study
from headrace.experiments.tuners.local import LocalTuner, Tuner

TRIALS_OF_A_FAMILY = 4
PICTURE_DEFAULTS = ("cnn",)


@dataclass(frozen=True)
class SearchOptions:
    """The options of a search.

    Attributes:
        families: Names of families; empty for the defaults.
        experiment: File of a Katib Experiment, or the name of a shipped one; empty for the families' own.
        budget: Number of trials or time; empty for four trials of each family, or the Experiment's own.
        folds: Number of folds; 0 to choose it by the number of rows.
        seed: Seed of everything random.
        nested: Whether to cross-validate the search itself too.
    """

    families: tuple[str, ...] = ()
    experiment: str = ""
    budget: str = ""
    folds: int = 0
    seed: int = 0
    nested: bool = False


@dataclass(frozen=True)
class TuneOutputs:
    """Paths of the results.

    Attributes:
        best_parameters: File: {family, parameters, score, metric, folds, rows, operating_points}.
        trials: File: a ``SearchDocument``.
        bundle: Folder of the best trial's bundle.
    """

    best_parameters: Path
    trials: Path
    bundle: Path


def tune_model(
    train_table: Path, *, contract: Path, outputs: TuneOutputs, options: SearchOptions, tuner: Tuner | None = None
) -> dict[str, Any]:
    """Search for the best family and parameters by cross-validation on the training rows.

    Args:
        train_table: Typed table with the target and the row features.
        contract: The contract's file.
        outputs: Paths to write; the trials are written even if the search fails.
        options: The options of the search.
        tuner: Runs the trials; None for this process.

    Returns:
        Metadata: ``family``, ``metric``, ``score``, ``trials``, ``failed``; without labels to compare anomaly models
        by, no trials and a score of 0.

    Raises:
        InputError: If a family, the Experiment or the budget is wrong, or what fits a family is not installed.
        DataError: If the table cannot be cross-validated, or the search finds nothing.
    """
    study = Study.read(train_table, contract, folds=options.folds, seed=options.seed)
    columns = matrix_layout.columns(study.contract)
    pictures = any(column.part_of is not None for column in columns)
    plan = make_plan(options, study.contract.task, columns=len(columns), pictures=pictures)
    if default_model.lacks_labels(study):
        default_model.check_families(options.families)
        return _fit_defaults(plan, study, outputs, nested=options.nested)
    return _tune(plan, study, outputs, tuner or LocalTuner(), with_nested=options.nested)


def _tune(plan: SearchPlan, study: Study, outputs: TuneOutputs, tuner: Tuner, *, with_nested: bool) -> dict[str, Any]:
    began = time.monotonic()
    search_progress = SearchProgress(plan, lambda text: progress("tune", text))
    try:
        searched = tuner.tune(plan, study, bundle=outputs.bundle, listener=search_progress)
    except FailedSearchError as failure:
        result = _result(tuner, plan, study, failure.trials, seconds=time.monotonic() - began)
        write_json(outputs.trials, result.as_json())
        raise
    result = _result(tuner, plan, study, searched.trials, seconds=time.monotonic() - began)
    nested_estimate = run_nested_search(plan, study, say=lambda text: progress("tune", text)) if with_nested else None
    result = replace(result, reason=searched.reason, best=searched.best.number, nested=nested_estimate)
    write_json(outputs.trials, result.as_json())
    best = best_bundle.best_parameters(searched.best, study, metric=plan.objective.metric)
    points = read_json(outputs.bundle / "model.json")["operating_points"]
    write_json(outputs.best_parameters, {**best, "operating_points": points} if points else best)
    progress("tune", search_progress.conclusion())
    return {
        "family": searched.best.family,
        "metric": plan.objective.metric,
        "score": float(searched.best.score or 0.0),
        "trials": float(len(searched.trials)),
        "failed": float(sum(trial.status == "failed" for trial in searched.trials)),
    }


def _fit_defaults(plan: SearchPlan, study: Study, outputs: TuneOutputs, *, nested: bool) -> dict[str, Any]:
    """Fit a family's defaults where no label says which of several models is better."""
    began = time.monotonic()
    trial = default_model.fit_defaults(plan, study, bundle=outputs.bundle, nested=nested)
    result = _result(LocalTuner(), plan, study, (), seconds=time.monotonic() - began)
    write_json(outputs.trials, replace(result, reason=default_model.REASON).as_json())
    best = best_bundle.best_parameters(trial, study, metric=plan.objective.metric)
    write_json(outputs.best_parameters, best)
    progress("tune", f"no labels to compare models by: the defaults of {trial.family.replace('_', ' ')}")
    return {"family": trial.family, "metric": plan.objective.metric, "score": 0.0, "trials": 0.0, "failed": 0.0}


def _result(
    tuner: Tuner, plan: SearchPlan, study: Study, trials: tuple[Trial, ...], *, seconds: float
) -> SearchDocument:
    """Return the document of a search, without reason and best trial."""
    return SearchDocument(
        tuner=tuner.name,
        experiments=tuple(experiment.name for experiment in plan.experiments),
        algorithm=", ".join(sorted({experiment.algorithm for experiment in plan.experiments})),
        objective=plan.objective,
        rows=len(study.rows),
        folds=len(study.folds),
        reason="",
        seconds=seconds,
        trials=trials,
        best=None,
    )


def make_plan(options: SearchOptions, task: Task, *, columns: int = 1, pictures: bool = False) -> SearchPlan:
    """Return the plan of a search for the options of a user.

    Args:
        options: The options of the search.
        task: Kind of prediction.
        columns: Number of columns of the model matrix.
        pictures: Whether a feature is a picture.

    Raises:
        InputError: If a family, the Experiment or the budget is wrong.
    """
    if options.experiment:
        return _given_plan(options, _experiment(options.experiment), task)
    usual = PICTURE_DEFAULTS if pictures else families.defaults(task, columns=columns)
    names = tuple(dict.fromkeys(options.families)) or tuple(usual)
    for name in names:
        if task not in families.family(name).tasks:
            raise InputError(f"the family {name} cannot do a {task} task; choose among {quote(families.names(task))}.")
        families.family(name).check_installed()
    limit = budget.parse(options.budget) if options.budget else SearchBudget(trials=TRIALS_OF_A_FAMILY * len(names))
    experiments = [experiment_yaml.load_shipped(name).for_task(task) for name in names]
    return SearchPlan(experiments=experiments, budget=limit, seed=options.seed)


def _experiment(name: str) -> Experiment:
    """Read the Experiment of a file, or the shipped one of that name."""
    path = Path(name)
    return (
        experiment_yaml.load_shipped(name) if name.isidentifier() and not path.exists() else experiment_yaml.load(path)
    )


def _given_plan(options: SearchOptions, experiment: Experiment, task: Task) -> SearchPlan:
    searched_families = assignments.of_experiment(experiment)
    if experiment.pipeline:
        raise InputError(
            f"the trial of {experiment.name} is the pipeline {experiment.pipeline}, which brings its own table; run it "
            "by headrace tune --experiment, without a table."
        )
    if options.families and set(options.families) != set(searched_families):
        raise InputError(
            f"the families must be those of the Experiment, {list(searched_families)}; got "
            f"{quote(list(options.families))}; leave them out."
        )
    assignments.check_task(experiment, task)
    for name in searched_families:
        families.family(name).check_installed()
    return plan_of(experiment, budget_text=options.budget, seed=options.seed)


def plan_of(experiment: Experiment, *, budget_text: str = "", seed: int = 0) -> SearchPlan:
    """Return the plan of a search for a given Experiment.

    Args:
        experiment: The Experiment.
        budget_text: Number of trials or time; empty for the Experiment's own number, or four.
        seed: Seed of suggestions and fits.

    Raises:
        InputError: If the budget is invalid, or the algorithm cannot use it.
    """
    limit = (
        budget.parse(budget_text) if budget_text else SearchBudget(trials=experiment.max_trials or TRIALS_OF_A_FAMILY)
    )
    experiment = experiment.with_max_trials(limit.trials) if limit.trials else replace(experiment, max_trials=0)
    algorithms.check(
        experiment.algorithm,
        experiment.settings,
        experiment.space,
        trials=experiment.max_trials,
        parallel=experiment.parallel,
        where=experiment.name,
    )
    return SearchPlan(experiments=[experiment], budget=limit, seed=seed, defaults=False)
