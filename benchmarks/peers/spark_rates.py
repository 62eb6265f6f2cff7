"""A program for Spark: rows a second of two ways to score a table, each run several times in turn.

Arguments: a table of Parquet, a bundle, a pickled pipeline of scikit-learn, the number of turns. Prints JSON.
"""

import json
import sys
import time

import joblib
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import pandas_udf, struct

import headrace.api as hr


def seconds(frame: DataFrame) -> float:
    """Compute a data frame and throw it away."""
    start = time.perf_counter()
    frame.write.format("noop").mode("overwrite").save()
    return time.perf_counter() - start


def main(table: str, bundle: str, pickled: str, turns: str) -> None:
    """Measure."""
    spark = SparkSession.builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    rows = spark.read.parquet(table).cache()
    count = rows.count()
    scorer = hr.spark_scorer(bundle)
    model = spark.sparkContext.broadcast(joblib.load(pickled))

    @pandas_udf("double")
    def probability(frame: pd.DataFrame) -> pd.Series:
        return pd.Series(model.value.predict_proba(frame.to_numpy())[:, 1])

    ways = {
        "headrace": lambda: rows.mapInArrow(scorer, schema=scorer.schema),
        "pandas_udf": lambda: rows.select(probability(struct(*rows.columns))),
    }
    for way in ways.values():
        seconds(way())  # workers start, and open their model
    found = {name: [seconds(way()) for _ in range(int(turns))] for name, way in ways.items()}
    print(json.dumps({name: [count / one for one in times] for name, times in found.items()}))
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
