"""A/B tests: what they promise against simulation, and their speed beside pandas and SciPy.

make bench NAME=ab_tests
make bench NAME=ab_tests ARGS="--rates"          # the promises only
make bench NAME=ab_tests ARGS="--speed --rows 10000000"
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import polars as pl

from headrace.core.ab_tests.analysis import analyze
from headrace.core.ab_tests.assignment import candidate_expression
from headrace.core.ab_tests.metric_text import parse_metric
from headrace.core.ab_tests.plan import FORMAT, ABTestPlan
from headrace.core.ab_tests.result import ABTestResult
from headrace.core.ab_tests.sample_size import complete_plan

Rng = np.random.Generator
LOOKS = 14
SHARE_METRIC = "converted,rate=0.10,effect=0.03"
MEAN_METRIC = "revenue,mean=20,sd=35,effect=4"
COVARIATE_METRIC = "spent,mean=50,sd=20,effect=2,covariate=before,correlation=0.7"
GUARD = "latency,mean=80,sd=40,margin=8,better=lower"


def plan_test(*metrics: str, guards: tuple[str, ...] = (), looks: str = "any", keys: int = 0) -> ABTestPlan:
    """Plan a test with the defaults of the command."""
    described = [parse_metric(text, role="primary") for text in metrics]
    described += [parse_metric(text, role="guard") for text in guards]
    return complete_plan(
        ABTestPlan(
            format=FORMAT,
            name="simulated",
            key="key",
            version="version",
            baseline="baseline",
            candidate="candidate",
            share=0.5,
            alpha=0.05,
            power=0.8,
            looks="any" if looks == "any" else "once",
            sample_ratio_alpha=0.001,
            metrics=tuple(one.metric for one in described),
            keys=keys,
        )
    )


def draw_table(rng: Rng, keys: int, *, effect: float = 0.0, loss: float = 0.0, share: float = 0.5) -> pl.DataFrame:
    """Draw a table of keys that come day by day.

    Args:
        rng: Source of randomness.
        keys: Number of keys.
        effect: The candidate's effect, in units of the planned ones.
        loss: The candidate's loss in the guard, in units of its margin.
        share: The candidate's true share.
    """
    candidate = rng.random(keys) < share
    before = rng.standard_normal(keys)
    # A mean of 20 with a standard deviation of 35: zeros and a long tail, as of money.
    buys = rng.random(keys) < 0.4
    revenue = np.where(buys, rng.lognormal(3.669, 0.697, keys), 0.0)
    return pl.DataFrame(
        {
            "key": np.arange(keys),
            "version": np.where(candidate, "candidate", "baseline"),
            "converted": (rng.random(keys) < 0.10 + 0.03 * effect * candidate).astype(np.float64),
            "revenue": revenue + 4.0 * effect * candidate,
            "spent": 50 + 14 * before + 14.28 * rng.standard_normal(keys) + 2.0 * effect * candidate,
            "before": before,
            "latency": 80 + 40 * rng.standard_exponential(keys) - 40 + 8 * loss * candidate,
            "day": np.arange(keys) * LOOKS // keys,
        }
    )


def look_daily(table: pl.DataFrame, plan: ABTestPlan) -> Iterator[ABTestResult]:
    """Analyze a test after each day, as a person does who cannot wait."""
    for day in range(LOOKS):
        yield analyze(table.filter(pl.col("day") <= day), plan=plan, time="day")


def decide_by_looking(table: pl.DataFrame, plan: ABTestPlan) -> str:
    """Return the first decision of a test that is looked at daily and stopped at the first one."""
    decision = "undecided"
    for result in look_daily(table, plan):
        decision = result.decision
        if decision != "undecided":
            break
    return decision


def rate(times: int, seed: int, run: Callable[[Rng], bool]) -> tuple[float, float]:
    """Return the share of simulations in which something holds, and its standard error."""
    hits = [run(generator) for generator in np.random.default_rng(seed).spawn(times)]
    share = float(np.mean(hits))
    return share, float(np.sqrt(max(share * (1 - share), 1 / times) / times))


def measure_rates(times: int) -> None:
    """Print what is promised beside what simulations give."""
    rows: list[tuple[str, str, tuple[float, float]]] = []
    for text in (SHARE_METRIC, MEAN_METRIC, COVARIATE_METRIC):
        name = text.partition(",")[0]
        once, daily = plan_test(text, looks="once"), plan_test(text)

        def final(rng: Rng, effect: float, plan: ABTestPlan) -> ABTestResult:
            return analyze(draw_table(rng, plan.keys, effect=effect), plan=plan)

        def finds(result: ABTestResult) -> bool:
            return result.decision in {"better", "worse"}

        def covers(rng: Rng, plan: ABTestPlan) -> bool:
            found, true = final(rng, 1.0, plan).metrics[0], plan.metrics[0].effect or 0.0
            return found.low <= true <= found.high

        def covers_always(rng: Rng, plan: ABTestPlan) -> bool:
            table, true = draw_table(rng, plan.keys, effect=1.0), plan.metrics[0].effect or 0.0
            points = analyze(table, plan=plan, time="day").metrics[0].timeline
            return all(point.low is None or point.low <= true <= (point.high or 0.0) for point in points)

        def naive(rng: Rng, plan: ABTestPlan) -> bool:
            results = look_daily(draw_table(rng, plan.keys), plan)
            return any(result.metrics[0].p_value < plan.alpha for result in results)

        rows += [
            (f"{name}: false alarms, one look", "at most 0.05", rate(times, 1, lambda r: finds(final(r, 0.0, once)))),
            (
                f"{name}: false alarms, looked at daily",
                "at most 0.05",
                rate(times, 2, lambda r: decide_by_looking(draw_table(r, daily.keys), daily) in {"better", "worse"}),
            ),
            (f"{name}: the same by p < 0.05 (what not to do)", "", rate(times, 2, lambda r: naive(r, daily))),
            (f"{name}: power, one look", "0.80", rate(times, 3, lambda r: finds(final(r, 1.0, once)))),
            (
                f"{name}: power, looked at daily",
                "at least 0.80",
                rate(times, 4, lambda r: decide_by_looking(draw_table(r, daily.keys, effect=1.0), daily) == "better"),
            ),
            (f"{name}: the interval holds the effect", "0.95", rate(times, 5, lambda r: covers(r, once))),
            (
                f"{name}: the sequence holds it at every look",
                "at least 0.95",
                rate(times, 6, lambda r: covers_always(r, once)),
            ),
        ]
    guarded = plan_test(SHARE_METRIC, guards=(GUARD,))

    def decision(rng: Rng, *, effect: float, loss: float) -> str:
        return decide_by_looking(draw_table(rng, guarded.keys, effect=effect, loss=loss), guarded)

    rows += [
        (
            "guard: called better though it loses its margin",
            "at most 0.045",
            rate(times, 7, lambda r: decision(r, effect=1.0, loss=1.0) == "better"),
        ),
        (
            "guard: power with a harmless candidate",
            "at least 0.80",
            rate(times, 8, lambda r: decision(r, effect=1.0, loss=0.0) == "better"),
        ),
        (
            "guard: a harmless candidate is stopped",
            "at most 0.05",
            rate(times, 8, lambda r: decision(r, effect=1.0, loss=0.0) == "stop"),
        ),
        ("guard: twice the margin stops it", "", rate(times, 9, lambda r: decision(r, effect=1.0, loss=2.0) == "stop")),
    ]
    plain = replace(plan_test(SHARE_METRIC, keys=10_000), sample_ratio_alpha=0.05)

    def broken(rng: Rng, share: float) -> bool:
        table = draw_table(rng, 10_000, share=share)
        return any(result.sample_ratio.broken for result in look_daily(table, plain))

    rows += [
        ("sample ratio at alpha 0.05: false alarms, daily", "at most 0.05", rate(times, 10, lambda r: broken(r, 0.5))),
        ("sample ratio at alpha 0.05: 52 % instead of 50 %", "", rate(times, 11, lambda r: broken(r, 0.52))),
    ]
    print(
        f"\n{times} simulations each, {LOOKS} looks\n\n| what | promised | found | standard error |\n|---|---|---|---|"
    )
    for what, promised, (found, error) in rows:
        print(f"| {what} | {promised} | {found:.3f} | {error:.3f} |")


def best_of(times: int, run: Callable[[], object]) -> float:
    """Return the shortest of some runs in seconds."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def measure_speed(rows: int) -> None:
    """Print the time of assignment and analysis beside the plain way with pandas, hashlib and SciPy."""
    import hashlib

    import pandas as pd
    from scipy import stats

    rng = np.random.default_rng(0)
    table = draw_table(rng, rows).with_columns(
        pl.format("client-{}", pl.col("key")).alias("key"), pl.col("version").cast(pl.String)
    )
    table = table.drop("day")
    plan = plan_test(SHARE_METRIC, MEAN_METRIC, COVARIATE_METRIC, guards=(GUARD,), keys=rows)
    frame = table.to_pandas()

    def assign() -> None:
        table.select(candidate_expression("key", test="simulated", share=0.5))

    def assign_plain() -> None:
        frame["key"].map(
            lambda key: int(hashlib.sha256(f"simulated/{key}".encode()).hexdigest()[:13], 16) / 2**52 < 0.5
        )

    def analyze_plain(data: pd.DataFrame) -> None:
        by_key = data.groupby("key", sort=False).agg(
            {name: "first" if name == "version" else "sum" for name in data.columns if name != "key"}
        )
        is_candidate = (by_key["version"] == "candidate").to_numpy()
        stats.chisquare([is_candidate.sum(), (~is_candidate).sum()])
        before = by_key["before"].to_numpy()
        for name in ("converted", "revenue", "spent", "latency"):
            values = by_key[name].to_numpy()
            if name == "spent":
                values = values - np.cov(values, before)[0, 1] / before.var() * (before - before.mean())
            stats.ttest_ind(values[is_candidate], values[~is_candidate], equal_var=False).confidence_interval()

    repeated = table.with_columns(pl.format("client-{}", pl.int_range(rows) // 4).alias("key"))
    repeated = repeated.with_columns(pl.col("version").first().over("key"))
    repeated_frame = repeated.to_pandas()
    measures = [
        ("assign", assign, assign_plain),
        ("analyze, one row a key", lambda: analyze(table, plan=plan), lambda: analyze_plain(frame)),
        ("analyze, four rows a key", lambda: analyze(repeated, plan=plan), lambda: analyze_plain(repeated_frame)),
    ]
    print(f"\n{rows:,} rows\n\n| job | Headrace, s | plain, s | times as fast |\n|---|---|---|---|")
    for name, ours, plain in measures:
        mine, theirs = best_of(2, ours), best_of(1, plain)
        print(f"| {name} | {mine:.2f} | {theirs:.2f} | {theirs / mine:.1f} |", flush=True)


def main() -> None:
    """Measure what the arguments name; both without any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", action="store_true")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--times", type=int, default=2000)
    parser.add_argument("--rows", type=int, default=10_000_000)
    chosen = parser.parse_args()
    if chosen.rates or not chosen.speed:
        measure_rates(chosen.times)
    if chosen.speed or not chosen.rates:
        measure_speed(chosen.rows)


if __name__ == "__main__":
    main()
