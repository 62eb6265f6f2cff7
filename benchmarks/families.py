"""Does one more family of boosted trees earn its place? Searches with and without it on real tables, at the same cost.

    make bench NAME=families ARGS="--tables FOLDER"       (CSV files: those of the package ISLP, for one)

Each family's trials (its defaults, then random draws of its shipped space) are cross-validated on 70 % of the rows, at
most 2,000, and measured on the others. An arm is a set of families that take turns until it has as many trials, or as
much time of processors, as the families without extras together; its score is that of its best trial in the
cross-validation, on the rows that no trial saw. CatBoost is measured as its library has it, with its own treatment
of categories. Prints a line for each table and seed, means and ranks, and, last, one line of JSON.
"""

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import tuning_data
from catboost_peer import CATBOOST
from scipy.stats import rankdata, wilcoxon
from sklearn import metrics
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from tuning_data import Source, Table

from headrace.core.features import matrix_layout, model_matrix
from headrace.core.features.model_matrix import Matrix, Target
from headrace.core.models import families, fitting
from headrace.core.splits.folds import Fold
from headrace.experiments.manifests import experiment_yaml
from headrace.experiments.space.search_space import NumberRange

FOLDS, MOST_ROWS = 3, 2000
EXTRAS = ("lightgbm", "xgboost", "catboost")
SOURCES = (
    Source("heart", "", "target", 0, file="heart.csv", other="breast_cancer"),
    Source("taxis", "", "tip", 0, file="taxis.csv", drop=("total",), other="diabetes"),
    Source("fare", "", "fare", 0, file="taxis.csv", drop=("total",), other="wine"),
    Source("breast_cancer", "", "target", 0, other="breast_cancer"),
    Source("digits", "", "target", 0, other="digits"),
    Source("diabetes", "", "target", 0, other="diabetes"),
)
# Of ISLP, by file: the target, and columns that tell it or number the rows.
FILES = {
    "OJ": ("Purchase", ()),
    "Caravan": ("Purchase", ()),
    "Default": ("default", ()),
    "Wage": ("wage", ("logwage",)),
    "Bikeshare": ("bikers", ("casual", "registered")),
    "College": ("Apps", ()),
    "Hitters": ("Salary", ()),
    "Boston": ("medv", ()),
    "Carseats": ("Sales", ()),
}


@dataclass(frozen=True)
class Measured:
    """A trial.

    Attributes:
        validation: Mean loss of the folds: log loss, or mean squared error.
        test: The same on the rows that no trial saw; for numbers as a share of their variance, which is 1 - R2.
        seconds: Time of processors for the folds.
    """

    validation: float
    test: float
    seconds: float


def draws(family: str, trials: int, seed: int) -> list[dict[str, Any]]:
    """The defaults, and random draws of the family's space."""
    space = CATBOOST.space if family == "catboost" else experiment_yaml.load_shipped(family).space
    rng = np.random.default_rng([seed, *family.encode()])
    drawn = (
        {
            name: kind.value(rng.random()) if isinstance(kind, NumberRange) else str(rng.choice(kind.values))
            for name, kind in space.items()
        }
        for _ in range(trials - 1)
    )
    return [{}, *drawn]


def measured(table: Table, parts: Sequence[Any], family: str, parameters: Mapping[str, Any], seed: int) -> Measured:
    """Cross-validate and test one trial."""
    kept, held, encoded, target = parts
    contract = table.contract
    classes = len(matrix_layout.classes(contract))

    def make() -> Any:
        kind = CATBOOST if family == "catboost" else families.family(family)
        return kind.build(matrix_layout.columns(contract), task=contract.task, parameters=parameters, seed=seed)

    divide = (StratifiedKFold if classes else KFold)(FOLDS, shuffle=True, random_state=seed)
    folds = [Fold(one, other) for one, other in divide.split(encoded[kept], target[kept] if classes else None)]
    began = time.process_time()
    with ThreadPoolExecutor(1) as pool:
        found = fitting.out_of_fold(make, encoded[kept], target[kept], folds=folds, classes=classes, pool=pool)
        seconds = time.process_time() - began
        losses = [loss(target[kept][f.held_out], found.predictions[f.held_out], classes) for f in folds]
        tested = fitting.out_of_fold(make, encoded, target, folds=[Fold(kept, held)], classes=classes, pool=pool)
    unit = 1.0 if classes else float(np.var(target[held]))
    return Measured(float(np.mean(losses)), loss(target[held], tested.predictions[held], classes) / unit, seconds)


def loss(target: Target, predictions: Matrix, classes: int) -> float:
    """Log loss, or mean squared error."""
    if not classes:
        return float(np.mean((target - predictions) ** 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(metrics.log_loss(target, predictions, labels=range(classes)))


def arm(found: Mapping[str, Sequence[Measured]], names: Sequence[str], *, trials: float, seconds: float) -> float:
    """The test loss of a search over the families, in turns, until it has spent one of both."""
    spent, best, place = 0.0, None, 0
    while place < trials and spent < seconds and place < len(names) * len(found[names[0]]):
        trial = found[names[place % len(names)]][place // len(names)]
        spent, place = spent + trial.seconds, place + 1
        if best is None or trial.validation < best.validation:
            best = trial
    return best.test if best else float("nan")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, help="folder of CSV files")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=5, help="of each family")
    parser.add_argument("--only", default="", help="names of tables, separated by commas")
    here = ",".join(name for name in EXTRAS if find_spec(name))
    parser.add_argument("--extras", default=here, help="those of them to measure that are installed")
    given = parser.parse_args()
    extras = [name for name in given.extras.split(",") if name]
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
            rows += [run(table, source.name, seed, extras, given.trials) for seed in range(given.seeds)]
    summary = summarize(rows)
    for name, facts in summary.items():
        print(f"{name:45s} " + "  ".join(f"{key} {value:.4g}" for key, value in facts.items()))
    print(json.dumps({"rows": rows, "summary": summary}))


def run(table: Table, name: str, seed: int, extras: Sequence[str], trials: int) -> dict[str, Any]:
    """All trials of a table and a seed, and the arms."""
    contract = table.contract
    encoded, target = model_matrix.encode(table.frame, contract), model_matrix.encode_target(table.frame, contract)
    count = min(MOST_ROWS, int(0.7 * len(target)))
    classes = None if contract.task == "regression" else target
    kept, held = train_test_split(np.arange(len(target)), train_size=count, stratify=classes, random_state=seed)
    plain = families.defaults(contract.task, columns=1)
    found = {
        family: [
            measured(table, (kept, held, encoded, target), family, parameters, seed)
            for parameters in draws(family, trials, seed)
        ]
        for family in (*plain, *extras)
    }
    cost = sum(trial.seconds for family in plain for trial in found[family])
    sets = {"plain": plain, **{f"+{extra}": [*plain, extra] for extra in extras}}
    sets |= {f"{extra} for hist": [*plain[:-1], extra] for extra in extras}
    sets |= {f"only {family}": [family] for family in (plain[-1], *extras)}
    arms = {}
    for label, names in sets.items():
        arms[f"{label}, trials"] = arm(found, names, trials=len(plain) * trials, seconds=np.inf)
        arms[f"{label}, time"] = arm(found, names, trials=np.inf, seconds=cost)
    seconds = {family: sum(trial.seconds for trial in found[family]) for family in found}
    best = {family: min(found[family], key=lambda trial: trial.validation).test for family in found}
    row = {"table": name, "task": contract.task, "seed": seed, "rows": count, "columns": encoded.shape[1]}
    row |= {"arms": arms, "seconds": seconds, "defaults": {one: found[one][0].test for one in found}, "best": best}
    print(json.dumps(row), flush=True)
    return row


def summarize(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Each arm against the plain families, each family against others, searched and by its defaults."""
    summary = {}
    for label in rows[0]["arms"]:
        plain = [row["arms"][f"plain, {label.rpartition(', ')[2]}"] for row in rows]
        summary[label] = compared([row["arms"][label] for row in rows], plain)
    names = set.intersection(*(set(row["best"]) for row in rows))
    for kind in ("best", "defaults"):
        ranks = np.mean([rankdata([row[kind][name] for name in sorted(names)]) for row in rows], axis=0)
        for name, rank in zip(sorted(names), ranks, strict=True):
            for peer in sorted({"hist_gradient_boosting", "xgboost"} & names - {name}):
                facts = compared([row[kind][name] for row in rows], [row[kind][peer] for row in rows])
                cost = [row["seconds"][name] / row["seconds"][peer] for row in rows]
                facts |= {"seconds": float(np.exp(np.mean(np.log(cost)))), "rank": float(rank)}
                summary[f"{kind}: {name} / {peer}"] = facts
    return summary


def compared(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    """Mean ratio of losses, wins, losses, and p of Wilcoxon's test over tables and seeds."""
    ratio = np.log(np.array(ours) / np.array(theirs))
    same = np.abs(ratio) < 1e-9
    return {
        "ratio": float(np.exp(ratio.mean())),
        "wins": float((~same & (ratio < 0)).sum()),
        "losses": float((~same & (ratio > 0)).sum()),
        "p": 1.0 if same.all() else float(wilcoxon(ratio, zero_method="pratt").pvalue),
    }


if __name__ == "__main__":
    main()
