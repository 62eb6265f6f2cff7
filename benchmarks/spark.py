"""Scoring inside Spark: `hr.spark_scorer` beside a pandas UDF that calls the scikit-learn model, as most write it.

    make bench NAME=spark            (or: python benchmarks/spark.py --rows 400000 --turns 3)

A table of twelve numbers lies in Spark's memory; one task scores it in one Python worker. Headrace checks each row by
the contract, answers with label, probabilities, status and reasons, and scores with the bundle's engine; the UDF gives
one probability and checks nothing. Needs Java; Spark is fetched first (tests/real/spark_parts.py). Prints a table for
people and, last, one line of JSON.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from serving import COLUMNS, made
from tests.real.spark_parts import run_script, spark

PROGRAM = Path(__file__).with_name("peers") / "spark_rates.py"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    result: dict[str, Any] = {}
    variables = spark().variables(spark_master="local[1]", spark_driver_extraJavaOptions="-XX:+UseSerialGC")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        values = np.random.default_rng(1).normal(size=(options.rows, COLUMNS)).round(4)
        pl.DataFrame(values, schema=[f"x{place}" for place in range(COLUMNS)]).write_parquet(folder / "rows.parquet")
        print(f"{'model':24} {'headrace, rows/s':>18} {'pandas UDF, rows/s':>18} {'ratio':>7}")
        for family in ("logistic", "hist_gradient_boosting"):
            home = folder / family
            home.mkdir()
            model = made(family, home)
            given = (str(folder / "rows.parquet"), str(model.bundle), str(model.joblib), str(options.turns))
            found = json.loads(run_script(PROGRAM, *given, variables=variables, folder=home).splitlines()[-1])
            ours, theirs = (statistics.median(found[way]) for way in ("headrace", "pandas_udf"))
            result[family] = {**found, "ratio": ours / theirs}
            print(f"{family:24} {ours:18,.0f} {theirs:18,.0f} {ours / theirs:7.2f}", flush=True)
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
