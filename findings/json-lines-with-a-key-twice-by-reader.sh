#!/usr/bin/env bash
# polars 2.1.0, pyarrow 26.0.1, duckdb 2.0.0, orjson 3.13.0, Python 3.11. Guess: of a key that stands twice in a line of JSON, each reader takes
# the last value, as Python's json and JavaScript do, or refuses the line. Seen: polars.read_ndjson takes the first, in silence; orjson (a
# server's parser, often) and json the last; pyarrow and DuckDB refuse. A row that is trained on and asked again has two values.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0 pyarrow==26.0.1 duckdb==2.0.0 orjson==3.13.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import json
from pathlib import Path

import duckdb
import orjson
import polars
import pyarrow.json

line = '{"age": 41, "plan": "basic", "age": 42}'
Path("rows.jsonl").write_text(line + "\n")

def try_to(read):
    try:
        return read()
    except Exception as error:
        return f"refuses ({type(error).__name__})"

seen = {
    "polars": try_to(lambda: polars.read_ndjson("rows.jsonl")["age"][0]),
    "json": json.loads(line)["age"],
    "orjson": orjson.loads(line)["age"],
    "pyarrow": try_to(lambda: pyarrow.json.read_json("rows.jsonl")["age"][0].as_py()),
    "duckdb": try_to(lambda: duckdb.sql("select age from read_json_auto('rows.jsonl')").fetchall()[0][0]),
}
for name, value in seen.items():
    print(f"{name:8} {value}")
same = seen["polars"] == 41 and seen["json"] == seen["orjson"] == 42
refused = str(seen["pyarrow"]).startswith("refuses") and str(seen["duckdb"]).startswith("refuses")
raise SystemExit(0 if same and refused else "changed")
PYTHON
