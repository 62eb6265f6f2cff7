"""The search of the training line: tables in, the best parameters and all trials out."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from headrace.core import contract_yaml, families, folds, layout, matrix, sampling, tables, thresholds
from headrace.core.contract import Contract, Task
from headrace.core.errors import InputError, shown
from headrace.core.files import write_json
from headrace.core.steps import progress
from headrace.experiments import budget, experiment, search
from headrace.experiments.experiment import Experiment
from headrace.experiments.search import Found
from headrace.experiments.trial import Sample, Trial

TRIALS_OF_A_FAMILY = 4
_REGRESSION = frozenset({"mae", "rmse", "r2"})


@dataclass(frozen=True)
class Wish:
    """What the user asks of a search.

    Attributes:
        families: Names of families; empty for the defaults.
        experiment: File of a Katib Experiment; empty for the shipped ones.
        budget: Number of trials or time; empty for four trials of each family, or the Experiment's own.
        folds: Number of folds; 0 to let the rows decide.
        seed: Seed of everything random.
    """

    families: tuple[str, ...] = ()
    experiment: str = ""
    budget: str = ""
    folds: int = 0
    seed: int = 0


def tune_model(train_table: Path, *, contract: Path, best_parameters: Path, trials: Path, wish: Wish) -> dict[str, Any]:
    """Search for the best family and parameters by cross-validation on the training rows.

    Args:
        train_table: Typed table with the target and the row features.
        contract: The contract's file.
        best_parameters: File to write: {family, parameters, score, metric, folds, rows, operating_points}.
        trials: File to write: {algorithm, objective, rows, folds, trials, best}.
        wish: What the user asks for.

    Returns:
        Metadata: ``family``, ``metric``, ``score``, ``trials``, ``failed``.

    Raises:
        InputError: If a family, the Experiment or the budget is wrong.
        DataError: If the table cannot be cross-validated, or all trials fail.
    """
    agreed = contract_yaml.load(contract)
    plan = make_plan(wish, agreed.task, columns=len(layout.columns(agreed)))
    sample = make_sample(tables.read(train_table), agreed, wish, metric=plan.objective.metric)

    def listen(done: Trial) -> None:
        score = "failed" if done.score is None else f"{plan.objective.metric} {done.score:.4g}"
        of = f" of {plan.budget.trials}" if plan.budget.trials else ""
        progress("tune", f"trial {done.number + 1}{of}: {done.family}, {score}")

    found = search.search(plan, sample, listener=listen)
    write_json(trials, _trials(found, plan, sample))
    write_json(best_parameters, _best(found, plan, sample))
    failed = sum(trial.status == "failed" for trial in found.trials)
    return {
        "family": found.best.family,
        "metric": plan.objective.metric,
        "score": float(found.best.score or 0.0),
        "trials": float(len(found.trials)),
        "failed": float(failed),
    }


def make_plan(wish: Wish, task: Task, *, columns: int = 1) -> search.Plan:
    """The search that a user asks for.

    Args:
        wish: What is asked for.
        task: What is predicted.
        columns: Columns of the matrix.

    Raises:
        InputError: If a family, the Experiment or the budget is wrong.
    """
    if wish.experiment:
        return _given_plan(wish, experiment.load(Path(wish.experiment)), task)
    names = tuple(dict.fromkeys(wish.families)) or tuple(families.defaults(task, columns=columns))
    for name in names:
        if task not in families.family(name).tasks:
            raise InputError(f"the family {name} cannot do a {task} task; choose among {shown(families.names(task))}.")
    spent = budget.parse(wish.budget) if wish.budget else budget.Budget(trials=TRIALS_OF_A_FAMILY * len(names))
    experiments = [experiment.shipped(name).for_task(task) for name in names]
    return search.Plan(experiments=experiments, budget=spent, seed=wish.seed)


def _given_plan(wish: Wish, given: Experiment, task: Task) -> search.Plan:
    if wish.families and set(wish.families) != {given.family}:
        raise InputError(
            f"the families must be those of the Experiment, {[given.family]}; got {shown(list(wish.families))}; "
            "leave them out."
        )
    if task not in families.family(given.family).tasks:
        raise InputError(f"the Experiment's family {given.family} cannot do a {task} task; choose another.")
    metric = given.objective.metric
    if (metric in _REGRESSION) != (task == "regression"):
        raise InputError(
            f"the Experiment's objective must be a metric of a {task} task, such as "
            f"{experiment.objective_of(task).metric}; got {metric} instead."
        )
    return search.Plan(
        experiments=[given],
        budget=budget.parse(wish.budget) if wish.budget else _own(given),
        seed=wish.seed,
        defaults=False,
    )


def _own(given: Experiment) -> budget.Budget:
    return budget.Budget(trials=given.max_trials or TRIALS_OF_A_FAMILY)


def make_sample(frame: pl.DataFrame, contract: Contract, wish: Wish, *, metric: str) -> Sample:
    """The rows that the trials use, encoded once, and their folds.

    Args:
        frame: Typed training table.
        contract: Its contract.
        wish: Number of folds and seed.
        metric: The objective.

    Raises:
        DataError: If the rows cannot be cross-validated.
    """
    target = matrix.encode_target(frame, contract)
    columns = len(layout.columns(contract))
    rows = sampling.sample(target, task=contract.task, columns=columns, seed=wish.seed)
    part, chosen = frame[rows], target[rows]
    return Sample(
        encoded=matrix.encode(part, contract),
        target=chosen,
        folds=folds.make(part, chosen, contract, folds=wish.folds, seed=wish.seed),
        contract=contract,
        metric=metric,
        seed=wish.seed,
    )


def _trials(found: Found, plan: search.Plan, sample: Sample) -> dict[str, Any]:
    return {
        "algorithm": ", ".join(sorted({experiment.algorithm for experiment in plan.experiments})),
        "objective": asdict(plan.objective),
        "rows": len(sample.target),
        "folds": len(sample.folds),
        "trials": [asdict(trial) for trial in found.trials],
        "best": found.best.number,
    }


def _best(found: Found, plan: search.Plan, sample: Sample) -> dict[str, Any]:
    best: dict[str, Any] = {
        "family": found.best.family,
        "parameters": found.best.parameters,
        "score": found.best.score,
        "metric": plan.objective.metric,
        "folds": len(sample.folds),
        "rows": len(sample.target),
    }
    if sample.contract.task == "binary":
        points = thresholds.of_predictions(sample.target, found.predictions, positive=layout.positive(sample.contract))
        best["operating_points"] = [point.as_json() for point in points]
    return best
