"""Evidently's default test of each column, for windows of 1,000 rows: run with Evidently's own environment."""

import json
import sys
import warnings
from pathlib import Path

import pandas as pd

warnings.filterwarnings("ignore")

from evidently.legacy.calculations.stattests import get_stattest  # noqa: E402
from evidently.legacy.core import ColumnType  # noqa: E402

ROWS = 1000


def main(folder: Path, output: Path) -> None:
    """Write the score of each column in each window, in units of Evidently's own threshold."""
    reference = pd.read_parquet(folder / "reference.parquet")
    scores = {}
    for path in sorted(folder.glob("*.parquet")):
        if path.stem == "reference":
            continue
        table = pd.read_parquet(path)
        scores[path.stem] = {
            column: [
                score(reference[column], table[column].iloc[start : start + ROWS])
                for start in range(0, len(table), ROWS)
            ]
            for column in table.columns
        }
    output.write_text(json.dumps(scores))


def score(reference: pd.Series, current: pd.Series) -> float:
    """Return distance by threshold, or threshold by p-value; above 1 it is drift."""
    kind = ColumnType.Categorical if reference.dtype == object else ColumnType.Numerical
    before, now = reference.dropna(), current.dropna()
    test = get_stattest(before, now, kind, None)
    found = test(before, now, kind, None)
    value, threshold = float(found.drift_score), float(found.actual_threshold)
    return threshold / max(value, 1e-300) if "p_value" in test.display_name.replace("-", "_") else value / threshold


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
