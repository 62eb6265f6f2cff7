#!/usr/bin/env bash
# polars 2.1.0, pyarrow 26.0.1, duckdb 2.0.0. Guess: a Parquet file that one of them writes means the same to the other two, or is refused by
# the column's type. Seen: a Duration of Polars or PyArrow is BIGINT in DuckDB, without its unit; an Int128 of Polars is a BLOB of 16 bytes in
# DuckDB and an error in PyArrow; PyArrow's bool8 is TINYINT in DuckDB, and a 5 that is True to PyArrow stays 5; a UUID is binary in Polars;
# UHUGEINT of DuckDB is a double, also when DuckDB itself reads it back; DuckDB's VARIANT makes Polars call the whole file "out of
# specification", other columns too, while PyArrow shows a struct of bytes with the number beside them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0 pyarrow==26.0.1 duckdb==2.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import uuid
from datetime import timedelta

import duckdb
import polars
import pyarrow
from pyarrow import parquet

def attempt(read):
    try:
        return read()
    except Exception as error:
        return type(error).__name__

def by_duckdb(path):
    relation = duckdb.sql(f"SELECT a FROM '{path}'")
    return f"{relation.types[0]} {relation.fetchall()[0][0]!r}"

def by_polars(path):
    column = polars.read_parquet(path, columns=["a"])["a"]
    return f"{column.dtype} {column.to_list()[0]!r}"

def by_pyarrow(path):
    column = parquet.read_table(path, columns=["a"])["a"]
    return f"{column.type} {column.to_pylist()[0]!r}"

polars.DataFrame({"a": [timedelta(seconds=2)]}).write_parquet("duration.parquet")
polars.DataFrame({"a": polars.Series([1], dtype=polars.Int128)}).write_parquet("int128.parquet")
truth = pyarrow.ExtensionArray.from_storage(pyarrow.bool8(), pyarrow.array([5], pyarrow.int8()))
parquet.write_table(pyarrow.table({"a": truth}), "bool8.parquet")
parquet.write_table(pyarrow.table({"a": pyarrow.array([uuid.UUID(int=5).bytes], pyarrow.uuid())}), "uuid.parquet")
for name, value in {"uhugeint": "9007199254740993::UHUGEINT", "variant": "42::VARIANT"}.items():
    duckdb.sql(f"COPY (SELECT {value} AS a, 1 AS b) TO '{name}.parquet' (FORMAT parquet)")

seen = {
    "duration, duckdb": attempt(lambda: by_duckdb("duration.parquet")),
    "int128, duckdb": attempt(lambda: by_duckdb("int128.parquet"))[:4],
    "int128, pyarrow": attempt(lambda: by_pyarrow("int128.parquet")),
    "bool8, duckdb": attempt(lambda: by_duckdb("bool8.parquet")),
    "bool8, pyarrow": attempt(lambda: by_pyarrow("bool8.parquet")).split()[-1],
    "uuid, polars": attempt(lambda: by_polars("uuid.parquet")).split()[0],
    "uhugeint, duckdb": attempt(lambda: by_duckdb("uhugeint.parquet")),
    "variant, polars": attempt(lambda: by_polars("variant.parquet")),
    "variant's neighbour, polars": attempt(lambda: polars.read_parquet("variant.parquet", columns=["b"])["b"][0]),
    "variant, pyarrow": attempt(lambda: by_pyarrow("variant.parquet")).startswith("struct<metadata: binary"),
}
for name, value in seen.items():
    print(f"{name:28} {value}")
expected = {
    "duration, duckdb": "BIGINT 2000000",
    "int128, duckdb": "BLOB",
    "int128, pyarrow": "ArrowNotImplementedError",
    "bool8, duckdb": "TINYINT 5",
    "bool8, pyarrow": "True",
    "uuid, polars": "Binary",
    "uhugeint, duckdb": "DOUBLE 9007199254740992.0",
    "variant, polars": "ComputeError",
    "variant's neighbour, polars": "ComputeError",
    "variant, pyarrow": True,
}
changed = [name for name in expected if seen[name] != expected[name]]
raise SystemExit(f"changed: {changed}" if changed else 0)
PYTHON
