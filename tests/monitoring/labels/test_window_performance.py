"""The way of labels from a table of a person to the monitors, with a real bundle."""

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from headrace.core.base.errors import InputError
from headrace.core.base.files import read_json
from headrace.core.bundles.bundle import Bundle
from headrace.core.contracts.contract import Contract
from headrace.core.contracts.contract_yaml import load as load_contract
from headrace.core.drift.reference_profile import ReferenceProfile
from headrace.core.evaluation.evaluation_document import BundleMetrics
from headrace.core.inference.scorer import Scorer
from headrace.core.monitors.performance.degradation import degradation_results
from headrace.core.monitors.performance.estimated_performance import compare_estimates, estimated_results
from headrace.core.monitors.performance.measured_performance import performance_results
from headrace.core.monitors.performance.performance_reference import PerformanceReference
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.labels.label_store import LabelStore
from headrace.monitoring.labels.labelled_rows import labelled_rows
from headrace.monitoring.labels.window_performance import (
    labelled_window,
    predicted_rows,
    sum_daily_losses,
    with_answer,
)
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.open_objects import open_objects
from tests.conftest import headrace, write_table
from tests.made_bundle import copy_bundle

DAY = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
MONTH = TimeWindow(DAY, DAY + dt.timedelta(days=31))


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A real bundle."""
    return copy_bundle(tmp_path / "made")


def _contract(bundle: Bundle) -> Contract:
    return load_contract(bundle.folder / "contract.yaml")


def _serve(bundle: Bundle, folder: Path, store: Path, *, rows: int = 300, of_request: int = 1) -> pl.DataFrame:
    """Score rows with the bundle and store them as a month of requests; return their true classes by request."""
    import headrace.api as hr

    table = pl.read_csv(write_table(folder / "new.csv", rows=rows, seed=11))
    predicted = hr.score(bundle, table).frame
    numbers = pl.int_range(rows, eager=True)
    named = pl.DataFrame(
        {
            "request_id": [f"r{number // of_request:04}" for number in range(rows)],
            "row": (numbers % of_request).cast(pl.Int32),
            "time": pl.Series([DAY + dt.timedelta(hours=2 * (n // of_request)) for n in range(rows)]).cast(
                pl.Datetime("us", "UTC")
            ),
            "model_digest": predicted.get_column("model_digest").cast(pl.String),
        }
    )
    inputs = table.drop("churn").rename(lambda name: f"input_{name}")
    answers = predicted.select(pl.col("label").cast(pl.String), "probability_no", "probability_yes")
    WindowStore(open_objects(str(store)), bundle.name).write(pl.concat([named, inputs, answers], how="horizontal"))
    return named.select("request_id", "row").with_columns(table.get_column("churn"))


def test_the_command_stores_labels_and_counts_them(bundle: Bundle, tmp_path: Path) -> None:
    """Twice the same table; refused rows in a file of their own, and counts for programs."""
    store, table, refused = tmp_path / "store", tmp_path / "labels.csv", tmp_path / "refused.parquet"
    labels = _serve(bundle, tmp_path, store, rows=60)
    broken = labels.head(1).with_columns(churn=pl.lit("perhaps"))
    pl.concat([labels.head(40), broken]).write_csv(table)
    command = ["labels", str(bundle.folder), str(table), "--to", str(store), "--summary", str(tmp_path / "out.json")]
    ended = headrace(*command, "--refused", str(refused))
    assert ended.returncode == 0, ended.stderr
    assert "41 labels, 40 matched, 0 unknown, 0 corrected, 0 repeated, 1 refused (1 because" in ended.stdout
    assert pl.read_parquet(refused).get_column("reason").to_list() == ["the actual value must be one of 'no', 'yes'"]
    again = headrace(*command)
    assert "40 repeated, 1 refused" in again.stdout
    assert "nothing new was stored" in again.stdout
    assert json.loads((tmp_path / "out.json").read_text())["repeated"] == 40


def test_a_table_without_labels_is_one_sentence(bundle: Bundle, tmp_path: Path) -> None:
    """The exit code is that of a user's mistake."""
    table = tmp_path / "labels.csv"
    table.write_text("request_id,outcome\na,yes\n")
    ended = headrace("labels", str(bundle.folder), str(table), "--to", str(tmp_path / "store"))
    assert ended.returncode == 2
    assert "must have the column 'churn' with what was true" in ended.stderr
    assert not (tmp_path / "store").exists()


def test_stored_rows_and_labels_become_results(bundle: Bundle, tmp_path: Path) -> None:
    """Measured, estimated, compared, by slice, and day by day, from what the store holds."""
    import headrace.api as hr

    store = tmp_path / "store"
    labels = _serve(bundle, tmp_path, store)
    counts = hr.add_labels(bundle, labels.head(240), store)
    assert counts.matched == 240
    contract, place = _contract(bundle), open_objects(str(store))
    rows = labelled_rows(
        WindowStore(place, bundle.name), LabelStore(place, bundle.name), MONTH, contract, unlabelled=True
    )
    profile = ReferenceProfile.from_json(read_json(bundle.folder / "profile.json")).outputs
    measured = BundleMetrics.from_json(read_json(bundle.folder / "metrics.json"))
    reference = PerformanceReference.of(measured, main="roc_auc")
    results = performance_results(
        profile,
        labelled_window(rows, contract, slice_columns=("plan",)),
        classes=("no", "yes"),
        reference=reference,
    )
    by_name = {(one.monitor, one.subject): one for one in results}
    assert by_name["label_coverage", ""].value == pytest.approx(0.8)
    assert by_name["measured_performance", "roc_auc"].rows == 240
    assert (by_name["measured_performance", "roc_auc"].value or 0) > 0.8
    assert {one.subject for one in results if one.monitor == "slice_performance"} == {
        "plan = basic",
        "plan = plus",
        "plan = premium",
    }
    estimates = estimated_results(profile, predicted_rows(with_answer(rows, contract), contract), reference=reference)
    assert {one.status for one in (*results, *estimates)} == {"ok"}
    assert sum(one.inside for one in compare_estimates(estimates, results)) >= 6
    history = sum_daily_losses(rows, contract, digest=Scorer.open(bundle, threads=1).digest)
    assert sum(day.rows for day in history.days) == 240
    assert [one.status for one in degradation_results(profile, history)] == ["ok"]


def test_labels_of_the_past_are_received_then(bundle: Bundle, tmp_path: Path) -> None:
    """Where the caller says when; a report of that time counts them."""
    import headrace.api as hr

    store = tmp_path / "store"
    labels = _serve(bundle, tmp_path, store, rows=20)
    then = DAY + dt.timedelta(days=2)
    hr.add_labels(bundle, labels, store, now=then)
    (file,) = LabelStore(open_objects(str(store)), bundle.name).files()
    assert file.received == then
    for wrong in (then.replace(tzinfo=None), dt.datetime.now(dt.UTC) + dt.timedelta(days=1)):
        with pytest.raises(InputError, match="now must be a time with a time zone, and not to come; got 20"):
            hr.add_labels(bundle, labels, store, now=wrong)


def test_rows_of_one_request_are_clusters(bundle: Bundle, tmp_path: Path) -> None:
    """Ten rows that came together are one draw."""
    import headrace.api as hr

    store = tmp_path / "store"
    labels = _serve(bundle, tmp_path, store, rows=100, of_request=10)
    hr.add_labels(bundle, labels, store)
    place, contract = open_objects(str(store)), _contract(bundle)
    rows = labelled_rows(WindowStore(place, bundle.name), LabelStore(place, bundle.name), MONTH, contract)
    clusters = labelled_window(rows, contract).clusters
    assert clusters is not None
    assert (clusters.by, clusters.count, len(clusters.codes)) == ("request", 10, 100)


def test_rows_without_an_answer_are_no_predictions_and_other_classes_are_one_sentence(
    bundle: Bundle, tmp_path: Path
) -> None:
    """A refused request has no prediction; a class that the contract lacks is another model's."""
    store = tmp_path / "store"
    _serve(bundle, tmp_path, store, rows=10)
    place, contract = open_objects(str(store)), _contract(bundle)
    rows = labelled_rows(
        WindowStore(place, bundle.name), LabelStore(place, bundle.name), MONTH, contract, unlabelled=True
    )
    refused = rows.with_columns(label=pl.when(pl.int_range(pl.len()) < 3).then(None).otherwise("label"))
    assert labelled_window(refused, contract).rows == 7
    with pytest.raises(InputError, match=r"answer \['maybe'\]"):
        predicted_rows(rows.with_columns(label=pl.lit("maybe")), contract)
    assert labelled_window(rows.drop("label"), contract).rows == 0
