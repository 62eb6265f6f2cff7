"""The search of the training pipeline: tables in; the best parameters, all trials and the best bundle out."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.core.base.files import read_json, write_json
from headrace.core.contracts.contract import Contract, Task
from headrace.core.evaluation.ensemble_estimate import EnsembleEstimate
from headrace.core.evaluation.search_trials import Trial
from headrace.core.features import matrix_layout
from headrace.core.models import families
from headrace.core.models.objectives.build_pipeline import find_obstacle
from headrace.core.runtime.step_events import progress
from headrace.experiments.ensembles import choose_ensemble
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
        ensemble: Whether and how the trials become an ensemble: ``off``, ``auto``, ``greedy`` or ``stacking``.
    """

    families: tuple[str, ...] = ()
    experiment: str = ""
    budget: str = ""
    folds: int = 0
    seed: int = 0
    nested: bool = False
    ensemble: str = "off"


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
        InputError: If a family, the Experiment or the budget is wrong, what fits a family is not installed, or an
            ensemble is asked for where trials leave no predictions.
        DataError: If the table cannot be cross-validated, or the search finds nothing.
    """
    study = Study.read(train_table, contract, folds=options.folds, seed=options.seed)
    plan = make_plan(options, study.contract.task, contract=study.contract)
    plan = replace(plan, ensemble=choose_ensemble.check(options.ensemble))
    if plan.ensemble == "stacking" and study.contract.objective != "mean":
        raise InputError(
            f"stacking weighs members by squared errors; the objective is {study.contract.objective}: take "
            "ensemble=greedy, which weighs them by the search's own metric, or off."
        )
    chosen_tuner = tuner or LocalTuner()
    if plan.ensemble in {"greedy", "stacking"} and chosen_tuner.name != LocalTuner.name:
        raise InputError(choose_ensemble.no_predictions(f"ensemble={plan.ensemble}"))
    if default_model.lacks_labels(study):
        default_model.check_families(options.families)
        return _fit_defaults(plan, study, outputs, nested=options.nested)
    return _tune(plan, study, outputs, chosen_tuner, with_nested=options.nested)


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
    if plan.ensemble != "off" and searched.ensemble is None:
        reason = choose_ensemble.no_predictions("an ensemble")
        searched = replace(searched, ensemble=EnsembleEstimate(choose_ensemble.AUTO, taken=False, reason=reason))
    result = replace(
        result, reason=searched.reason, best=searched.best.number, nested=nested_estimate, ensemble=searched.ensemble
    )
    write_json(outputs.trials, result.as_json())
    ensemble = {} if searched.ensemble is None else {"ensemble": searched.ensemble.reason}
    best = best_bundle.best_parameters(searched.model, study, metric=plan.objective.metric)
    points = read_json(outputs.bundle / "model.json")["operating_points"]
    write_json(outputs.best_parameters, best | ensemble | ({"operating_points": points} if points else {}))
    progress("tune", search_progress.conclusion())
    return {
        "family": searched.model.family,
        "metric": plan.objective.metric,
        "score": float(searched.model.score or 0.0),
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
    ensemble = {} if plan.ensemble == "off" else {"ensemble": default_model.NO_ENSEMBLE}
    write_json(outputs.best_parameters, best | ensemble)
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


def make_plan(options: SearchOptions, task: Task, *, contract: Contract | None = None) -> SearchPlan:
    """Return the plan of a search for the options of a user.

    Args:
        options: The options of the search.
        task: Kind of prediction.
        contract: The table's contract, whose objective and constraints the families must be able to fit, and whose
            columns say which families are usual; None for the mean of a few numbers.

    Raises:
        InputError: If a family, the Experiment or the budget is wrong.
    """
    if options.experiment:
        experiment = _experiment(options.experiment)
        _check_contract(assignments.of_experiment(experiment), contract)
        _check_metrics(experiment, contract)
        return _given_plan(options, experiment, task)
    names = tuple(dict.fromkeys(options.families)) or _usual_families(task, contract)
    _check_contract(names, contract)
    for name in names:
        if task not in families.family(name).tasks:
            raise InputError(f"the family {name} cannot do a {task} task; choose among {quote(families.names(task))}.")
        families.family(name).check_installed()
    limit = budget.parse(options.budget) if options.budget else SearchBudget(trials=TRIALS_OF_A_FAMILY * len(names))
    kind = contract.objective if contract else "mean"
    experiments = [experiment_yaml.load_shipped(name).for_task(task, kind) for name in names]
    return SearchPlan(experiments=experiments, budget=limit, seed=options.seed)


def _usual_families(task: Task, contract: Contract | None) -> tuple[str, ...]:
    columns = [] if contract is None else matrix_layout.columns(contract)
    if any(column.part_of is not None for column in columns):
        return PICTURE_DEFAULTS
    return tuple(families.defaults(task, columns=len(columns), contract=contract))


def _check_contract(names: Sequence[str], contract: Contract | None) -> None:
    for name in names if contract else ():
        obstacle = contract and find_obstacle(name, contract)
        if obstacle:
            raise InputError(f"the family {name} cannot do {obstacle}, which the contract asks for; leave it out.")


def _check_metrics(experiment: Experiment, contract: Contract | None) -> None:
    """Raise if the Experiment names a metric that only another contract defines."""
    if contract is None or experiment.pipeline:
        return
    needs = {
        "pinball_loss": ("objective: quantile", contract.objective == "quantile"),
        "poisson_deviance": ("objective: count", contract.objective == "count"),
        "quadratic_kappa": ("an ordered target", contract.has_ordered_classes),
        "ranked_probability": ("an ordered target", contract.has_ordered_classes),
        "interval_coverage": ("intervals, which the evaluation measures and no search", False),
        "interval_width": ("intervals, which the evaluation measures and no search", False),
    }
    for metric in experiment.objective.metrics:
        what, met = needs.get(metric, ("", True))
        if not met:
            raise InputError(
                f"the metric {metric} of {experiment.name} needs {what}; name another, or change the contract."
            )


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
