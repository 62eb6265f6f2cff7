"""The job of the ingest benchmark, by Headrace and by its peers; each runs in a process of its own.

From a CSV to four Parquet tables: ``train``, ``test`` (without the target), ``actuals`` and ``quarantine`` (the bad
rows as they were read). Types, ranges, categories and the target's presence are checked in each row; broken rules,
repeated rows and repeated keys are counted, the repeats among the valid rows. Seven row features are added. A fifth of
the rows, drawn by a hash of the key, is the test part.
"""

# ruff: noqa: S608 - the queries are made of this file's own texts

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ingest_data import COLORS, CONTRACT, PAYMENTS, ZONES

MISSING = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "?"]
INTEGERS = ["trip", "customer", "passengers", "tipped"]
NUMBERS = ["distance", "fare", "tip"]
TIMES = ["pickup", "dropoff"]
CATEGORIES = {"color": COLORS, "payment": PAYMENTS, "zone": ZONES}
REJECTED = "select line, any_value(csv_line) as csv_line from reject_errors group by line"
COLUMNS = [
    *("trip", "customer", "pickup", "dropoff", "passengers", "distance", "fare", "tip"),
    *("color", "payment", "zone", "plate", "tipped"),
]


def headrace(csv: Path, out: Path) -> dict[str, Any]:
    """The component's own function."""
    from headrace.core.splits.prepare import PreparedPaths, prepare_table
    from headrace.stores.sources.open_source import open_source

    (out / "contract.yaml").write_text(CONTRACT)
    names = ("train", "test", "actuals", "quarantine", "checks.json")
    told = prepare_table(
        open_source(str(csv)), contract=out / "contract.yaml", outputs=PreparedPaths(*(out / name for name in names))
    )
    rules = json.loads((out / "checks.json").read_text())["rules"]
    counts = {f"{rule['rule']}:{rule['column']}": rule["count"] for rule in rules}
    return {
        "rows": told["checks"]["read"],
        "broken": {name: count for name, count in counts.items() if not name.startswith("duplicate")},
        "repeated_rows": counts["duplicate_rows:"],
        "repeated_keys": counts["duplicate_keys:trip"],
    }


def pandas(csv: Path, out: Path) -> dict[str, Any]:
    """Pandas with its default parser, everything in memory."""
    return _pandas(csv, out, engine="c")


def pandas_pyarrow(csv: Path, out: Path) -> dict[str, Any]:
    """Pandas with the parser of pyarrow."""
    return _pandas(csv, out, engine="pyarrow")


def _pandas(csv: Path, out: Path, *, engine: str) -> dict[str, Any]:
    import pandas as pd

    texts, text = [*CATEGORIES, "plate"], "str" if engine == "c" else "string"
    more = {"low_memory": False} if engine == "c" else {}
    raw = pd.read_csv(
        csv, engine=engine, dtype=dict.fromkeys(texts, text), na_values=MISSING, keep_default_na=False, **more
    )
    frame = raw.copy(deep=False)
    for name in INTEGERS + NUMBERS:
        frame[name] = pd.to_numeric(raw[name], errors="coerce")
    for name in TIMES:
        frame[name] = pd.to_datetime(raw[name], format="%Y-%m-%d %H:%M:%S", errors="coerce")
    flags = {f"type:{name}": raw[name].notna() & frame[name].isna() for name in INTEGERS + NUMBERS + TIMES}
    flags["range:passengers"] = (frame["passengers"] < 1) | (frame["passengers"] > 6)
    flags |= {f"range:{name}": frame[name] < 0 for name in ("distance", "fare")}
    flags |= {f"category:{n}": frame[n].notna() & ~frame[n].isin(values) for n, values in CATEGORIES.items()}
    flags["category:tipped"] = frame["tipped"].notna() & ~frame["tipped"].isin([0, 1])
    flags["target_missing:tipped"] = frame["tipped"].isna()
    bad = pd.concat(flags, axis=1).any(axis=1)
    valid = frame[~bad].copy()
    for name in INTEGERS:
        valid[name] = valid[name].astype("int64")
    facts = {
        "rows": len(raw),
        "broken": {name: int(flag.sum()) for name, flag in flags.items() if flag.any()},
        "repeated_rows": int(valid.duplicated().sum()),
        "repeated_keys": int(valid.duplicated("trip").sum()),
    }
    valid["weekday"] = valid["pickup"].dt.dayofweek + 1
    valid["weekend"] = (valid["weekday"] >= 6).astype("int64")
    valid["month"] = valid["pickup"].dt.month
    valid["hour"] = valid["pickup"].dt.hour
    valid["holiday"] = valid["pickup"].dt.normalize().isin(pd.to_datetime(_holidays())).astype("int64")
    valid["minutes"] = (valid["dropoff"] - valid["pickup"]).dt.total_seconds() / 60
    valid["fare_per_mile"] = (valid["fare"] / valid["distance"]).where(valid["distance"] != 0)
    test = pd.util.hash_array(valid["trip"].to_numpy()) < 2**64 // 5
    parts = {
        "train": valid[~test],
        "test": valid[test].drop(columns="tipped"),
        "actuals": valid.loc[test, ["tipped"]],
        "quarantine": raw[bad].astype("str"),
    }
    for name, part in parts.items():
        part.to_parquet(out / f"{name}.parquet", compression="zstd", compression_level=1, index=False)
    return facts


def polars(csv: Path, out: Path) -> dict[str, Any]:
    """Polars, lazy and streaming, by way of a typed stage on disk."""
    import polars as pl

    lazy = pl.scan_csv(csv, schema=dict.fromkeys(COLUMNS, pl.String), null_values=MISSING)
    time = "%Y-%m-%d %H:%M:%S"
    typed = lazy.with_columns(
        pl.struct(COLUMNS).alias("raw"),
        pl.col(INTEGERS).cast(pl.Int64, strict=False),
        pl.col(NUMBERS).cast(pl.Float64, strict=False),
        pl.col(TIMES).str.to_datetime(time, strict=False, time_unit="us"),
    )
    flags = {
        f"type:{name}": pl.col("raw").struct.field(name).is_not_null() & pl.col(name).is_null()
        for name in INTEGERS + NUMBERS + TIMES
    }
    flags["range:passengers"] = (pl.col("passengers") < 1) | (pl.col("passengers") > 6)
    flags |= {f"range:{name}": pl.col(name) < 0 for name in ("distance", "fare")}
    flags |= {f"category:{name}": ~pl.col(name).is_in(values) for name, values in CATEGORIES.items()}
    flags["category:tipped"] = ~pl.col("tipped").is_in([0, 1])
    flags["target_missing:tipped"] = pl.col("tipped").is_null()
    marked = typed.with_columns(flag.fill_null(value=False).alias(name) for name, flag in flags.items())
    marked = marked.with_columns(bad=pl.any_horizontal(*flags))
    staged = marked.with_columns(
        raw=pl.when("bad").then("raw"), row_hash=pl.struct(COLUMNS).hash(), key_hash=pl.col("trip").hash()
    )
    staged.sink_parquet(out / "stage.parquet", compression="lz4")
    stage = pl.scan_parquet(out / "stage.parquet")
    valid = stage.filter(~pl.col("bad"))
    sums, unique = pl.collect_all(
        [
            stage.select(pl.len(), *(pl.col(name).sum() for name in flags)),
            valid.select(rows=pl.len(), row_hash=pl.col("row_hash").n_unique(), key_hash=pl.col("key_hash").n_unique()),
        ],
        engine="streaming",
    )
    day, weekday = pl.col("pickup").dt.date(), pl.col("pickup").dt.weekday()
    made = valid.select(
        *COLUMNS,
        "key_hash",
        weekday=weekday.cast(pl.Int64),
        weekend=(weekday >= 6).cast(pl.Int64),
        month=pl.col("pickup").dt.month().cast(pl.Int64),
        hour=pl.col("pickup").dt.hour().cast(pl.Int64),
        holiday=day.is_in(_holidays()).cast(pl.Int64),
        minutes=(pl.col("dropoff") - pl.col("pickup")).dt.total_microseconds() / 60_000_000,
        fare_per_mile=pl.when(pl.col("distance") != 0).then(pl.col("fare") / pl.col("distance")),
    )
    test = pl.col("key_hash") < 2**64 // 5
    parts = {
        "train": made.filter(~test).drop("key_hash"),
        "test": made.filter(test).drop("key_hash", "tipped"),
        "actuals": made.filter(test).select("tipped"),
        "quarantine": stage.filter("bad").select(pl.col("raw").struct.unnest()),
    }
    sinks = [
        part.sink_parquet(out / f"{name}.parquet", compression="zstd", compression_level=1, lazy=True)
        for name, part in parts.items()
    ]
    pl.collect_all(sinks, engine="streaming")
    (out / "stage.parquet").unlink()
    row, rest = sums.row(0, named=True), unique.row(0, named=True)
    return {
        "rows": row["len"],
        "broken": {name: row[name] for name in flags if row[name]},
        "repeated_rows": rest["rows"] - rest["row_hash"],
        "repeated_keys": rest["rows"] - rest["key_hash"],
    }


def duckdb(csv: Path, out: Path) -> dict[str, Any]:
    """DuckDB in memory, free to reorder rows."""
    return _duckdb(csv, out, database=":memory:", memory="")


def duckdb_1gb(csv: Path, out: Path) -> dict[str, Any]:
    """DuckDB on disk with a memory limit of 1 GB."""
    return _duckdb(csv, out, database=str(out / "db.duckdb"), memory="1GB")


def _duckdb(csv: Path, out: Path, *, database: str, memory: str) -> dict[str, Any]:
    """Parse to the wanted types and let DuckDB set aside what does not parse, which is its quickest way."""
    import duckdb as engine

    connection = engine.connect(database)
    connection.execute("set preserve_insertion_order = false")
    if memory:
        connection.execute(f"set memory_limit = '{memory}'")
    types = dict.fromkeys(COLUMNS, "VARCHAR") | dict.fromkeys(INTEGERS, "BIGINT") | dict.fromkeys(NUMBERS, "DOUBLE")
    types |= dict.fromkeys(TIMES, "TIMESTAMP")
    flags = {"range:passengers": "passengers not between 1 and 6"}
    flags |= {f"range:{name}": f"{name} < 0" for name in ("distance", "fare")}
    flags |= {f"category:{name}": f"{name} not in {tuple(values)}" for name, values in CATEGORIES.items()}
    flags["category:tipped"] = "tipped not in (0, 1)"
    flags["target_missing:tipped"] = "tipped is null"
    bad = " or ".join(f"coalesce({flag}, false)" for flag in flags.values())
    columns = ", ".join(COLUMNS)
    connection.execute(f"""
        create table t as
        select *, {bad} as bad, hash({columns}) as row_hash, hash(trip) as key_hash
        from read_csv('{csv}', columns = {types}, auto_detect = false, header = true, delim = ',', quote = '"',
                      nullstr = {MISSING}, store_rejects = true)
    """)
    counts = ", ".join(f"count(*) filter (where {flag})" for flag in flags.values())
    pieces = ", ".join(
        f"try_cast(nullif(string_split(csv_line, ',')[{place}], '') as {kind}) as {name}"
        for place, (name, kind) in enumerate(types.items(), start=1)
    )
    connection.execute(f"create table rejected as select {pieces} from ({REJECTED})")
    both = f"(select {columns} from t union all select {columns} from rejected)"
    sums = connection.execute(f"select count(*), {counts} from {both}").fetchall()[0]
    failed = dict(connection.execute("select column_name, count(*) from reject_errors group by 1").fetchall())
    unique = connection.execute(
        "select count(*), count(distinct row_hash), count(distinct key_hash) from t where not bad"
    ).fetchall()[0]
    _copy_parts(connection, out)
    connection.close()
    Path(database).unlink(missing_ok=True)
    broken = {name: count for name, count in zip(flags, sums[1:], strict=True) if count}
    return {
        "rows": sums[0],
        "broken": broken | {f"type:{name}": count for name, count in failed.items()},
        "repeated_rows": unique[0] - unique[1],
        "repeated_keys": unique[0] - unique[2],
    }


def _copy_parts(connection: Any, out: Path) -> None:
    columns = ", ".join(COLUMNS)
    days = ", ".join(f"date '{day}'" for day in _holidays())
    connection.execute(f"""
        create view made as
        select {columns}, key_hash < {2**64 // 5}::ubigint as late, isodow(pickup)::bigint as weekday,
               (isodow(pickup) >= 6)::bigint as weekend, month(pickup)::bigint as month, hour(pickup)::bigint as hour,
               (pickup::date in ({days}))::bigint as holiday,
               (epoch_us(dropoff) - epoch_us(pickup)) / 60000000.0 as minutes,
               case when distance != 0 then fare / distance end as fare_per_mile
        from t where not bad
    """)
    texts = ", ".join(f"{name}::varchar as {name}" for name in COLUMNS)
    pieces = ", ".join(f"string_split(csv_line, ',')[{place}]" for place in range(1, len(COLUMNS) + 1))
    parts = {
        "train": "select * exclude (late) from made where not late",
        "test": "select * exclude (late, tipped) from made where late",
        "actuals": "select tipped from made where late",
        "quarantine": f"select {texts} from t where bad union all select {pieces} from ({REJECTED})",
    }
    for name, query in parts.items():
        connection.execute(
            f"copy ({query}) to '{out}/{name}.parquet' (format parquet, compression zstd, compression_level 1)"
        )


def _holidays() -> list[Any]:
    import holidays

    return sorted(holidays.country_holidays("US", years=range(2022, 2026)))


JOBS: dict[str, Callable[[Path, Path], dict[str, Any]]] = {
    "headrace": headrace,
    "pandas": pandas,
    "pandas pyarrow": pandas_pyarrow,
    "polars": polars,
    "duckdb": duckdb,
    "duckdb 1 GB": duckdb_1gb,
}
