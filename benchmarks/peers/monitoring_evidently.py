"""Evidently's DataDriftPreset on one window: run with Evidently's own environment."""

import sys
import time
import warnings

import pandas as pd

warnings.filterwarnings("ignore")

from evidently import DataDefinition, Dataset, Report  # noqa: E402
from evidently.presets import DataDriftPreset  # noqa: E402


def main(reference: str, window: str) -> None:
    """Print the seconds from the Parquet file to the values of the report."""
    before = pd.read_parquet(reference)
    texts = [column for column in before if before[column].dtype == object]
    definition = DataDefinition(
        numerical_columns=[column for column in before if column not in texts], categorical_columns=texts
    )
    start = time.perf_counter()
    now = pd.read_parquet(window, columns=[f"input_{column}" for column in before]).set_axis(before.columns, axis=1)
    report = Report([DataDriftPreset()]).run(
        Dataset.from_pandas(now, data_definition=definition), Dataset.from_pandas(before, data_definition=definition)
    )
    report.dict()
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
