"""From a table to a decision: each decision, each note, each refusal."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.ab_tests.analysis import MOST_LOOKS, analyze
from headrace.core.ab_tests.plan import ABTestPlan
from headrace.core.ab_tests.result import ABTestResult
from headrace.core.base.errors import DataError, InputError
from tests.core.ab_tests.simulated_tests import DAYS, GUARD, MEAN_METRIC, SHARE_METRIC, draw_table, plan_test
from tests.golden.test_document_schemas import valid
from tests.properties import examples

COVARIATE = "spent,mean=50,sd=20,effect=4,covariate=before,correlation=0.7"


def early(table: pl.DataFrame, days: int) -> pl.DataFrame:
    """What is known after some days."""
    return table.filter(pl.col("day") < days)


def test_a_candidate_with_the_planned_effect_is_better() -> None:
    """With the reasons in words, the figures, and a document that keeps its schema."""
    plan = plan_test(SHARE_METRIC, guards=(GUARD,))
    result = analyze(draw_table(2, plan.keys, effect=1.6), plan=plan, time="day")
    assert (result.decision, result.missing_keys) == ("better", None)
    assert result.sentence == "The candidate is better: converted, and every guard is kept."
    assert result.reasons[0].startswith("converted is better: 0.")
    assert "hold for this one look" in result.reasons[-1]
    assert [one.status for one in result.metrics] == ["better", "kept"]
    document = json.loads(json.dumps(result.as_json()))
    assert valid("ab-test", document)
    assert valid("ab-test-plan", document["plan"])
    assert ABTestResult.from_json(document) == result


def test_a_worse_candidate_is_worse() -> None:
    """In the direction that the plan names."""
    plan = plan_test("latency,mean=80,sd=40,effect=8,better=lower")
    result = analyze(draw_table(2, plan.keys, loss=1.5), plan=plan)
    assert result.decision == "worse"
    assert "Keep the baseline" in result.sentence


def test_a_harmed_guard_stops_the_test_early() -> None:
    """Whatever the primary metric says."""
    plan = plan_test(SHARE_METRIC, guards=(GUARD,))
    result = analyze(early(draw_table(3, plan.keys, effect=1.5, loss=3), 6), plan=plan)
    assert not result.is_final
    assert result.decision == "stop"
    assert "harms latency by more than the margin" in result.sentence


def test_versions_that_do_not_differ_are_equivalent() -> None:
    """When the interval lies within the margin, which takes more keys than the effect."""
    plan = plan_test(MEAN_METRIC, keys=4000)
    result = analyze(draw_table(4, 4000), plan=plan)
    assert result.decision == "equivalent"
    assert "do not differ by more than the margin" in result.sentence


def test_before_the_planned_size_only_the_sequence_counts() -> None:
    """A p-value below alpha decides nothing then, and the missing keys are counted."""
    plan = plan_test(MEAN_METRIC)
    seeds = [seed for seed in range(200) if _p_value(seed, plan) < 0.03]
    assert seeds
    for seed in seeds:
        result = analyze(early(draw_table(seed, plan.keys), 5), plan=plan)
        assert result.decision == "undecided"
        assert result.missing_keys == plan.keys - result.metrics[0].keys.total
        assert f"{result.missing_keys:,} more keys are needed" in result.sentence
        assert "p-values and confidence intervals do not count" in result.reasons[-1]


def _p_value(seed: int, plan: ABTestPlan) -> float:
    return analyze(early(draw_table(seed, plan.keys), 5), plan=plan).metrics[0].p_value


def test_a_large_effect_is_found_early_unless_the_plan_looks_once() -> None:
    """The sequence decides before the end; a plan for one look has spent no alpha on it."""
    table = early(draw_table(5, 1200, effect=3), 6)
    assert analyze(table, plan=plan_test(MEAN_METRIC, keys=1200)).decision == "better"
    result = analyze(table, plan=plan_test(MEAN_METRIC, keys=1200, looks="once"))
    assert result.decision == "undecided"
    assert "the plan looks once" in result.reasons[-1]


def test_a_broken_division_forbids_any_conclusion() -> None:
    """Though the effect is large."""
    plan = plan_test(MEAN_METRIC, keys=3000)
    result = analyze(draw_table(6, 3000, effect=3, share=0.56), plan=plan)
    assert result.decision == "invalid"
    assert result.reasons[0].startswith("The candidate has 5")
    assert len(result.reasons) == 1


def test_better_with_a_guard_that_is_not_known_is_undecided() -> None:
    """Because the guard may still be harmed."""
    plan = replace(plan_test(MEAN_METRIC, guards=("latency,mean=80,sd=40,margin=0.5,better=lower",)), keys=1000)
    result = analyze(draw_table(7, 1000, effect=2), plan=plan)
    assert result.decision == "undecided"
    assert "spent is better, but the guard latency is not known to be kept" in result.sentence
    assert result.missing_keys is not None
    assert result.missing_keys > 10_000


def test_a_covariate_narrows_the_interval() -> None:
    """By the part of the variance that it explains."""
    table = draw_table(8, 3000)
    plain = analyze(table, plan=plan_test(MEAN_METRIC, keys=3000)).metrics[0]
    adjusted = analyze(table, plan=plan_test(COVARIATE, keys=3000)).metrics[0]
    assert adjusted.variance_reduction == pytest.approx(0.49, abs=0.04)
    ratio = (adjusted.high - adjusted.low) / (plain.high - plain.low)
    assert ratio == pytest.approx(np.sqrt(1 - adjusted.variance_reduction), rel=0.01)
    assert "adjusted by before" in adjusted.sentence


def test_a_covariate_that_the_test_changed_is_not_used() -> None:
    """It was measured too late; a missing or constant one is not used either, and each is stated."""
    table = draw_table(9, 3000)
    shifted = table.with_columns(pl.col("before") + 0.3 * (pl.col("version") == "candidate"))
    partly = table.with_columns(before=pl.when(pl.col("key") % 3 > 0).then("before"))
    for frame, sentence, reduced in (
        (shifted, "differs between the versions", False),
        (table.with_columns(before=1.0), "is the same for all keys or missing", False),
        (table.with_columns(before=pl.lit(None)), "is the same for all keys or missing", False),
        (partly, "1,000 keys have no covariate 'before'", True),
    ):
        result = analyze(frame, plan=plan_test(COVARIATE, keys=3000))
        assert any(sentence in note for note in result.notes), result.notes
        assert (result.metrics[0].variance_reduction > 0) == reduced


def test_rows_of_a_key_are_brought_together() -> None:
    """Twenty rows of a key are not twenty observations: taken so, false alarms are several times as many."""
    plan = plan_test(MEAN_METRIC, keys=200)
    tables = [draw_table(seed, 200, rows_per_key=20) for seed in range(150)]
    alarms = [analyze(table, plan=plan).metrics[0].p_value < 0.05 for table in tables]
    as_rows = [table.with_columns(key=pl.int_range(pl.len())) for table in tables]
    naive = [analyze(table, plan=plan).metrics[0].p_value < 0.05 for table in as_rows]
    assert np.mean(alarms) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)
    assert np.mean(naive) > 0.25


def test_what_an_average_is_over_is_the_plans_choice() -> None:
    """Rows with a value, keys with their totals (of a share, any), or another column."""
    table = pl.DataFrame(
        {
            "key": ["a", "a", "a", "b", "c", "d", "d"],
            "version": ["candidate"] * 4 + ["baseline"] * 3,
            "m": [1.0, 0.0, None, 0.0, 1.0, 1.0, 0.0],
            "n": [2.0, 2.0, 9.0, 4.0, 1.0, 5.0, 2.0],
        }
    )
    found = {}
    for kind in ("rate=0.2,effect=0.1", "mean=1,sd=1,effect=1"):
        for per in ("row", "key", "n"):
            result = analyze(table, plan=plan_test(f"m,{kind},per={per}", keys=10)).metrics[0]
            found[kind[:4], per] = (result.candidate, result.baseline)
    assert found["rate", "row"] == found["mean", "row"] == pytest.approx((1 / 3, 2 / 3))
    assert found["mean", "key"] == pytest.approx((0.5, 1.0))
    assert found["rate", "key"] == pytest.approx((0.5, 1.0))
    assert found["mean", "n"] == pytest.approx((1 / 8, 2 / 8))


@given(seed=st.integers(0, 1000))
@examples(20)
def test_the_order_of_rows_has_no_part_in_it(seed: int) -> None:
    """Nor has the spelling of numbers as texts, as a CSV has them."""
    plan = plan_test(SHARE_METRIC, COVARIATE, guards=(GUARD,), keys=300)
    table = draw_table(3, 150, rows_per_key=2)
    shuffled = table.sample(fraction=1.0, shuffle=True, seed=seed)
    texts = shuffled.with_columns(pl.col("converted", "spent", "before", "latency").cast(pl.String))
    expected = analyze(table, plan=plan, time="day")
    for frame in (shuffled, texts):
        found = analyze(frame, plan=plan, time="day")
        assert found.decision == expected.decision
        for one, other in zip(found.metrics, expected.metrics, strict=True):
            assert (one.low, one.high, one.sequence_low) == pytest.approx((other.low, other.high, other.sequence_low))


def test_the_same_table_gives_the_same_bytes() -> None:
    """To the last digit."""
    plan, table = plan_test(SHARE_METRIC, COVARIATE, guards=(GUARD,)), draw_table(3, 4000, rows_per_key=3)
    assert analyze(table, plan=plan, time="day").as_json() == analyze(table, plan=plan, time="day").as_json()


def test_what_is_left_out_is_stated() -> None:
    """Keys that saw both versions, rows without key or version, other versions, missing labels of one version."""
    plan = plan_test(MEAN_METRIC, keys=3000)
    table = draw_table(10, 3000)
    odd = pl.DataFrame(
        {
            "key": [None, 5001, 5002, 0, 1],
            "version": ["candidate", None, "third", "candidate", "candidate"],
            "spent": [1.0, 2.0, 3.0, 50.0, 50.0],
        }
    )
    late = (pl.col("version") == "candidate") & (pl.col("key") % 5 == 0)
    rows = table.select("key", "version", spent=pl.when(~late).then("spent"))
    switched = rows.with_columns(version=pl.when(pl.col("key") < 2).then(pl.lit("baseline")).otherwise("version"))
    result = analyze(pl.concat([switched, odd], how="vertical_relaxed"), plan=plan)
    notes = " ".join(result.notes)
    assert result.both == 2
    assert "2 keys saw both versions" in notes
    assert "1 row without a key" in notes
    assert "1 row without a version" in notes
    assert "1 row of other versions than 'baseline' and 'candidate', such as 'third'" in notes
    assert "Values of 'spent' are missing for 0.2" in notes
    effect = result.metrics[0]
    assert effect.missing.candidate == pytest.approx(0.2, abs=0.03)
    assert effect.missing.baseline == 0
    assert result.keys.total == 2998


def test_the_sequence_over_time_ends_with_the_last_day() -> None:
    """One moment a day, and never within a day, because rows of a day may be sorted by version."""
    plan = plan_test(MEAN_METRIC)
    table = draw_table(11, plan.keys).sort("version")
    points = analyze(table, plan=plan, time="day").metrics[0].timeline
    assert [point.time for point in points] == [str(day) for day in range(DAYS)]
    assert points[-1].keys == plan.keys
    many = table.with_columns(day=pl.int_range(pl.len()))
    points = analyze(many, plan=plan, time="day").metrics[0].timeline
    assert len(points) == MOST_LOOKS
    assert points[0].low is None  # only one version has keys at first
    assert points[-1].keys == plan.keys


def test_keys_without_a_time_come_last() -> None:
    """And are counted in a note."""
    plan = plan_test(MEAN_METRIC)
    table = draw_table(12, plan.keys).with_columns(day=pl.when(pl.col("key") != 3).then("day"))
    result = analyze(table, plan=plan, time="day")
    assert "1 key has no time and comes last" in result.notes[-1]
    assert result.metrics[0].timeline[-1].keys == plan.keys


def test_few_keys_and_rare_events_are_read_with_caution() -> None:
    """Stated, and no sequence decides with fewer than a hundred keys of a version."""
    table = draw_table(13, 120, effect=10)
    result = analyze(table, plan=plan_test(MEAN_METRIC))
    assert "are approximate: a version has only" in result.notes[0]
    assert result.decision == "undecided"
    rare = draw_table(14, 2000).with_columns(converted=(pl.col("key") % 400 == 0).cast(pl.Float64))
    assert "are approximate: a version has" in analyze(rare, plan=plan_test(SHARE_METRIC)).notes[0]


_TABLE = draw_table(15, 60)
_CANDIDATE = pl.col("version") == "candidate"


@pytest.mark.parametrize(
    ("table", "error", "sentence"),
    [
        (_TABLE.filter(_CANDIDATE), DataError, "'baseline' has none, and the versions there are 'candidate'"),
        (_TABLE.head(1), DataError, "must have rows of both versions"),
        (_TABLE.clear(), DataError, "the versions there are none"),
        (_TABLE.with_columns(spent=1.0), DataError, "is 1 for every key of the candidate and 1 for every other one"),
        (_TABLE.with_columns(spent=0.1), DataError, "is 0.1 for every key"),
        (pl.concat([_TABLE, _TABLE, _TABLE]).with_columns(spent=0.1), DataError, "is 0.1 for every key"),
        (_TABLE.with_columns(spent=pl.lit(None)), DataError, "must have values for at least 2 keys"),
        (_TABLE.with_columns(spent=pl.lit(float("nan"))), DataError, "must have values for at least 2 keys"),
        (_TABLE.with_columns(spent=pl.lit(float("inf"))), InputError, "must be finite"),
        (_TABLE.with_columns(spent=pl.lit("much")), InputError, "column 'spent' must hold numbers; it holds 'much'"),
        (_TABLE.with_columns(spent=pl.lit([1])), InputError, "must hold numbers; it is of type"),
        (_TABLE.drop("key"), InputError, "needs the column 'key', which the table does not have"),
        (_TABLE.drop("spent"), InputError, "needs the column 'spent'"),
        (_TABLE.with_columns(key=pl.lit(None)), DataError, "must have rows of both versions"),
        (_TABLE.with_columns(key=pl.lit(1)), DataError, "one has none left"),
    ],
)
def test_a_table_that_says_nothing_is_refused(table: pl.DataFrame, error: type[Exception], sentence: str) -> None:
    """In one sentence, never with a figure that means nothing."""
    with pytest.raises(error, match=sentence):
        analyze(table, plan=plan_test(MEAN_METRIC))


def test_a_covariate_that_is_the_metric_is_refused() -> None:
    """It leaves no variance to test with."""
    table = draw_table(8, 300).with_columns(before=pl.col("spent") * 3 + 1)
    with pytest.raises(DataError, match="the covariate 'before' explains metric 'spent' completely"):
        analyze(table, plan=plan_test(COVARIATE))


def test_a_plan_of_another_metric_is_refused() -> None:
    """A share's values are 0 or 1; a divisor is not negative."""
    with pytest.raises(InputError, match="has column 'spent' as a share, so its values must be 0 or 1"):
        analyze(_TABLE, plan=plan_test("spent,rate=0.1,effect=0.01"))
    with pytest.raises(InputError, match="column 'before' divides 'spent'; it must not be negative"):
        analyze(_TABLE, plan=plan_test("spent,mean=50,sd=1,effect=1,per=before"))
