"""The analysis of a test: from its table to what may be concluded."""

from dataclasses import replace

import numpy as np
import polars as pl

from headrace.core.ab_tests import effects
from headrace.core.ab_tests.conclusion import conclude, describe_metric
from headrace.core.ab_tests.key_totals import KeyTotals, total_by_key
from headrace.core.ab_tests.metric_analysis import KeyLooks, MetricAnalysis, analyze_metric, judge
from headrace.core.ab_tests.plan import ABTestPlan
from headrace.core.ab_tests.result import FORMAT, ABTestResult, MetricEffect, VersionCounts
from headrace.core.ab_tests.sample_ratio import check_sample_ratio
from headrace.core.base.errors import DataError
from headrace.core.base.quantities import describe_count

MOST_LOOKS = 60


def analyze(table: pl.DataFrame, *, plan: ABTestPlan, time: str = "") -> ABTestResult:
    """Analyze a test.

    Args:
        table: Rows (n) with the plan's key, version and columns of metrics, in any order.
        plan: The plan.
        time: Column of the moments at which rows arose, for the confidence sequence over time; empty without one. A
            key stands at its first moment, with all that is known of it by now.

    Raises:
        InputError: If a column is absent, or a value is not what the plan says.
        DataError: If a version has no keys, or too few with a value, or a metric is constant.
    """
    keys = total_by_key(table, plan=plan, time=time)
    looks, notes = _choose_looks(keys, time)
    counts = looks.counts[-1]
    if not min(counts):
        raise DataError("both versions must have keys that saw only one of them; one has none left.")
    analyses = [analyze_metric(keys, index, plan=plan, looks=looks) for index in range(len(plan.metrics))]
    is_final = min(one.effect.keys.total for one in analyses) >= plan.keys
    ratio = check_sample_ratio(looks.counts, share=plan.share, alpha=plan.sample_ratio_alpha, is_final=is_final)
    metrics = _judge_all(analyses, plan, is_final=is_final)
    conclusion = conclude(metrics, plan=plan, ratio=ratio, is_final=is_final)
    return ABTestResult(
        format=FORMAT,
        name=plan.name,
        decision=conclusion.decision,
        sentence=conclusion.sentence,
        reasons=conclusion.reasons,
        is_final=is_final,
        keys=VersionCounts(*counts),
        both=keys.both,
        sample_ratio=ratio,
        metrics=metrics,
        notes=(*_both_note(keys), *(note for one in analyses for note in one.notes), *keys.notes, *notes),
        plan=plan,
        missing_keys=conclusion.missing_keys,
    )


def _judge_all(analyses: list[MetricAnalysis], plan: ABTestPlan, *, is_final: bool) -> tuple[MetricEffect, ...]:
    primary = [one for one in analyses if one.metric.role == "primary"]
    adjusted = dict(
        zip(
            [one.metric.name for one in primary],
            effects.holm([one.effect.p_value for one in primary]),
            strict=True,
        )
    )
    judged = []
    for one in analyses:
        p_value = adjusted.get(one.metric.name)
        status = judge(one, plan=plan, adjusted_p=p_value, is_final=is_final)
        effect = replace(one.effect, status=status, adjusted_p_value=p_value)
        judged.append(replace(effect, sentence=describe_metric(effect, metric=one.metric, is_final=is_final)))
    return tuple(judged)


def _both_note(keys: KeyTotals) -> list[str]:
    if not keys.both:
        return []
    ends = ("saw both versions and is left out", "saw both versions and are left out")
    return [f"{describe_count(keys.both, 'key', *ends)}; a fixed assignment makes none."]


def _choose_looks(keys: KeyTotals, time: str) -> tuple[KeyLooks, list[str]]:
    """Choose moments for the sequence: ends of equal times, so that their order within one does not matter."""
    candidates = keys.frame["candidate"].to_numpy()
    first = np.cumsum(candidates)
    if not time or not keys.frame.height:
        total = int(first[-1]) if len(first) else 0
        return KeyLooks((), ((total, len(first) - total),)), []
    times = keys.frame["time"]
    unknown = times.null_count()
    verbs = ("has no time and comes", "have no time and come")
    notes = [f"{describe_count(unknown, 'key', *verbs)} last in the confidence sequence."] if unknown else []
    filled = times.fill_null(strategy="forward")
    ends = np.flatnonzero((filled != filled.shift(-1)).fill_null(value=True).to_numpy())
    if len(ends) > MOST_LOOKS:
        ends = ends[np.unique(np.linspace(0, len(ends) - 1, MOST_LOOKS).round().astype(np.int64))]
    texts = [_text(value) for value in filled.gather(ends).to_list()]
    counts = [(int(first[end]), int(end + 1 - first[end])) for end in ends]
    return KeyLooks(tuple(texts), tuple(counts)), notes


def _text(moment: object) -> str:
    return moment.isoformat().replace("+00:00", "Z") if hasattr(moment, "isoformat") else str(moment)
