"""The monitors of the data of a window, and their one promise."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Column, Contract
from headrace.core.drift.input_profile import TrainingRows, profile_inputs
from headrace.core.drift.output_profile import describe_outputs
from headrace.core.drift.reference_profile import ReferenceProfile, contract_digest
from headrace.core.features import model_matrix
from headrace.core.monitors.data.count_window import count_window
from headrace.core.monitors.data.data_results import data_results
from headrace.core.monitors.data.window_counts import WindowCounts
from headrace.core.monitors.reports.monitor_report import MonitorResult
from headrace.core.statistics.weighted_metrics import EvaluatedRows

Rng = np.random.Generator
START = datetime(2026, 3, 1, tzinfo=UTC)
CONTRACT = Contract(
    "shop",
    "binary",
    (
        Column("price", dtype="number", minimum=-10, maximum=10),
        Column("weight", dtype="number"),
        Column("town", dtype="string", categories=("a", "b", "c"), unseen="accept"),
        Column("sold", dtype="string", role="target", categories=("no", "yes")),
    ),
)


@dataclass(frozen=True)
class _Model:
    contract: Contract = CONTRACT


def draw_rows(rng: Rng, rows: int) -> pl.DataFrame:
    """Rows of the shop: a normal price, a weight that goes with it, and a town; some weights are missing."""
    price = rng.standard_normal(rows)
    weight = 0.6 * price + 0.8 * rng.standard_normal(rows)
    weight[rng.random(rows) < 0.05] = np.nan
    towns = rng.choice(["a", "b", "c"], rows, p=[0.6, 0.3, 0.1])
    return pl.DataFrame({"price": price, "weight": pl.Series(weight).fill_nan(None), "town": towns})


def make_profile(rng: Rng, rows: int = 5000, times: Any = None) -> ReferenceProfile:
    """The profile of rows of the shop, with a model that looks at the price."""
    training = draw_rows(rng, rows)
    inputs = profile_inputs(lambda: [TrainingRows(model_matrix.encode(training, CONTRACT), times)], CONTRACT)
    chance = _chance(training)
    outcome = EvaluatedRows(
        "binary",
        (rng.random(rows) < chance).astype(np.int64),
        probabilities=np.column_stack([1 - chance, chance]),
        labels=(chance > 0.5).astype(np.int64),
    )
    return ReferenceProfile(
        1,
        contract_digest(CONTRACT),
        inputs.counts.record(),
        describe_outputs(outcome, ("no", "yes")),
        inputs.repeats,
        inputs.joint,
        inputs.variations,
    )


def _chance(frame: pl.DataFrame) -> Any:
    return 1 / (1 + np.exp(-frame.get_column("price").fill_null(0.0).to_numpy()))


def store_rows(frame: pl.DataFrame, name: str = "r", chance: Any = None) -> pl.DataFrame:
    """Rows as the collector stores them, one request each, a second apart."""
    chance = _chance(frame) if chance is None else chance
    fixed = pl.DataFrame(
        {
            "request_id": [f"{name}{index}" for index in range(frame.height)],
            "row": pl.repeat(0, frame.height, dtype=pl.Int32, eager=True),
            "time": [START + timedelta(seconds=index) for index in range(frame.height)],
            "model_digest": [""] * frame.height,
        },
        schema_overrides={"time": pl.Datetime("us", "UTC"), "request_id": pl.String, "model_digest": pl.String},
    )
    return fixed.with_columns(
        *(frame.get_column(column).alias(f"input_{column}") for column in frame.columns),
        label=pl.Series(np.where(chance > 0.5, "yes", "no"), dtype=pl.String),
        probability_no=pl.Series(1 - chance, dtype=pl.Float64),
        probability_yes=pl.Series(chance, dtype=pl.Float64),
    )


def count_rows(frame: pl.DataFrame, profile: ReferenceProfile) -> WindowCounts:
    """Count rows of the shop as a window."""
    return count_window([store_rows(frame)], _Model(), profile)


PROFILE = make_profile(np.random.default_rng(0))


def _results(frame: pl.DataFrame, **options: Any) -> dict[tuple[str, str], MonitorResult]:
    results = data_results(PROFILE, count_rows(frame, PROFILE), **options)
    return {(result.monitor, result.subject): result for result in results}


def _alarms(results: dict[tuple[str, str], MonitorResult]) -> dict[tuple[str, str], str]:
    return {key: result.status for key, result in results.items() if result.status not in {"ok", "unknown"}}


def test_a_clean_window_has_no_alarm_and_a_result_of_each_monitor() -> None:
    """Every monitor of the data says something, in a sentence."""
    results = _results(draw_rows(np.random.default_rng(1), 1000), end=START + timedelta(seconds=1500))
    assert _alarms(results) == {}
    assert {monitor for monitor, _ in results} == {
        "contract_violations",
        "missing",
        "duplicate_requests",
        "duplicate_rows",
        "freshness",
        "input_drift",
        "joint_drift",
        "prediction_drift",
    }
    assert all(result.sentence.endswith(".") for result in results.values())
    assert results["freshness", ""].value == 501.0


def test_reports_of_clean_windows_keep_their_promise() -> None:
    """Of 60 clean windows at most about three in ten have any alarm at ``alpha`` 0.3, over all monitors together."""
    rng = np.random.default_rng(2)
    alarms = sum(bool(_alarms(_results(draw_rows(rng, 300), alpha=0.3, smallest_effect=0.0))) for _ in range(60))
    assert alarms <= 28  # 18 expected at most, and three standard deviations


def _broken(change: str, frame: pl.DataFrame) -> pl.DataFrame:
    row = pl.int_range(pl.len())
    return {
        "moved": lambda: frame.with_columns(pl.col("price") + 0.5),
        "constant": lambda: frame.with_columns(price=0.25),
        "all missing": lambda: frame.with_columns(weight=pl.lit(None, pl.Float64)),
        "some missing": lambda: frame.with_columns(weight=pl.when(row % 10 > 0).then("weight")),
        "half missing": lambda: frame.with_columns(weight=pl.when(row % 2 > 0).then("weight")),
        "out of range": lambda: frame.with_columns(price=pl.when(row % 20 == 0).then(99.0).otherwise("price")),
        "infinite": lambda: frame.with_columns(price=pl.when(row % 20 == 0).then(np.inf).otherwise("price")),
        "unseen": lambda: frame.with_columns(town=pl.when(row % 10 == 0).then(pl.lit("z")).otherwise("town")),
        "doubled": lambda: pl.concat([frame, frame.head(200)]),
        "turned": lambda: frame.with_columns(pl.col("weight") * -1),
        "gone": lambda: frame.drop("weight"),
        "new": lambda: frame.with_columns(colour=pl.lit("red")),
    }[change]()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("moved", {("input_drift", "price"): "violated", ("prediction_drift", ""): "violated"}),
        ("constant", {("input_drift", "price"): "data_fault"}),
        ("all missing", {("missing", "weight"): "data_fault"}),
        ("some missing", {("missing", "weight"): "violated"}),
        ("half missing", {("missing", "weight"): "data_fault"}),
        ("out of range", {("contract_violations", "range: price"): "data_fault"}),
        ("infinite", {("contract_violations", "finite: price"): "data_fault"}),
        ("unseen", {("unseen_categories", "town"): "violated"}),
        ("doubled", {("duplicate_rows", ""): "data_fault"}),
        ("turned", {("joint_drift", ""): "violated"}),
        ("gone", {("contract_violations", "columns: weight"): "data_fault", ("missing", "weight"): "data_fault"}),
        ("new", {("contract_violations", "unknown_columns: colour"): "violated"}),
    ],
)
def test_broken_data_are_a_fault_and_changed_data_are_drift(change: str, expected: dict[tuple[str, str], str]) -> None:
    """Each change is found by its monitor; what is broken forbids a fit, what is valid and different does not."""
    results = _results(_broken(change, draw_rows(np.random.default_rng(3), 1000)))
    found = _alarms(results)
    assert expected.items() <= found.items(), {key: results[key].sentence for key in found}
    statuses = set(found.values())
    assert ("data_fault" in statuses) == ("data_fault" in expected.values())


def test_sentences_name_column_change_and_amounts() -> None:
    """They are read by people who see nothing else."""
    rng = np.random.default_rng(4)
    moved = _results(_broken("moved", draw_rows(rng, 1000)))["input_drift", "price"].sentence
    assert moved.startswith("'price' has changed since training: its median went from about ")
    missing = _results(_broken("all missing", draw_rows(rng, 1000)))["missing", "weight"].sentence
    assert missing == "'weight' has no value in any of 1,000 rows."
    turned = _results(_broken("turned", draw_rows(rng, 1000)))["joint_drift", ""].sentence
    assert "'price' and 'weight', whose scores correlated by 0." in turned


def test_what_is_not_known_of_the_promise_is_one_note() -> None:
    """However many alarms it concerns; a window without an alarm needs none."""
    rng = np.random.default_rng(4)
    notes: list[str] = []
    results = _results(_broken("moved", draw_rows(rng, 1000)), notes=notes)
    assert len(_alarms(results)) >= 2
    assert not [one for one in results.values() if "not known" in one.sentence]
    (note,) = notes
    assert note.startswith("How much windows differ by themselves is not known")
    assert "rows are taken for independent" in note
    calm: list[str] = []
    assert not _alarms(_results(draw_rows(rng, 1000), notes=calm))
    assert not calm


@pytest.mark.parametrize("rows", [0, 1, 19])
def test_too_few_rows_are_unknown(rows: int) -> None:
    """Neither an error nor a verdict: the sentence says how many rows are needed."""
    results = _results(draw_rows(np.random.default_rng(5), rows), end=START + timedelta(hours=1))
    assert _alarms(results) == {}
    assert results["input_drift", ""].status == "unknown"
    counted = "1 valid row" if rows == 1 else f"{rows} valid rows"
    assert results["input_drift", ""].sentence == (
        f"The window has {counted} with known inputs; at least 20 are needed to test anything."
    )
    unknown = {monitor for (monitor, _), result in results.items() if result.status == "unknown"}
    assert {"missing", "unseen_categories", "joint_drift", "prediction_drift", "duplicate_rows"} <= unknown
    assert ("contract_violations" in unknown) == (rows == 0)
    assert results["freshness", ""].status == ("ok" if rows else "unknown")


def test_one_class_is_tested_like_any_other_share() -> None:
    """A window in which everything is predicted ``yes`` differs, and is no error."""
    frame = draw_rows(np.random.default_rng(6), 500)
    counts = count_window([store_rows(frame, chance=np.full(500, 0.9))], _Model(), PROFILE)
    results = {(result.monitor, result.subject): result for result in data_results(PROFILE, counts)}
    assert results["prediction_drift", ""].status == "violated"


def test_the_newest_row_has_an_age() -> None:
    """Beyond its bound rows are missing; in the future a clock is wrong."""
    frame = draw_rows(np.random.default_rng(7), 100)
    old = _results(frame, end=START + timedelta(hours=5), largest_age=3600.0)["freshness", ""]
    assert (old.status, old.bound) == ("violated", 3600.0)
    assert "4.97 h old; at most 60 min is allowed" in old.sentence
    ahead = _results(frame, end=START)["freshness", ""]
    assert (ahead.status, ahead.value) == ("data_fault", -99.0)


def test_earlier_windows_tell_what_a_season_is_worth() -> None:
    """A mean that moves from day to day is drift beside one training part, and none beside twenty earlier days."""
    rng = np.random.default_rng(8)

    def day() -> WindowCounts:
        return count_rows(draw_rows(rng, 500).with_columns(pl.col("price") + rng.normal(0, 0.3)), PROFILE)

    history = [day() for _ in range(20)]
    naive = known = 0
    for _ in range(20):
        window = day()
        naive += any(result.status == "violated" for result in data_results(PROFILE, window))
        known += any(result.status == "violated" for result in data_results(PROFILE, window, history=history))
    assert naive >= 10
    assert known <= 2


@pytest.mark.parametrize("options", [{"alpha": 0.0}, {"alpha": 1.5}, {"smallest_effect": -0.1}])
def test_a_promise_that_cannot_be_kept_is_refused(options: dict[str, float]) -> None:
    """No chance of a false alarm at all is a mistake."""
    with pytest.raises(InputError, match="alpha must be above 0 and below 1"):
        _results(draw_rows(np.random.default_rng(9), 30), **options)


def test_a_window_of_another_contract_is_one_sentence() -> None:
    """Its bins mean something else."""
    counts = count_rows(draw_rows(np.random.default_rng(10), 30), PROFILE)
    with pytest.raises(InputError, match="monitor with the bundle that answered"):
        data_results(PROFILE, replace(counts, contract="0" * 64))


def test_counts_in_other_bins_are_one_sentence() -> None:
    """A profile of other rows has other bins."""
    counts = count_rows(draw_rows(np.random.default_rng(11), 30), PROFILE)
    with pytest.raises(InputError, match="those of 'price' differ"):
        data_results(make_profile(np.random.default_rng(12)), counts)
