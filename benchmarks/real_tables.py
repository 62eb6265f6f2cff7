"""Are the suite's figures on real tables those that a plain script gives? Each beside scikit-learn on 20 random splits.

    make bench NAME=real_tables ARGS="--data FOLDER"        (heart.csv, german.csv, taxis.csv, adult-train.csv)

Each table goes through `headrace run` with one family. The plain script reads the same file, gives the columns to a
ColumnTransformer and the same family of scikit-learn with its defaults, and measures 20 random splits of the same size.
A figure of the suite is within the spread if it lies between the least and the largest of them, or within two standard
deviations of their mean. Prints a table and, last, one line of JSON.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn import metrics
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

SPLITS = 20
ADULT = (
    "age,workclass,fnlwgt,education,education-num,marital-status,occupation,relationship,race,sex,"
    "capital-gain,capital-loss,hours-per-week,native-country,income"
)


@dataclass(frozen=True)
class Case:
    """A table and how it is read.

    Attributes:
        file: Its name.
        target: Column to predict.
        positive: The positive class; empty for a regression.
        family: The family that both fit.
        options: What `headrace run` is told.
        header: Names of its columns; empty if they stand in the file.
        dropped: Columns that neither sees.
    """

    file: str
    target: str
    positive: str
    family: str
    options: tuple[str, ...] = ()
    header: str = ""
    dropped: tuple[str, ...] = ()


CASES = (
    Case("heart.csv", "target", "1", "logistic"),
    Case("heart.csv", "target", "1", "hist_gradient_boosting"),
    Case(
        "german.csv",
        "column_21",
        "2",
        "logistic",
        ("--no-header", "--positive", "2"),
        header=",".join(f"column_{place}" for place in range(1, 22)),
    ),
    Case("taxis.csv", "fare", "", "hist_gradient_boosting", ("--split-method", "random"), dropped=("total",)),
    Case("adult-train.csv", "income", ">50K", "logistic", ("--column-names", ADULT), header=ADULT, dropped=("fnlwgt",)),
    Case("adult-train.csv", "income", ">50K", "hist_gradient_boosting", ("--column-names", ADULT), ADULT, ("fnlwgt",)),
)


def suite(case: Case, table: Path, folder: Path) -> dict[str, float]:
    """The figures of `headrace run`."""
    drop = [word for name in case.dropped for word in ("--drop-column", name)]
    positive = ("--positive", case.positive) if case.positive and "--positive" not in case.options else ()
    given = [*case.options, *drop, *positive, "--families", case.family, "--budget", "1", "--output", str(folder)]
    ended = subprocess.run(
        [sys.executable, "-m", "headrace.cli.main", "run", str(table), "--target", case.target, *given],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        sys.exit(f"headrace run {table.name} failed:\n{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}")
    found = json.loads((folder / "summary.json").read_text())["metrics"]
    return {name: found[name]["value"] for name in found}


def frame_of(case: Case, table: Path) -> pl.DataFrame:
    """The table as the plain script reads it; times become hours, days and minutes."""
    names = case.header.split(",") if case.header else None
    frame = pl.read_csv(table, has_header=names is None, new_columns=names, null_values=["?", " ?", ""])
    frame = frame.with_columns(pl.col(pl.String).str.strip_chars())
    numbers = frame.select(pl.col(pl.String).cast(pl.Float64, strict=False))  # blanks had kept them texts
    frame = frame.with_columns(column for column in numbers if column.null_count() == frame[column.name].null_count())
    if "pickup" in frame.columns:
        start, end = (pl.col(name).str.to_datetime() for name in ("pickup", "dropoff"))
        frame = frame.with_columns(
            hour=start.dt.hour(), day=start.dt.weekday(), minutes=(end - start).dt.total_seconds() / 60
        ).drop("pickup", "dropoff")
    return frame.drop(case.dropped).drop_nulls(case.target)


def plain(case: Case, frame: pl.DataFrame) -> dict[str, list[float]]:
    """The figures of the plain script on each split."""
    inputs = frame.drop(case.target)
    texts = [place for place, dtype in enumerate(inputs.dtypes) if dtype == pl.String]
    numbers = [place for place in range(inputs.width) if place not in texts]
    x = inputs.to_numpy().astype(object)
    target = frame.get_column(case.target)
    y = (target.cast(pl.String) == case.positive).to_numpy() if case.positive else target.to_numpy()
    found: dict[str, list[float]] = {}
    for seed in range(SPLITS):
        parts = train_test_split(x, y, test_size=0.2, random_state=seed, stratify=y if case.positive else None)
        model = make_pipeline(
            ColumnTransformer(
                [
                    ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
                    ("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts),
                ]
            ),
            estimator(case, seed),
        ).fit(parts[0], parts[2])
        for name, value in (classes if case.positive else values)(model, parts[1], parts[3]).items():
            found.setdefault(name, []).append(value)
    return found


def estimator(case: Case, seed: int) -> Any:
    """The family, as scikit-learn gives it."""
    if not case.positive:
        return HistGradientBoostingRegressor(random_state=seed)
    return (
        LogisticRegression(max_iter=1000)
        if case.family == "logistic"
        else HistGradientBoostingClassifier(random_state=seed)
    )


def classes(model: Any, x: Any, y: Any) -> dict[str, float]:
    """Figures that do not depend on a threshold, and the accuracy."""
    scores = model.predict_proba(x)[:, 1]
    return {
        "roc_auc": metrics.roc_auc_score(y, scores),
        "pr_auc": metrics.average_precision_score(y, scores),
        "log_loss": metrics.log_loss(y, scores),
        "brier": metrics.brier_score_loss(y, scores),
        "accuracy": metrics.accuracy_score(y, scores >= 0.5),
    }


def values(model: Any, x: Any, y: Any) -> dict[str, float]:
    """Figures of a regression."""
    given = model.predict(x)
    return {
        "mae": metrics.mean_absolute_error(y, given),
        "rmse": metrics.root_mean_squared_error(y, given),
        "r2": metrics.r2_score(y, given),
    }


def main() -> None:
    """Compare, table by table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--tables", default="", help="part of the names of tables; all if empty")
    given = parser.parse_args()
    folder = given.data
    print(f"{'table, family':42}{'metric':>10}{'headrace':>10}{'plain mean':>12}{'least':>9}{'largest':>9}   within")
    outside = []
    for case in (case for case in CASES if given.tables in case.file):
        with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
            ours = suite(case, folder / case.file, Path(scratch) / "out")
        for name, spread in plain(case, frame_of(case, folder / case.file)).items():
            mean, deviation, value = np.mean(spread), np.std(spread, ddof=1), ours[name]
            within = min(spread) <= value <= max(spread) or abs(value - mean) <= 2 * deviation
            print(
                f"{case.file + ', ' + case.family:42}{name:>10}{value:>10.4f}{mean:>12.4f}{min(spread):>9.4f}"
                f"{max(spread):>9.4f}   {'yes' if within else 'NO'}",
                flush=True,
            )
            outside += [] if within else [f"{case.file} {case.family} {name}"]
    print(json.dumps({"benchmark": "real_tables", "outside": outside, "met": not outside}))
    sys.exit(bool(outside))


if __name__ == "__main__":
    main()
