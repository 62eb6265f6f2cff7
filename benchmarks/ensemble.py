"""Does an ensemble of a search's trials pay, and what does it cost to serve? By real tables, against the best trial.

    make bench NAME=ensemble ARGS="--tables FOLDER"       (CSV files: those of the package ISLP, for one)

The suite's default search (four trials of each of three families) runs on 70 % of a table's rows, at most 2,000. Each
method chooses weights from its out-of-fold predictions; best trial and ensembles are fitted on these rows and measured
on all others, which no trial saw: by the objective, and by log loss or 1 - R2. *Always* takes an ensemble in any case,
*better* where its estimate is better at all, *beyond chance* where it is by more than a standard error. *Serving*: the
ensemble's one graph beside the graphs of its members, one row and a thousand rows, the processor's time, each the least
of many runs. Prints a line for each table and seed and, last, one line of JSON.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import tuning_data
from families import FILES, SOURCES, loss
from scipy.stats import wilcoxon
from sklearn.model_selection import train_test_split
from tuning_data import Source, Table

from headrace.core.evaluation.ensemble_estimate import EnsembleEstimate
from headrace.core.evaluation.search_trials import Trial
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.inference.engine import OnnxEngine
from headrace.core.models import families, fitting
from headrace.core.models.ensembles.ensemble_estimator import Ensemble
from headrace.core.models.ensembles.members import EnsembleMember, to_parameters
from headrace.core.models.fitted_model import Model
from headrace.core.onnx_export.export import convert
from headrace.core.splits.folds import Fold
from headrace.experiments.ensembles.choose_ensemble import choose_model
from headrace.experiments.ensembles.fold_metric import FoldMetric
from headrace.experiments.ensembles.member_weights import Method
from headrace.experiments.search.loop import search
from headrace.experiments.trials.cross_validation import CrossValidation
from headrace.experiments.trials.study import Study
from headrace.experiments.trials.trial_predictions import TrialPredictions
from headrace.experiments.tuners.tune import SearchOptions, make_plan

MOST_ROWS = 2000
METHODS: tuple[Method, ...] = get_args(Method)


def run(table: Table, name: str, seed: int) -> dict[str, Any]:
    """Search, choose, fit and measure."""
    contract = table.contract
    encoded, target = model_matrix.encode(table.frame, contract), model_matrix.encode_target(table.frame, contract)
    classes = None if contract.task == "regression" else target
    count = min(MOST_ROWS, int(0.7 * len(target)))
    kept, held = train_test_split(np.arange(len(target)), train_size=count, stratify=classes, random_state=seed)
    study = Study.of(table.frame[kept], contract, seed=seed)
    plan = make_plan(SearchOptions(seed=seed), contract.task, columns=encoded.shape[1])
    metric = FoldMetric(study.sample.target, study.folds, contract, plan.objective.metric)
    tested = replace(metric, target=target, folds=(Fold(kept, held),))
    row: dict[str, Any] = {"table": name, "task": contract.task, "seed": seed, "rows": count}
    with CrossValidation.on(study.sample, plan.objective, kept=TrialPredictions(plan.objective)) as cross:
        found = search(plan, cross)
        given = cached(lambda trial: held_out(table, trial, (kept, held, encoded, target), seed))
        row["single"] = losses(tested, given(found.best), target[held], len(matrix_layout.classes(contract)))
        for method in METHODS:
            began = time.process_time()
            chosen = choose_model(
                found.trials, found.best, predictions_of=cross.predictions, metric=metric, choice=method
            )
            seconds, estimate = time.process_time() - began, chosen.estimate
            if estimate is None or not estimate.members:
                row[method] = {**row["single"], "members": 1, "seconds": seconds, "z": -1.0}
                continue
            mean = sum(one.weight * given(found.trials[one.trial]) for one in estimate.members)
            row[method] = {
                **losses(tested, mean, target[held], len(matrix_layout.classes(contract))),
                "members": len(estimate.members),
                "seconds": seconds,
                "z": (estimate.gain or 0.0) / (estimate.standard_error or 1.0),
                **serving(table, estimate, (kept, encoded, target), seed),
            }
    print(json.dumps(row), flush=True)
    return row


def cached(work: Callable[[Trial], Any]) -> Callable[[Trial], Any]:
    """Do the work once for each trial."""
    done: dict[int, Any] = {}

    def find(trial: Trial) -> Any:
        if trial.number not in done:
            done[trial.number] = work(trial)
        return done[trial.number]

    return find


def held_out(table: Table, trial: Trial, parts: Sequence[Any], seed: int) -> Any:
    """Predictions for the held rows; NaN for others."""
    kept, held, encoded, target = parts
    contract, family = table.contract, families.family(trial.family)
    columns = matrix_layout.columns(contract)
    return fitting.out_of_fold(
        lambda: family.build(columns, task=contract.task, parameters=trial.parameters, seed=seed),
        encoded,
        target,
        folds=[Fold(kept, held)],
        classes=len(matrix_layout.classes(contract)),
    ).predictions


def losses(tested: FoldMetric, predictions: Any, target: Any, classes: int) -> dict[str, float]:
    """The objective as a loss, and log loss or 1 - R2."""
    rows = tested.folds[0].held_out
    unit = 1.0 if classes else float(np.var(target))
    return {"objective": tested.loss(predictions, [0]), "loss": loss(target, predictions[rows], classes) / unit}


def serving(table: Table, estimate: EnsembleEstimate, parts: Sequence[Any], seed: int) -> dict[str, float]:
    """Seconds of the ensemble's graph and of its members' graphs together, and their sizes."""
    kept, encoded, target = parts
    contract = table.contract
    columns = matrix_layout.columns(contract)
    pipelines = []
    for one in estimate.members:
        pipeline = families.family(one.family).build(columns, task=contract.task, parameters=one.parameters, seed=seed)
        fitting.fit(pipeline, encoded[kept], target[kept])
        pipelines.append(pipeline)
    model = Model(pipelines[0], contract, "", {}, seed, {})
    members = [convert(replace(model, pipeline=pipeline)) for pipeline in pipelines]
    family = families.family("ensemble")
    whole = family.build(
        columns,
        task=contract.task,
        parameters=to_parameters([EnsembleMember(one.family, one.weight, one.parameters) for one in estimate.members]),
        seed=seed,
    )
    grower = whole[-1]
    assert isinstance(grower, Ensemble)  # noqa: S101 - the family builds nothing else
    grower.take(pipelines, width=encoded.shape[1])
    joined = convert(replace(model, pipeline=whole))
    rows = encoded[np.resize(kept, 1000)]
    found = {"bytes": float(len(joined)), "bytes_of_members": float(sum(map(len, members)))}
    engines = [OnnxEngine(content, contract) for content in (joined, *members)]
    for size, repeats in ((1, 2000), (1000, 60)):
        times = least_times(engines, np.ascontiguousarray(rows[:size]), repeats)
        found |= {f"seconds_{size}": times[0], f"seconds_{size}_of_members": sum(times[1:])}
        found[f"seconds_{size}_of_best"] = times[1]
    return found


def least_times(engines: Sequence[OnnxEngine], rows: Any, repeats: int) -> list[float]:
    """The least seconds of each engine; they take turns, so that other work meets all of them."""
    least = [float("inf")] * len(engines)
    for _ in range(repeats):
        for place, engine in enumerate(engines):
            began = time.thread_time()  # the engine works in this thread, and the clock of the wall tells of others
            engine(rows)
            least[place] = min(least[place], time.thread_time() - began)
    return least


def summarize(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Each method always, and where its rule takes it, against the best trial; and what serving costs."""
    summary: dict[str, dict[str, float]] = {}
    for method in METHODS:
        for rule, least in (("always", -np.inf), ("better", 0.0), ("beyond chance", 1.0)):
            taken = [row[method]["z"] > least for row in rows]
            for measure in ("objective", "loss"):
                ours = [row[method if one else "single"][measure] for row, one in zip(rows, taken, strict=True)]
                theirs = [row["single"][measure] for row in rows]
                facts = compared(ours, theirs, [row["table"] for row in rows])
                summary[f"{method}, {rule}, {measure}"] = {**facts, "taken": float(np.mean(taken))}
        served = [row[method] for row in rows if "bytes" in row[method]]
        ratio = {
            f"{size}_rows": float(
                np.exp(np.mean([np.log(one[f"seconds_{size}"] / one[f"seconds_{size}_of_members"]) for one in served]))
            )
            for size in (1, 1000)
        }
        ratio["bytes"] = float(np.mean([one["bytes"] / one["bytes_of_members"] for one in served]))
        ratio["microseconds_of_one_row"] = 1e6 * float(np.median([one["seconds_1"] for one in served]))
        ratio["of_the_members"] = 1e6 * float(np.median([one["seconds_1_of_members"] for one in served]))
        ratio["members"] = float(np.mean([one["members"] for one in served]))
        ratio["seconds_to_choose"] = float(np.mean([row[method]["seconds"] for row in rows]))
        summary[f"{method}, serving"] = ratio
    return summary


def compared(ours: Sequence[float], theirs: Sequence[float], tables: Sequence[str]) -> dict[str, float]:
    """Mean and median relative change (below 0: better), wins, losses, p of Wilcoxon's test, and tables that gain."""
    change = (np.array(ours) - np.array(theirs)) / np.abs(np.array(theirs))
    by_table = [np.mean(change[np.array(tables) == name]) for name in dict.fromkeys(tables)]
    return {
        "mean": float(change.mean()),
        "median": float(np.median(change)),
        "wins": float((change < -1e-9).sum()),
        "losses": float((change > 1e-9).sum()),
        "p": 1.0 if (np.abs(change) < 1e-9).all() else float(wilcoxon(change, zero_method="pratt").pvalue),
        "tables_better": float((np.array(by_table) < -1e-9).sum()),
        "tables_worse": float((np.array(by_table) > 1e-9).sum()),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path, help="folder of CSV files")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="names of tables, separated by commas")
    given = parser.parse_args()
    sources = list(SOURCES)
    if given.tables:
        sources += [
            Source(name.lower(), "", target, 0, file=f"{name}.csv", drop=drop) for name, (target, drop) in FILES.items()
        ]
    if given.only:
        sources = [source for source in sources if source.name in given.only.split(",")]
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for source in sources:
            folder = given.tables if source.file[:-4] in FILES else tuning_data.folder_of_tables()
            table = tuning_data.read(source, folder, Path(scratch) / source.name)
            rows += [run(table, source.name, seed) for seed in range(given.seeds)]
    summary = summarize(rows)
    for name, facts in summary.items():
        print(f"{name:40s} " + "  ".join(f"{key} {value:.4g}" for key, value in facts.items()))
    print(json.dumps({"rows": rows, "summary": summary}))


if __name__ == "__main__":
    main()
