"""The table work runs lazily on any engine: only operations that narwhals has on Spark too, and no eager ones."""

# ruff: noqa: DTZ001 - the timestamps of a typed table are naive

import ast
import importlib
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest

from headrace.core.contracts.contract import Column, Contract, RowFeature
from headrace.core.features import row_features
from headrace.core.splits import split
from headrace.core.splits.split_plan import plan
from headrace.core.splits.strata_cuts import settle_lazily
from headrace.core.validation import row_rules
from headrace.core.validation.row_digest import with_digests
from tests.conftest import REPOSITORY

MODULES = (
    "core/splits/draws.py",
    "core/features/row_features.py",
    "core/validation/row_rules.py",
    "core/splits/split.py",
)
EXPRESSIONS = {
    *("alias", "cast", "fill_null", "is_finite", "is_in", "is_null", "max", "min", "null_count", "sum"),
    *("over", "rank", "replace_strict"),
}
TIMES = {"date", "day", "hour", "microsecond", "minute", "month", "second", "weekday", "year"}
FUNCTIONS = {"any_horizontal", "col", "concat_str", "len", "lit", "when"}
FRAMES = {"collect_schema", "drop", "filter", "select", "with_columns"}
ELSEWHERE = {"total_microseconds": "only where the engine has durations; `_microseconds` stands in for it on Spark"}

CONTRACT = Contract(
    name="trips",
    task="regression",
    columns=(
        Column("y", "number", "target", minimum=0),
        Column("a", "number", minimum=-1, maximum=1),
        Column("b", "integer", categories=("1", "2")),
        Column("c", "string", categories=("x", "y")),
        Column("start", "timestamp", "timestamp"),
        Column("end", "timestamp", "timestamp"),
    ),
    features=(
        *(RowFeature(kind, kind, ("start",)) for kind in ("day_of_week", "weekend", "month", "hour")),  # type: ignore[arg-type]
        RowFeature("holiday", "holiday", ("start",), "US"),
        RowFeature("minutes", "elapsed", ("start", "end")),
        RowFeature("ratio", "ratio", ("a", "b")),
        RowFeature("product", "product", ("a", "b")),
    ),
    time_column="start",
)
START = datetime(2019, 7, 3, 22, 15)
TABLE = pl.DataFrame(
    {
        "n": range(40),
        "y": [None if n % 11 == 0 else n - 3.0 for n in range(40)],
        "a": [None if n % 7 == 0 else (n - 20) / 10 for n in range(40)],
        "b": [None if n % 5 == 0 else n % 4 for n in range(40)],
        "c": [("x", "y", "z", None)[n % 4] for n in range(40)],
        "start": [None if n % 9 == 0 else START + timedelta(hours=5 * n, microseconds=n) for n in range(40)],
        "end": [START + timedelta(days=n, seconds=n) for n in range(40)],
    }
)


def worked(native: Any) -> Any:
    """The table work on a table of any engine: features, rules, side of a split by time."""
    marks = row_rules.flags(CONTRACT, CONTRACT.columns)
    table: Any = nw.from_native(row_features.add(native, CONTRACT))
    marked = table.with_columns(
        *(flag.alias(f"{rule}:{column}") for (rule, column), flag in marks.items()),
        split.is_late(CONTRACT, cut="2019-07-08").alias("late"),
        nw.any_horizontal(*marks.values(), ignore_nulls=True).alias("bad"),
    )
    return marked.filter(~nw.col("bad") | nw.col("c").is_null()).to_native()


def test_a_lazy_frame_stays_lazy() -> None:
    """Nothing is collected on the way, and the result is that of the eager frame."""
    lazy = worked(TABLE.lazy())
    assert isinstance(lazy, pl.LazyFrame)
    assert lazy.collect().equals(worked(TABLE))


def test_an_sql_engine_gives_the_same() -> None:
    """DuckDB, which narwhals drives by the same lazy interface as Spark, gives the same rows."""
    import duckdb

    found: Any = nw.from_native(worked(duckdb.from_arrow(TABLE.to_arrow())))
    rows = found.collect("polars").to_native().sort("n")
    wanted = worked(TABLE)
    assert 0 < wanted.height < TABLE.height
    assert rows.columns == wanted.columns
    for name in wanted.columns:
        if wanted.schema[name] == pl.Float64:
            assert rows.get_column(name).to_list() == pytest.approx(wanted.get_column(name).to_list()), name
        else:
            assert rows.get_column(name).to_list() == wanted.get_column(name).to_list(), name


@pytest.mark.parametrize(
    ("keys", "method"), [((), "stratified"), (("x",), "stratified"), ((), "group"), ((), "random"), (("x",), "random")]
)
def test_an_sql_engine_draws_the_same_sides(keys: tuple[str, ...], method: str) -> None:
    """Copies, draws, cuts of strata and sides are DuckDB's own work; the digests alone are brought."""
    import duckdb

    columns = (
        Column("y", "string", "target", categories=("a", "b")),
        Column("x", "integer"),
        Column("who", "string", "group"),
    )
    contract = Contract(name="a", task="binary", columns=columns, keys=keys)
    table = pl.DataFrame(
        {
            "y": ["ab"[n % 7 == 0] for n in range(3000)],
            "x": [n // 3 % 500 for n in range(3000)],
            "who": [f"g{n % 40}" if n % 9 else None for n in range(3000)],
        }
    )
    chosen = plan(contract, method=method, seed=3)
    wanted = split.assign(table, contract, plan=chosen)
    brought = split.with_group_digest(with_digests(table, contract), contract)
    drawn = split.with_draws_of_rows(duckdb.from_arrow(brought.to_arrow()), contract, plan=chosen)
    settled = settle_lazily(chosen, drawn, contract)
    found: Any = nw.from_native(split.assign(duckdb.from_arrow(brought.to_arrow()), contract, plan=settled))
    assert Counter(found.collect("polars").rows()) == Counter(wanted.rows())
    assert bool(settled.cut) == (method == "stratified")


def test_an_sql_engine_balances_a_small_regression() -> None:
    """The strata of a number are found from what DuckDB collects."""
    import duckdb

    contract = Contract(name="a", task="regression", columns=(Column("y", "number", "target"), Column("x", "integer")))
    table = pl.DataFrame({"y": [float(n * n % 101) for n in range(500)], "x": range(500)})
    brought = duckdb.from_arrow(with_digests(table, contract).to_arrow())
    settled = settle_lazily(plan(contract), split.with_draws_of_rows(brought, contract, plan=plan(contract)), contract)
    found: Any = nw.from_native(split.assign(brought, contract, plan=settled))
    assert Counter(found.collect("polars").rows()) == Counter(split.assign(table, contract, plan=plan(contract)).rows())


def called(path: Path) -> set[str]:
    """Names of all methods that a module calls on something that is not a module of its own."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found.add(node.func.attr)
    return found


def implemented(owner: str, names: set[str]) -> set[str]:
    """Which of the methods narwhals implements for Spark."""
    module, _, kind = owner.partition(":")
    found = getattr(importlib.import_module(f"narwhals._spark_like.{module}"), kind)
    return {
        name for name in names if hasattr(found, name) and type(vars(found).get(name)).__name__ != "not_implemented"
    }


def test_every_operation_is_implemented_for_spark() -> None:
    """The allowed operations exist in the Spark back-end of the narwhals that is installed."""
    assert implemented("expr:SparkLikeExpr", EXPRESSIONS) == EXPRESSIONS
    assert implemented("expr_dt:SparkLikeExprDateTimeNamespace", TIMES) == TIMES
    behind = FUNCTIONS - {"when"} | {"when_then"}  # the name under which the back-end has it
    assert implemented("namespace:SparkLikeNamespace", behind) == behind
    assert implemented("dataframe:SparkLikeLazyFrame", FRAMES) == FRAMES


def test_no_other_operation_is_used() -> None:
    """What narwhals would refuse on Spark, or would have to collect, is not in the table work."""
    root = REPOSITORY
    known = {name for name in dir(nw.Expr) if not name.startswith("_")}
    known |= {name for name in dir(nw.col("a").dt) if not name.startswith("_")}
    known |= {name for name in (*dir(nw.DataFrame), *dir(nw.Series)) if not name.startswith("_")}
    allowed = EXPRESSIONS | TIMES | FUNCTIONS | FRAMES | set(ELSEWHERE)
    plain = {"get", "items", "join", "replace", "to_native"}  # of dictionaries and texts, and the way back
    for module in MODULES:
        path = root / module
        assert (called(path) & known) - allowed - plain == set(), module
