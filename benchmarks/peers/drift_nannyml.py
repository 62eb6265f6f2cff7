"""NannyML's default calculators, for windows of 1,000 rows: run with NannyML's own environment."""

import json
import os
import sys
import warnings
from pathlib import Path

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
warnings.filterwarnings("ignore")

import nannyml  # noqa: E402
import pandas as pd  # noqa: E402

ROWS = 1000
JOINT = "all inputs"


def main(folder: Path, output: Path) -> None:
    """Write the score of each column in each window, in standard deviations of the reference's own windows."""
    reference = pd.read_parquet(folder / "reference.parquet")
    categories = [column for column in reference if reference[column].dtype == object]
    joint = nannyml.DataReconstructionDriftCalculator(column_names=list(reference), chunk_size=ROWS).fit(reference)
    scores = {}
    for path in sorted(folder.glob("*.parquet")):
        if path.stem == "reference":
            continue
        table = pd.read_parquet(path)
        columns = list(table)
        calculator = nannyml.UnivariateDriftCalculator(
            column_names=columns,
            treat_as_categorical=[column for column in columns if column in categories],
            chunk_size=ROWS,
        ).fit(reference)
        found = calculator.calculate(table).to_df()
        scores[path.stem] = {column: standardize(found, column, "jensen_shannon") for column in columns}
        if len(columns) == reference.shape[1]:
            errors = joint.calculate(table).to_df()
            scores[path.stem][JOINT] = [abs(value) for value in standardize(errors, "reconstruction_error", None)]
    output.write_text(json.dumps(scores))


def standardize(found: pd.DataFrame, column: str, method: str | None) -> list[float]:
    """Return how far each window lies from the mean of the reference's windows, in their standard deviations."""
    values = found[(column, method, "value")] if method else found[(column, "value")]
    periods = found[("chunk", "chunk", "period")] if method else found[("chunk", "period")]
    before = values[periods == "reference"]
    return ((values[periods == "analysis"] - before.mean()) / before.std(ddof=0)).tolist()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
