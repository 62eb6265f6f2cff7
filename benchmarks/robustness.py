"""Which families withstand changed inputs? Small changes and noise on real tables, by the code of the step evaluate.

    make bench NAME=robustness ARGS="--tables FOLDER"     (CSV files: those of the package ISLP, for one)

Each family is fitted with its defaults on 70 % of a table's rows (at most 3,000) and measured on the others, for each
seed. Small changes: the share of the same 100 test rows whose decision a change of 5 % of each column's range flips
(every input counts as controlled by a client). Noise: how much the log loss grows where every column of numbers has
noise with a standard deviation of a fifth of its range. Prints a line for each table, a comparison of each family with
the logistic regression (Wilcoxon's test over tables, each the mean of its seeds), and, last, one line of JSON.
"""

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import tuning_data
from scipy.stats import wilcoxon
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits
from tuning_data import Source, Table

from headrace.core.features import matrix_layout, model_matrix
from headrace.core.models import families, fitting
from headrace.core.models.fitted_model import Model
from headrace.core.robustness import faults
from headrace.core.robustness.decisions import DecisionModel
from headrace.core.robustness.faults import FaultyRows
from headrace.core.robustness.input_columns import NumberColumns, measure_ranges
from headrace.core.robustness.measure import RobustnessPlan, examine, sample_rows
from headrace.core.robustness.robustness_document import GATE_CHANGE
from headrace.core.robustness.small_changes import find_flips
from headrace.core.splits import clusters

FAMILIES = ("logistic", "mlp", "random_forest", "hist_gradient_boosting", "naive_bayes")
ROWS, MOST_ROWS, NOISE = 100, 3000, 0.2
SOURCES = (
    Source("breast_cancer", "", "target", 0, other="breast_cancer"),
    Source("digits", "", "target", 0, other="digits"),
    Source("wine", "", "target", 0, other="wine"),
)
# Of ISLP, by file: the target, and columns that tell it.
FILES = {
    "OJ": ("Purchase", ()),
    "Default": ("default", ()),
    "Smarket": ("Direction", ("Today",)),
    "Weekly": ("Direction", ("Today",)),
    "Caravan": ("Purchase", ()),
}


def measure(table: Table, family: str, seed: int) -> dict[str, float]:
    """Fit one family on one division of a table, and measure it."""
    contract, frame = table.contract, table.frame
    target = model_matrix.encode_target(frame, contract)
    size = min(MOST_ROWS, int(0.7 * frame.height))
    kept, held = train_test_split(np.arange(frame.height), train_size=size, stratify=target, random_state=seed)
    kind = families.family(family)
    pipeline = kind.build(matrix_layout.columns(contract), task=contract.task, parameters={}, seed=seed)
    with threadpool_limits(1):  # threads of small fits wait for one another on busy cores
        fitting.fit(pipeline, model_matrix.encode(frame[kept], contract), target[kept])
    model = Model(pipeline, contract, family, {}, seed, {"rows": len(kept)})
    test = frame[held]
    plan = RobustnessPlan("quick", measure_ranges(frame[kept].lazy(), contract), seed=seed)
    decisions = DecisionModel(model)
    part = test[sample_rows(test.height, 1000, seed)]
    rows = FaultyRows(
        decisions=decisions,
        frame=part.select(column.name for column in contract.inputs),
        actual=model_matrix.encode_target(part, contract),
        clusters=clusters.by_row(part.height),
        numbers=NumberColumns.of(contract.inputs, plan.ranges),
        inputs=(),
        seed=seed,
    )
    with threadpool_limits(1):
        flips = find_flips(examine(decisions, test, contract.inputs, plan, count=ROWS), GATE_CHANGE)
        noise = {point.level: point.metrics for point in faults.measure_noise(rows)}
    quiet, noisy = noise[0.0], noise[NOISE]
    return {
        "flips": float(flips.mean()),
        "loss": quiet["log_loss"].value,
        "loss_grows": noisy["log_loss"].value - quiet["log_loss"].value,
        "accuracy": quiet["accuracy"].value,
        "accuracy_falls": quiet["accuracy"].value - noisy["accuracy"].value,
    }


def main() -> None:
    """Measure all tables, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path, help="folder of further CSV files")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    given = [
        Source(name.lower(), "", target, 0, file=f"{name}.csv", drop=drop, other="wine")
        for name, (target, drop) in FILES.items()
        if options.tables and (options.tables / f"{name}.csv").is_file()
    ]
    means: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for source in (*SOURCES, *given):
            table = tuning_data.read(source, options.tables if source.file else None, scratch)
            for family in FAMILIES:
                found = [measure(table, family, seed) for seed in range(options.seeds)]
                means[table.name][family] = {key: float(np.mean([one[key] for one in found])) for key in found[0]}
                line = ", ".join(f"{key} {value:.3f}" for key, value in means[table.name][family].items())
                print(f"{table.name:14} {family:24} {line}", flush=True)
    print()
    summary = compare(means)
    for family, facts in summary.items():
        print(family, "beside logistic:", ", ".join(f"{key}: {value}" for key, value in facts.items()))
    print(json.dumps({"tables": means, "beside_logistic": summary}))


def compare(means: dict[str, dict[str, dict[str, float]]]) -> dict[str, dict[str, str]]:
    """Compare each family with the logistic regression: on how many tables it is worse, and p."""
    compared = {}
    for family in FAMILIES[1:]:
        facts = {}
        for key in ("flips", "loss_grows", "accuracy_falls"):
            differences = np.array([one[family][key] - one["logistic"][key] for one in means.values()])
            p = 1.0 if not differences.any() else float(wilcoxon(differences, zero_method="pratt").pvalue)
            facts[key] = (
                f"{differences.mean():+.3f}, worse on {(differences > 0).sum()} and better on "
                f"{(differences < 0).sum()} of {len(differences)}, p = {p:.2g}"
            )
        compared[family] = facts
    return compared


if __name__ == "__main__":
    main()
