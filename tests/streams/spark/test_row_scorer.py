"""Rows of a data frame are answered as the server and ``headrace score`` answer them, whatever their Arrow types."""

import builtins
import datetime as dt
import math
import pickle
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headrace.api as hr
from headrace.core.base.errors import DataError, InputError, RequestError
from headrace.streams.spark.row_scorer import SparkRowScorer
from tests.properties import examples
from tests.streams.made_streams import bundle_folder, stream_model

ROW = {"age": 30, "spend": 2.5, "plan": "basic", "joined": "2024-05-01 10:15:00"}
UTC = dt.UTC
_LOCAL = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1))  # noqa: DTZ001 - naive
AGES = {
    pa.int8(): st.integers(-128, 127),
    pa.int16(): st.integers(-5, 400),
    pa.int32(): st.integers(0, 200),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float32(): st.sampled_from([30.0, 30.5, math.nan, math.inf, -1.0]),
    pa.float64(): st.sampled_from([30.0, 30.5, math.nan, 1e300]),
    pa.decimal128(38, 0): st.integers(-(10**30), 10**30).map(Decimal) | st.integers(0, 162).map(Decimal),
    pa.string(): st.sampled_from(["30", "30.0", "x", "", " 41 ", "NaN"]),
    pa.large_string(): st.sampled_from(["30", "forty"]),
}
SPENDS = {
    pa.float64(): st.floats(0, 460) | st.sampled_from([math.nan, math.inf, -math.inf, -1.0, 461.0]),
    pa.float32(): st.floats(0, 460, width=32),
    pa.decimal128(10, 2): st.decimals(0, 500, places=2),
    pa.decimal128(38, 18): st.decimals(0, 460, places=18),
    pa.int32(): st.integers(-1, 500),
}
TIMES = {
    pa.timestamp("us"): _LOCAL,
    pa.timestamp("us", tz="America/Sao_Paulo"): _LOCAL.map(lambda time: time.replace(tzinfo=UTC)),
    pa.timestamp("us", tz="+05:30"): _LOCAL.map(lambda time: time.replace(tzinfo=UTC)),
    pa.date32(): st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)),
    pa.string(): st.sampled_from(["2024-05-01 10:15:00", "2024-05-01", "2024-05-01T10:15:00.5+05:30", "soon"]),
}
PLANS = {
    pa.string(): st.sampled_from(["basic", "plus", "premium", "gold", "", " basic "]),
    pa.large_string(): st.sampled_from(["basic", "gold"]),
    pa.int64(): st.integers(0, 3),
    pa.null(): st.none(),
}


def scorer(**choices: Any) -> SparkRowScorer:
    """A scorer of the usual bundle."""
    return hr.spark_scorer(bundle_folder(), **choices)


def score(batch: pa.RecordBatch, **choices: Any) -> list[dict[str, Any]]:
    """The rows that Spark would get for one batch."""
    (answer,) = scorer(**choices)(iter([batch]))
    rows: list[dict[str, Any]] = answer.to_pylist()
    return rows


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    """A batch of typed columns, as Spark hands it over."""
    rows = draw(st.integers(1, 8))
    columns = {}
    for name, kinds in {"age": AGES, "spend": SPENDS, "plan": PLANS, "joined": TIMES}.items():
        kind = draw(st.sampled_from(list(kinds)))
        values = draw(st.lists(kinds[kind] | st.none(), min_size=rows, max_size=rows))
        columns[name] = pa.array(values, kind)
    return pa.RecordBatch.from_pydict(columns)


def as_json(value: Any, kind: Any) -> Any:
    """A value as an event in JSON would hold it: instants in UTC, NaN as nothing."""
    if isinstance(value, dt.datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ") if value.tzinfo else value.isoformat(" ")
    if isinstance(value, dt.date):
        return str(value)
    if isinstance(value, Decimal):
        return float(value) if kind.scale else int(value)
    return None if isinstance(value, float) and math.isnan(value) else value


def server_says(batch: pa.RecordBatch, place: int) -> Any:
    """What the server answers to a row of a batch, or the rule by which it refuses it."""
    row = {name: as_json(batch.column(name)[place].as_py(), batch.column(name).type) for name in ROW}
    served = stream_model().served
    try:
        return served.objects(served.predict_validated([row]))[0]
    except RequestError as error:
        return error.reason


@given(batches())
def test_each_row_gets_what_the_server_says(batch: pa.RecordBatch) -> None:
    """Every integer width, decimals, floats, NaN, dates, instants in a session's time zone, texts, and nothing."""
    for place, row in enumerate(score(batch)):
        expected = server_says(batch, place)
        if isinstance(expected, str):
            assert row["status"] == "refused"
            assert (row["label"], row["probability_no"], row["probability_yes"]) == (None, None, None)
            # A server says of an infinity that it is of no kind that JSON has.
            rules = {rule.split(":")[0] for rule in row["violations"].split("; ")}
            assert expected in rules or (expected == "kind" and rules & {"finite", "type"})
            assert row["reason"].startswith("column '")
        else:
            assert (row["status"], row["reason"]) == ("scored", None)
            assert row["label"] == expected["label"]
            assert {name: row[f"probability_{name}"] for name in ("no", "yes")} == expected["probabilities"]


@examples(40)
@given(batches(), st.data())
def test_no_row_changes_what_another_one_gets(batch: pa.RecordBatch, data: st.DataObject) -> None:
    """However Spark cuts rows into batches (``spark.sql.execution.arrow.maxRecordsPerBatch``), they get the same."""
    cut = data.draw(st.integers(0, batch.num_rows))
    parts = [batch.slice(0, cut), batch.slice(cut)]
    apart = [row for answer in scorer()(iter(parts)) for row in answer.to_pylist()]
    assert apart == score(batch)


@examples(20)
@given(batches())
def test_a_table_of_parquet_is_scored_alike(tmp_path_factory: pytest.TempPathFactory, batch: pa.RecordBatch) -> None:
    """The same rows, written as Parquet, through ``headrace score``."""
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    table = pa.Table.from_batches([batch])
    if getattr(batch.column("joined").type, "tz", None) == "+05:30":
        # Polars 2.1 panics at files with such a time zone (`headrace.streams.spark` never shows it one).
        table = table.set_column(3, "joined", table.column("joined").cast(pa.timestamp("us", tz="UTC")))
    pa.parquet.write_table(table, path)
    found = hr.score(bundle_folder(), path).frame.drop("row").to_dicts()
    assert [{name: row[name] for name in found[0]} for row in score(batch)] == found


def test_it_is_small_to_send_and_opens_the_model_once() -> None:
    """What Spark pickles for its workers is an address; a second task in a worker finds the model open."""
    one = scorer(keep={"id": "bigint"})
    sent = pickle.dumps(one)
    assert len(sent) < 1_000
    again = pickle.loads(sent)  # noqa: S301 - our own
    assert again == one
    assert again.pinned.open() is one.pinned.open()


def test_columns_are_kept_as_they_are() -> None:
    """Any type, nested ones included, and a column that is an input, too; others are left out."""
    nested = pa.array([{"a": 1, "b": [b"x"]}])
    batch = pa.RecordBatch.from_pydict(
        {**{name: [value] for name, value in ROW.items()}, "id": pa.array([7]), "more": nested, "other": [1]}
    )
    keep = {"more": "struct<a:bigint,b:array<binary>>", "age": "bigint"}
    one = scorer(keep=keep)
    (answer,) = one(iter([batch]))
    assert answer.schema.names == [
        *("more", "age", "label", "probability_no", "probability_yes", "status", "violations", "reason", "model_digest")
    ]
    assert answer.column("more") == nested
    assert one.schema.startswith("`more` struct<a:bigint,b:array<binary>>, `age` bigint, `label` string, ")


def test_a_batch_without_rows_gives_none() -> None:
    """Spark sends one for a partition without rows."""
    empty = pa.RecordBatch.from_pydict({name: pa.array([], pa.string()) for name in ROW})
    assert list(scorer()(iter([empty]))) == []


@pytest.mark.parametrize(
    ("changes", "choices", "error", "words"),
    [
        ({"plan": ...}, {}, DataError, r"each column that the model needs; \['plan'\] are absent"),
        ({"age": [[1]]}, {}, InputError, r"'age' of the data frame holds values of type List"),
        ({"age": [{"a": 1}]}, {}, InputError, r"'age' of the data frame holds values of type Struct"),
        ({}, {"keep": {"id": "bigint"}}, InputError, r"must hold the columns \['id'\]; \['id'\] are absent"),
    ],
)
def test_what_concerns_all_rows_ends_the_query(changes: Any, choices: Any, error: Any, words: str) -> None:
    """A statement that does not fit the model is no fault of a row."""
    columns = {name: [value] for name, value in ROW.items()} | changes
    batch = pa.RecordBatch.from_pydict({name: values for name, values in columns.items() if values is not ...})
    with pytest.raises(error, match=words):
        score(batch, **choices)


@pytest.mark.parametrize(
    ("keep", "words"),
    [
        ({"label": "string"}, r"other names than the predictions' .*; got \['label'\]: rename them"),
        ({"id": 1}, r"types by name, .*; got \{'id': 1\}"),
        (["id"], r"types by name, .*; got \['id'\]"),
    ],
)
def test_columns_that_cannot_be_kept_are_refused_at_once(keep: Any, words: str) -> None:
    """At the driver, before a job runs."""
    with pytest.raises(InputError, match=words):
        scorer(keep=keep)


def test_many_refused_rows_have_their_own_sentences() -> None:
    """A validation of a request lists a hundred violations; of a thousand bad rows each has its own sentence."""
    batch = pa.RecordBatch.from_pydict(
        {"age": list(range(200, 1200)), "spend": [-1.0] * 1000, "plan": ["gold"] * 1000, "joined": ["soon"] * 1000}
    )
    for place, row in enumerate(score(batch)):
        assert row["violations"] == "range:age; range:spend; category:plan; type:joined"
        got = f"got {200 + place} instead; 3 more values or columns are refused."
        assert row["reason"] == f"column 'age' must be from 0 to 162; {got}"


def test_without_pyarrow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one sentence, where the worker runs."""
    batch, real = pa.RecordBatch.from_pydict({name: [value] for name, value in ROW.items()}), builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "pyarrow":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    one = scorer()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"needs the package pyarrow .*: pip install 'headrace\[spark\]'"):
        list(one(iter([batch])))
