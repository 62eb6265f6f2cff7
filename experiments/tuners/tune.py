"""The search of the training line: tables in; the best parameters, all trials and the best bundle out."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.core.base.files import read_json, write_json
from headrace.core.contracts.contract import Task
from headrace.core.features import matrix_layout
from headrace.core.models import families
from headrace.core.runtime.step_events import progress
from headrace.experiments.manifests import experiment_yaml
from headrace.experiments.search import budget
from headrace.experiments.search.budget import SearchBudget
from headrace.experiments.search.loop import FailedSearchError, SearchPlan
from headrace.experiments.search.progress import SearchProgress
from headrace.experiments.search.result import SearchDocument, Trial
from headrace.experiments.space import algorithms, assignments
from headrace.experiments.space.experiment import Experiment
from headrace.experiments.trials import best_bundle
from headrace.experiments.trials.nested_cv import run_nested_search
from headrace.experiments.trials.study import Study
from headrace.experiments.tuners.local import LocalTuner, Tuner

TRIALS_OF_A_FAMILY = 4


@dataclass(frozen=True)
class SearchOptions:
    """What the user asks of a search.

    Attributes:
        families: Names of families; empty for the defaults.
        experiment: File of a Katib Experiment, or the name of a shipped one; empty for the families' own.
        budget: Number of trials or time; empty for four trials of each family, or the Experiment's own.
        folds: Number of folds; 0 to let the rows decide.
        seed: Seed of everything random.
        nested: Whether the search itself is cross-validated too.
    """

    families: tuple[str, ...] = ()
    experiment: str = ""
    budget: str = ""
    folds: int = 0
    seed: int = 0
    nested: bool = False


@dataclass(frozen=True)
class TuneOutputs:
    """Where the results go.

    Attributes:
        best_parameters: File: {family, parameters, score, metric, folds, rows, operating_points}.
        trials: File: a ``Result``.
        bundle: Folder of the best trial's bundle.
    """

    best_parameters: Path
    trials: Path
    bundle: Path


def tune_model(
    train_table: Path, *, contract: Path, outputs: TuneOutputs, wish: SearchOptions, tuner: Tuner | None = None
) -> dict[str, Any]:
    """Search for the best family and parameters by cross-validation on the training rows.

    Args:
        train_table: Typed table with the target and the row features.
        contract: The contract's file.
        outputs: What is written; the trials also if the search fails.
        wish: What the user asks for.
        tuner: Where the trials run; in this process if not given.

    Returns:
        Metadata: ``family``, ``metric``, ``score``, ``trials``, ``failed``.

    Raises:
        InputError: If a family, the Experiment or the budget is wrong.
        DataError: If the table cannot be cross-validated, or the search finds nothing.
    """
    study = Study.read(train_table, contract, folds=wish.folds, seed=wish.seed)
    plan = make_plan(wish, study.contract.task, columns=len(matrix_layout.columns(study.contract)))
    return _tune(plan, study, outputs, tuner or LocalTuner(), with_nested=wish.nested)


def _tune(plan: SearchPlan, study: Study, outputs: TuneOutputs, tuner: Tuner, *, with_nested: bool) -> dict[str, Any]:
    began = time.monotonic()
    told = SearchProgress(plan, lambda text: progress("tune", text))
    try:
        found = tuner.tune(plan, study, bundle=outputs.bundle, listener=told)
    except FailedSearchError as failure:
        result = _result(tuner, plan, study, failure.trials, seconds=time.monotonic() - began)
        write_json(outputs.trials, result.as_json())
        raise
    result = _result(tuner, plan, study, found.trials, seconds=time.monotonic() - began)
    unseen = run_nested_search(plan, study, say=lambda text: progress("tune", text)) if with_nested else None
    result = replace(result, reason=found.reason, best=found.best.number, nested=unseen)
    write_json(outputs.trials, result.as_json())
    best = best_bundle.best_parameters(found.best, study, metric=plan.objective.metric)
    points = read_json(outputs.bundle / "model.json")["operating_points"]
    write_json(outputs.best_parameters, {**best, "operating_points": points} if points else best)
    progress("tune", told.conclusion())
    return {
        "family": found.best.family,
        "metric": plan.objective.metric,
        "score": float(found.best.score or 0.0),
        "trials": float(len(found.trials)),
        "failed": float(sum(trial.status == "failed" for trial in found.trials)),
    }


def _result(
    tuner: Tuner, plan: SearchPlan, study: Study, trials: tuple[Trial, ...], *, seconds: float
) -> SearchDocument:
    """What there is to tell of a search without an end."""
    return SearchDocument(
        engine=tuner.name,
        experiments=tuple(one.name for one in plan.experiments),
        algorithm=", ".join(sorted({one.algorithm for one in plan.experiments})),
        objective=plan.objective,
        rows=len(study.rows),
        folds=len(study.folds),
        reason="",
        seconds=seconds,
        trials=trials,
        best=None,
    )


def make_plan(wish: SearchOptions, task: Task, *, columns: int = 1) -> SearchPlan:
    """The search that a user asks for.

    Args:
        wish: What is asked for.
        task: What is predicted.
        columns: Columns of the matrix.

    Raises:
        InputError: If a family, the Experiment or the budget is wrong.
    """
    if wish.experiment:
        return _given_plan(wish, _experiment(wish.experiment), task)
    names = tuple(dict.fromkeys(wish.families)) or tuple(families.defaults(task, columns=columns))
    for name in names:
        if task not in families.family(name).tasks:
            raise InputError(f"the family {name} cannot do a {task} task; choose among {quote(families.names(task))}.")
    spent = budget.parse(wish.budget) if wish.budget else SearchBudget(trials=TRIALS_OF_A_FAMILY * len(names))
    experiments = [experiment_yaml.load_shipped(name).for_task(task) for name in names]
    return SearchPlan(experiments=experiments, budget=spent, seed=wish.seed)


def _experiment(name: str) -> Experiment:
    """The Experiment of a file, or the shipped one of that name."""
    path = Path(name)
    return (
        experiment_yaml.load_shipped(name) if name.isidentifier() and not path.exists() else experiment_yaml.load(path)
    )


def _given_plan(wish: SearchOptions, given: Experiment, task: Task) -> SearchPlan:
    own = assignments.of_experiment(given)
    if given.pipeline:
        raise InputError(
            f"the trial of {given.name} is the pipeline {given.pipeline}, which brings its own table; run it by "
            "headrace tune --experiment, without a table."
        )
    if wish.families and set(wish.families) != set(own):
        raise InputError(
            f"the families must be those of the Experiment, {list(own)}; got {quote(list(wish.families))}; "
            "leave them out."
        )
    assignments.suits(given, task)
    return plan_of(given, budget_text=wish.budget, seed=wish.seed)


def plan_of(given: Experiment, *, budget_text: str = "", seed: int = 0) -> SearchPlan:
    """The search of an Experiment that a person has written.

    Args:
        given: The Experiment.
        budget_text: Number of trials or time; empty for the Experiment's own number, or four.
        seed: Seed of suggestions and fits.

    Raises:
        InputError: If the budget is none, or its algorithm could not use it.
    """
    asked = budget.parse(budget_text) if budget_text else SearchBudget(trials=given.max_trials or TRIALS_OF_A_FAMILY)
    given = given.with_max_trials(asked.trials) if asked.trials else replace(given, max_trials=0)
    algorithms.check(
        given.algorithm,
        given.settings,
        given.space,
        trials=given.max_trials,
        parallel=given.parallel,
        where=given.name,
    )
    return SearchPlan(experiments=[given], budget=asked, seed=seed, defaults=False)
