#!/usr/bin/env bash
# duckdb 2.0.1, datafusion 55.0.0, pyarrow 26.0.1, deltalake 1.6.6, polars 2.1.0, Python 3.11. Guess: a filter gives the same rows of a table in memory and of the
# same table in a Parquet file. Seen: in memory DuckDB and DataFusion hold NaN for larger than every number, so `x > 5` finds it; PyArrow finds it by `not (x < 5)`.
# Writers leave NaN out of a row group's smallest and largest value, and the three trust these when they read the file: a row group of 1, 2, 3, NaN is skipped, and
# its NaN rows are missing in the answer, in `x = 'nan'` of DuckDB too. delta-rs does the same by the statistics of its log. Polars answers alike in both. DuckDB's
# own writer writes no bounds for a row group with NaN, so its files answer as the table does. A group with a number above 5 is read, and gives all its rows: whether
# NaN rows are found depends on their neighbours.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1 datafusion==55.0.0 pyarrow==26.0.1 deltalake==1.6.6 polars==2.1.0
cat > "$folder/filter.py" <<'PYTHON'
import sys
from pathlib import Path

import datafusion
import deltalake
import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

folder = Path(sys.argv[1])


def by_datafusion(table, path, condition):
    context = datafusion.SessionContext()
    context.from_arrow(table, name="memory")
    context.register_parquet("file", path)
    return tuple(
        [row["k"] for row in context.sql(f"SELECT k FROM {name} WHERE {condition} ORDER BY k").to_pylist()]
        for name in ("memory", "file")
    )


def by_duckdb(table, path, condition):
    connection = duckdb.connect()
    connection.register("memory", table)
    return tuple(
        [k for (k,) in connection.sql(f"SELECT k FROM {name} WHERE {condition} ORDER BY k").fetchall()]
        for name in ("memory", f"'{path}'")
    )


def by_polars(table, path, condition):
    return tuple(
        one.filter(condition).collect()["k"].to_list() for one in (pl.from_arrow(table).lazy(), pl.scan_parquet(path))
    )


def by_pyarrow(table, path, condition):
    return tuple(one["k"].to_pylist() for one in (table.filter(condition), ds.dataset(path).to_table(filter=condition)))


seen = {}
for largest in (3.0, 7.0):
    table = pa.table({"k": [0, 1, 2, 3], "x": [1.0, 2.0, largest, float("nan")]})
    paths = {writer: str(folder / f"{writer}-{largest}.parquet") for writer in ("pyarrow", "polars", "duckdb")}
    pq.write_table(table, paths["pyarrow"])
    pl.from_arrow(table).write_parquet(paths["polars"])
    duckdb.from_arrow(table).write_parquet(paths["duckdb"])
    log = str(folder / f"delta-{largest}")
    deltalake.write_deltalake(log, table)
    for writer, path in paths.items():
        seen[largest, writer, "duckdb x > 5"] = by_duckdb(table, path, "x > 5")
        seen[largest, writer, "duckdb x = nan"] = by_duckdb(table, path, "x = 'nan'::DOUBLE")
        seen[largest, writer, "datafusion x > 5"] = by_datafusion(table, path, "x > 5")
        seen[largest, writer, "pyarrow not x < 5"] = by_pyarrow(table, path, ~(pc.field("x") < 5))
        seen[largest, writer, "polars x > 5"] = by_polars(table, path, pl.col("x") > 5)
    answer = pa.table(deltalake.QueryBuilder().register("t", deltalake.DeltaTable(log)).execute("SELECT k FROM t WHERE x > 5 ORDER BY k"))
    seen[largest, "delta", "delta-rs x > 5"] = (by_datafusion(table, paths["duckdb"], "x > 5")[0], answer["k"].to_pylist())
for (largest, writer, query), (memory, file) in seen.items():
    print(f"largest number {largest}, written by {writer}, {query}: rows {memory} in memory, {file} in the file")
lost = {key for key, (memory, file) in seen.items() if memory != file}
engines = ("duckdb x > 5", "duckdb x = nan", "datafusion x > 5", "pyarrow not x < 5")
expected = {(3.0, writer, query) for writer in ("pyarrow", "polars") for query in engines}
expected |= {(7.0, writer, "duckdb x = nan") for writer in ("pyarrow", "polars")} | {(3.0, "delta", "delta-rs x > 5")}
sys.stdout.flush()
sys.exit(lost != expected)
PYTHON
"$folder/venv/bin/python" "$folder/filter.py" "$folder" || { echo "changed: other rows are found"; exit 1; }
