"""A program for Spark: scores rows of many types, and events made of the same rows; writes one JSON object a row."""

import json
import sys
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - Spark's own habit

import headrace.api as hr

KINDS: tuple[dict[str, str], ...] = (
    {},
    {"age": "tinyint", "spend": "float", "joined": "timestamp_ntz"},
    {"age": "smallint", "spend": "decimal(10,2)", "joined": "date"},
    {"age": "decimal(38,0)", "spend": "decimal(38,18)", "joined": "string"},
    {"age": "string", "spend": "string"},
    {"age": "float"},
)
OWN = ("n", "age", "spend", "plan", "joined")


def main(bundle: str, archive: str, table: str, output: str) -> None:
    """Score the rows of a table of Parquet with their columns cast to each of the types."""
    spark = SparkSession.builder.getOrCreate()
    # The executors have the bundle from this archive alone.
    spark.sparkContext.addArchive(f"{archive}#sent")
    rows = spark.read.parquet(table).cache()
    with Path(output).open("w", encoding="utf-8") as stream:
        for place, kinds in enumerate(KINDS):
            # Strings and binary of 64-bit lengths are another type of Arrow.
            spark.conf.set("spark.sql.execution.arrow.useLargeVarTypes", str(place % 2 == 1).lower())
            typed = rows.select(
                *(F.expr(f"try_cast({name} AS {kinds[name]}) AS {name}") if name in kinds else name for name in OWN),
                F.expr("named_struct('a', array(n), 'b', map('x', n)) AS nested"),
            )
            stream.writelines(json.dumps({"kinds": kinds, **fact}) + "\n" for fact in score(typed, bundle))
    spark.stop()


def score(typed: DataFrame, bundle: str) -> list[dict[str, object]]:
    """Return what becomes of rows and of the events that hold the same."""
    value = F.expr("to_json(struct(age, spend, plan, joined), map('ignoreNullFields', 'false'))")
    short = F.expr("to_json(struct(age, spend, plan, joined))")
    frame = typed.withColumns({"value": value, "short": short})
    keep = dict(frame.select("n", "value", "short", "nested", "joined").dtypes)
    by_rows = hr.spark_scorer(bundle, keep=keep, executor_path="sent")
    scored = frame.mapInArrow(by_rows, schema=by_rows.schema)
    headers = "CAST(NULL AS array<struct<key: string, value: binary>>)"
    events = frame.selectExpr(
        "CAST(CAST(n AS string) AS binary) AS key", "CAST(value AS binary) AS value", "'events' AS topic",
        "0 AS partition", "n AS offset", f"{headers} AS headers",
    )  # fmt: skip
    by_events = hr.spark_topic_scorer(bundle, answers="scores", executor_path="sent")
    answers = events.mapInArrow(by_events, schema=by_events.schema).selectExpr(
        "event_offset AS n", "topic", "CAST(value AS string) AS answer", "status AS event_status", "reason AS word"
    )
    told = [json.loads(line) for line in answers.toJSON().collect()]
    facts = [json.loads(line) for line in scored.withColumn("joined", F.expr("string(joined)")).toJSON().collect()]
    return [{**fact, **answer} for fact, answer in zip(facts, told, strict=True)]


if __name__ == "__main__":
    main(*sys.argv[1:])
