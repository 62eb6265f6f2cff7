"""What a retraining trains on: validated rows and a contract in the store, or one sentence and nothing stored."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headrace.api.monitoring.labelling import add_labels
from headrace.core.base.errors import DataError, InputError, MissingError
from headrace.core.bundles.bundle import Bundle
from headrace.core.contracts import contract_yaml
from headrace.core.monitors.decisions.policy import MonitoringPolicy, RetrainingPolicy
from headrace.core.packaging.package import pack
from headrace.monitoring.decisions.history import HistoryStore
from headrace.monitoring.labels.label_store import LabelStore
from headrace.monitoring.labels.label_table import check_labels
from headrace.monitoring.retraining.contract_widening import widen_contract, with_time_column
from headrace.monitoring.retraining.prepare_training import PreparedTraining, RetrainingOptions, prepare_training
from headrace.monitoring.retraining.stored_labels import read_stored_rows
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.folder_objects import FolderStore
from headrace.stores.objects.open_objects import StorePlace
from tests.conftest import write_table
from tests.core.monitors.made_reports import day, made_report
from tests.made_bundle import copy_bundle, make_parts

POLICY = MonitoringPolicy(retraining=RetrainingPolicy(), approve=("raise_contract",))


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A bundle without a copy of its rows."""
    return copy_bundle(tmp_path / "made")


@pytest.fixture
def place(tmp_path: Path) -> StorePlace:
    """An empty monitoring store."""
    return StorePlace(FolderStore(tmp_path / "store"))


def new_rows(tmp_path: Path, count: int = 100, **columns: Any) -> pl.DataFrame:
    """Labelled rows as the monitoring store joins them, one an hour from 2026 on."""
    raw = pl.read_csv(write_table(tmp_path / "new.csv", rows=count, seed=11))
    times = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(count)]
    return raw.with_columns(pl.Series("time", times), **columns)


def prepare(
    bundle: Bundle,
    new: pl.DataFrame,
    place: StorePlace,
    tmp_path: Path,
    *,
    policy: MonitoringPolicy = POLICY,
    **options: Any,
) -> PreparedTraining:
    """Prepare with the bundle's training table beside it."""
    given = RetrainingOptions(old=str(write_table(tmp_path / "old.csv")), **options)
    return prepare_training(bundle, new, place, policy=policy, options=given)


def test_rows_and_contract_are_stored_by_their_digests(bundle: Bundle, place: StorePlace, tmp_path: Path) -> None:
    """The table has old and new rows, and the time of the request as its time column; a repetition changes nothing."""
    prepared = prepare(bundle, new_rows(tmp_path), place, tmp_path)
    assert prepared.rows == {"old": 400, "new": 100, "held_out": 50}
    table = pl.read_parquet(prepared.source)
    contract = contract_yaml.load(Path(prepared.contract))
    assert table.columns == [column.name for column in contract.columns]
    assert contract.time_column == "request_time"
    assert contract.inputs == contract_yaml.load(bundle.folder / "contract.yaml").inputs
    assert table.get_column("request_time").null_count() == 400
    assert prepared.changes == ()
    assert prepare(bundle, new_rows(tmp_path), place, tmp_path) == prepared
    assert len(list(place.store.list("customers/training/"))) == 2


def test_rows_that_break_the_contract_are_set_aside_and_too_many_stop(
    bundle: Bundle, place: StorePlace, tmp_path: Path
) -> None:
    """A tenth is quarantined and counted; a third is a data fault: nothing is stored."""
    broken = pl.when(pl.int_range(pl.len()) % 10 == 0).then(pl.lit("gold")).otherwise(pl.col("plan"))
    prepared = prepare(bundle, new_rows(tmp_path, plan=broken), place, tmp_path)
    assert prepared.rows["new"] == 90
    assert [note.sentence for note in prepared.notes] == ["10 new rows break the contract."]
    for item in list(place.store.list("customers/")):
        (tmp_path / "store" / item.key).unlink()
    broken = pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit(-5)).otherwise(pl.col("age"))
    with pytest.raises(DataError, match=r"the new rows are not fit for training, so that nothing is trained: .*age"):
        prepare(bundle, new_rows(tmp_path, age=broken), place, tmp_path)
    assert list(place.store.list()) == []


def test_windows_with_broken_data_are_never_learned_from(bundle: Bundle, place: StorePlace, tmp_path: Path) -> None:
    """Rows of a day in which a monitor found broken data stay out, and a note counts them."""
    report = made_report(1, {"missing:spend": "data_fault"})
    HistoryStore(place, "customers").add_report(dataclasses.replace(report, name="customers"))
    prepared = prepare(bundle, new_rows(tmp_path), place, tmp_path)
    assert prepared.rows["new"] == 76
    assert prepared.notes[0].sentence == "24 new rows lie in windows whose data were broken, and are left out."
    times = pl.read_parquet(prepared.source).get_column("request_time").drop_nulls()
    start, end = (moment.replace(tzinfo=None) for moment in (day(1).start, day(1).end))
    assert times.filter((times >= start) & (times < end)).is_empty()


def test_new_rows_that_all_lie_in_broken_windows_are_a_data_fault(
    bundle: Bundle, place: StorePlace, tmp_path: Path
) -> None:
    """Nothing is trained on old rows alone either, and nothing is stored: the command ends with exit code 4."""
    report = made_report(1, {"missing:spend": "data_fault"})
    HistoryStore(place, "customers").add_report(dataclasses.replace(report, name="customers"))
    start = day(1).start
    rows = new_rows(tmp_path, 20).with_columns(pl.Series("time", [start + timedelta(hours=one) for one in range(20)]))
    with pytest.raises(DataError, match=r"so that nothing is trained: all 20 lie in windows of customers whose data"):
        prepare(bundle, rows, place, tmp_path)
    assert not list(place.store.list("customers/training/"))


def test_the_contract_becomes_wider_only_as_allowed(bundle: Bundle, place: StorePlace, tmp_path: Path) -> None:
    """A policy that asks a person first stops with the difference in words; the person's own word is enough."""
    plan = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("gold")).otherwise(pl.col("plan"))
    rows = new_rows(tmp_path, plan=plan, age=pl.col("age") + 100)
    with pytest.raises(DataError):
        prepare(bundle, rows, place, tmp_path)
    asking = dataclasses.replace(POLICY, retraining=RetrainingPolicy(widen_contract=("categories", "range")))
    with pytest.raises(InputError, match=r"must be approved by a person.*plan also takes gold.*--raise-contract"):
        prepare(bundle, rows, place, tmp_path, policy=asking)
    assert list(place.store.list()) == []
    prepared = prepare(bundle, rows, place, tmp_path, widen=("categories", "range"))
    assert any("plan also takes gold" in change for change in prepared.changes)
    assert any("the range of age is" in change for change in prepared.changes)
    assert prepared.rows["new"] == 100
    willing = dataclasses.replace(asking, approve=())
    assert prepare(bundle, rows, place, tmp_path, policy=willing).changes == prepared.changes


def test_widening_keeps_what_was_allowed_before(bundle: Bundle) -> None:
    """Old categories keep their places, ranges and shares only grow, and too many categories are none."""
    contract = with_time_column(contract_yaml.load(bundle.folder / "contract.yaml"))
    rows = pl.DataFrame(
        {
            "age": [20, 200, 30],
            "spend": [None, None, 1.0],
            "plan": ["zinc", "basic", "gold"],
            "joined": ["2024-01-01 10:00:00"] * 3,
            "churn": ["yes", "no", "no"],
            "request_time": [datetime(2026, 1, 1, tzinfo=UTC)] * 3,
        }
    )
    widened = widen_contract(contract, rows, allowed=("categories", "range", "missing")).contract
    before = contract.column("plan").categories or ()
    assert widened.column("plan").categories == (*before, "gold", "zinc")
    assert widened.column("age").maximum == 200
    assert widened.column("age").minimum == contract.column("age").minimum
    assert widened.column("spend").missing >= 2 / 3
    assert widened.target == contract.target
    assert widen_contract(contract, rows, allowed=()).changes == ()
    many = pl.concat([rows[:1].with_columns(plan=pl.lit(f"p{number}")) for number in range(101)])
    with pytest.raises(InputError, match="101 categories"):
        widen_contract(contract, many, allowed=("categories",))


def test_what_is_absent_is_one_sentence(bundle: Bundle, place: StorePlace, tmp_path: Path) -> None:
    """An input, the target or the time; and old rows that are nowhere."""
    for name in ("plan", "churn", "time"):
        shown = "request_time" if name == "time" else name
        with pytest.raises(DataError, match=f"{shown} is absent"):
            prepare(bundle, new_rows(tmp_path).drop(name), place, tmp_path)
    with pytest.raises(MissingError, match="give the training table with --old"):
        prepare_training(bundle, new_rows(tmp_path), place, policy=POLICY, options=RetrainingOptions())


def test_the_bundle_s_own_rows_are_enough(place: StorePlace, tmp_path: Path) -> None:
    """A bundle that was made with --include-data needs no table beside it."""
    parts, source = make_parts(tmp_path)
    made = pack(tmp_path / "bundle", parts=dataclasses.replace(parts, include_data=True), source=source)
    prepared = prepare_training(made, new_rows(tmp_path), place, policy=POLICY, options=RetrainingOptions())
    assert prepared.rows["old"] == 400
    assert contract_yaml.load(Path(prepared.contract)).names == set(pl.read_parquet(prepared.source).columns)


def test_new_rows_are_those_of_the_store_whose_labels_have_come(
    bundle: Bundle, place: StorePlace, tmp_path: Path
) -> None:
    """Joined by request, with the time of the request; without rows or labels one sentence says so."""
    old = str(write_table(tmp_path / "old.csv"))
    options = RetrainingOptions(old=old)
    with pytest.raises(DataError, match=r"it holds none: .*headrace labels"):
        prepare_training(bundle, None, place, policy=POLICY, options=options)
    rows = new_rows(tmp_path)
    inputs = [pl.col(name).alias(f"input_{name}") for name in rows.columns if name not in {"churn", "time"}]
    stored = rows.select(
        pl.format("r{}", pl.int_range(pl.len())).alias("request_id"),
        pl.lit(0, pl.Int32).alias("row"),
        pl.col("time").cast(pl.Datetime("us", "UTC")),
        pl.lit(bundle.digest).alias("model_digest"),
        *inputs,
    )
    WindowStore(place, bundle.name).write(stored)
    with pytest.raises(DataError, match=r"it holds none: .*headrace labels"):
        prepare_training(bundle, None, place, policy=POLICY, options=options)
    labels = pl.DataFrame({"request_id": stored.get_column("request_id"), "churn": rows.get_column("churn")})
    add_labels(bundle, labels.head(60), str(tmp_path / "store"))
    prepared = prepare_training(bundle, None, place, policy=POLICY, options=options)
    assert prepared.rows == {"old": 400, "new": 60, "held_out": 30}
    given = prepare_training(bundle, rows.head(60), place, policy=POLICY, options=options)
    assert given.source == prepared.source


def test_a_time_column_that_requests_held_is_not_replaced(bundle: Bundle, place: StorePlace, tmp_path: Path) -> None:
    """Where the contract's time column comes with the request, inputs may be computed from it."""
    text = (bundle.folder / "contract.yaml").read_text()
    (bundle.folder / "contract.yaml").write_text(text.replace("task: binary", "task: binary\ntime_column: joined"))
    assert contract_yaml.load(bundle.folder / "contract.yaml").time_column == "joined"
    rows = new_rows(tmp_path, 30)
    stored = rows.select(
        pl.format("r{}", pl.int_range(pl.len())).alias("request_id"),
        pl.lit(0, pl.Int32).alias("row"),
        pl.col("time").cast(pl.Datetime("us", "UTC")),
        pl.lit(bundle.digest).alias("model_digest"),
        *(pl.col(name).alias(f"input_{name}") for name in ("age", "spend", "plan", "joined")),
    )
    WindowStore(place, bundle.name).write(stored)
    labels = pl.DataFrame({"request_id": stored.get_column("request_id"), "churn": rows.get_column("churn")})
    LabelStore(place, bundle.name).write(
        check_labels(labels, contract_yaml.load(bundle.folder / "contract.yaml"), now=datetime.now(UTC)).labels,
        now=datetime.now(UTC),
    )
    assert read_stored_rows(place, bundle).get_column("joined").to_list() == rows.get_column("joined").to_list()
