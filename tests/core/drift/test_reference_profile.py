"""The profile that a bundle holds of the rows that its model was fitted and measured on."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import DataError, InputError
from headrace.core.contracts.contract import Column, Contract
from headrace.core.drift import reference_profile
from headrace.core.drift.input_profile import TrainingRows, event_times, profile_inputs, profiled_columns
from headrace.core.drift.output_profile import describe_outputs
from headrace.core.drift.reference_profile import ReferenceProfile, contract_digest
from headrace.core.drift.window_variation import DAY
from headrace.core.evaluation.evaluate import read_test
from headrace.core.features import model_matrix
from headrace.core.models import fitted_model
from headrace.core.packaging.package import pack
from headrace.core.statistics.weighted_metrics import EvaluatedRows
from tests.made_bundle import make_parts


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ReferenceProfile]:
    """The folder of a small run's parts, and the profile in its bundle."""
    folder = tmp_path_factory.mktemp("profile")
    parts, source = make_parts(folder)
    bundle = pack(folder / "bundle", parts=parts, source=source)
    return folder, ReferenceProfile.from_json(bundle.json(reference_profile.FILE))


def test_a_bundle_counts_each_training_row_of_each_input(made: tuple[Path, ReferenceProfile]) -> None:
    """The counts are those of the training part, and the profile is of the bundle's contract."""
    folder, profile = made
    fitted = fitted_model.load(folder / "model")
    train = pl.read_parquet(folder / "train")
    profile.check(fitted.contract)
    assert profile.inputs.rows == train.height
    matrix = model_matrix.encode(train, fitted.contract)
    for position, column in zip(profiled_columns(fitted.contract), profile.counts().columns, strict=True):
        assert column.missing == int(np.isnan(matrix[:, position]).sum())
        assert column.rows == train.height


def test_calibration_adds_up_to_the_test_part(made: tuple[Path, ReferenceProfile]) -> None:
    """Each test row is in one bin of its probability, and each positive one is counted as such."""
    folder, profile = made
    fitted = fitted_model.load(folder / "model")
    test = read_test(folder / "test", folder / "actuals")
    (calibration,) = profile.outputs.calibration
    scores = fitted.predict(test).probabilities
    assert scores is not None
    assert calibration.label == fitted.classes[fitted.positive]
    assert sum(calibration.rows) == test.height == profile.outputs.rows
    assert sum(calibration.probabilities) == pytest.approx(scores[:, fitted.positive].sum())
    actual = model_matrix.encode_target(test, fitted.contract)
    assert sum(calibration.actual) == int((actual == fitted.positive).sum())


def test_times_and_scores_of_training_rows_show_how_predictions_vary(made: tuple[Path, ReferenceProfile]) -> None:
    """By the contract's time column; a row without a time is in no block, and without the column there are none."""
    folder, profile = made
    assert profile.variations == ()
    fitted = fitted_model.load(folder / "model")
    train = pl.read_parquet(folder / "train")
    scores = fitted.score(train)
    assert fitted.predict(train).probabilities is not None
    moment = Column("seen", dtype="timestamp", role="timestamp")
    contract = replace(fitted.contract, columns=(*fitted.contract.columns, moment), time_column="seen")
    days = pl.Series(
        "seen", [None if row % 7 == 0 else datetime(2026, 1, 1 + row % 10, tzinfo=UTC) for row in range(train.height)]
    )
    times = event_times(train.with_columns(days), contract)
    assert event_times(train, contract) is None
    found = profile_inputs(lambda: [TrainingRows(fitted.encode(train), times, scores)], fitted.contract)
    (day,) = [one for one in found.variations if one.seconds == DAY]
    assert (day.blocks, day.rows) == (10, days.drop_nulls().len())
    assert day.prediction is not None
    assert len(day.features) == len(day.centres) == len(found.joint.means if found.joint else ())


def test_a_profile_is_small(made: tuple[Path, ReferenceProfile]) -> None:
    """Thirty columns with blocks of three lengths stay below 300 kB, and survive the document."""
    rng = np.random.default_rng(0)
    contract = _contract(*(Column(f"c{index}", dtype="number", role="feature") for index in range(30)))
    times = np.repeat(np.arange(100), 30) * DAY * 1_000_000
    found = profile_inputs(lambda: [TrainingRows(rng.standard_normal((3000, 30)), times)], contract)
    whole = replace(
        made[1],
        inputs=found.counts.record(),
        repeats=found.repeats,
        joint=found.joint,
        variations=found.variations,
    )
    text = json.dumps(whole.as_json())
    assert len(text) < 300_000
    assert ReferenceProfile.from_json(json.loads(text)) == whole


def test_a_profile_of_another_contract_is_refused(made: tuple[Path, ReferenceProfile]) -> None:
    """Rows that are read under another contract cannot be compared with it."""
    folder, profile = made
    contract = replace(fitted_model.load(folder / "model").contract, max_quarantined=0.123)
    with pytest.raises(InputError, match="must be of the contract customers that the rows are read with"):
        profile.check(contract)


def test_a_profile_that_lacks_a_part_is_refused(made: tuple[Path, ReferenceProfile]) -> None:
    """The sentence names what is missing, and the remedy."""
    facts = made[1].as_json()
    del facts["outputs"]["losses"]
    with pytest.raises(InputError, match="'outputs' lacks the key 'losses': package the model again"):
        ReferenceProfile.from_json(json.loads(json.dumps(facts)))


def _contract(*columns: Column) -> Contract:
    target = Column("sold", dtype="string", role="target", categories=("no", "yes"))
    return Contract(name="shop", task="binary", columns=(*columns, target))


def test_no_personal_column_is_profiled() -> None:
    """Neither the values nor the categories of a personal column are in the profile."""
    contract = _contract(
        Column("age", dtype="number", role="feature"),
        Column("name", dtype="string", role="feature", categories=("ann", "bob"), personal="keep"),
    )
    matrix = np.array([[30.0, 0.0], [40.0, 1.0]])
    counts = profile_inputs(lambda: [TrainingRows(matrix)], contract).counts
    assert [column.bins.name for column in counts.columns] == ["age"]


def test_bins_follow_from_all_rows_of_a_large_table_and_counts_are_exact() -> None:
    """A table whose rows rise from its first to its last block is sampled evenly, in bounded memory."""
    contract = _contract(Column("age", dtype="number", role="feature"))
    blocks = [np.linspace(start, start + 1, 60_000)[:, None] for start in range(5)]
    (column,) = profile_inputs(lambda: (TrainingRows(block) for block in blocks), contract).counts.columns
    assert column.rows == 300_000
    inner = column.counts[1:-1]
    assert inner.min() > 0.7 * inner.mean()
    assert inner.max() < 1.4 * inner.mean()


def test_a_training_part_without_rows_is_one_sentence() -> None:
    """There is nothing to profile."""
    with pytest.raises(DataError, match="must hold rows to be profiled"):
        profile_inputs(list, _contract(Column("age", dtype="number", role="feature")))


def test_a_regression_has_its_losses_and_how_they_depend_on_the_prediction() -> None:
    """Errors of either sign add up, where the model predicts little and where it predicts much."""
    actual, values = np.array([1.0, 2.0, 10.0, 20.0]), np.array([1.5, 1.5, 12.0, 12.0])
    outputs = describe_outputs(EvaluatedRows("regression", actual, values=values), ())
    assert outputs.errors is not None
    assert (outputs.errors.absolute.mean, outputs.errors.squared.mean) == (11 / 4, 68.5 / 4)
    assert {loss.name: loss.total for loss in outputs.losses} == {"mae": 11.0, "mse": 68.5}
    assert outputs.calibration == ()


def test_a_profile_of_format_1_is_read_without_the_errors_by_inputs() -> None:
    """It held errors by the predicted value; the other monitors need not wait for a new bundle."""
    contract = _contract(Column("age", dtype="number", role="feature"))
    inputs = profile_inputs(lambda: [TrainingRows(np.arange(50.0)[:, None])], contract)
    outcome = EvaluatedRows("regression", np.arange(50.0), values=np.arange(50.0) + 1)
    profile = ReferenceProfile(
        reference_profile.FORMAT,
        contract_digest(contract),
        inputs.counts.record(),
        describe_outputs(outcome, ()),
        inputs.repeats,
    )
    facts = profile.as_json()
    assert ReferenceProfile.from_json(facts) == profile
    facts["outputs"]["errors"] = {"edges": [0.0], "rows": [20, 30], "totals": [1.0, 2.0]}
    read = ReferenceProfile.from_json({**facts, "format": 1})
    assert read.outputs.errors is None
    assert read.outputs.losses == profile.outputs.losses
    with pytest.raises(InputError, match="package the model again"):
        ReferenceProfile.from_json(facts)
