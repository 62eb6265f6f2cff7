"""A/B tests: what they promise against simulation, and their speed beside pandas and SciPy.

make bench NAME=ab_tests
make bench NAME=ab_tests ARGS="--rates"          # the promises only
make bench NAME=ab_tests ARGS="--speed --rows 10000000"
"""

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

sys.path.append(str(Path(__file__).parents[1]))

from headrace.core.ab_tests.analysis import analyze
from headrace.core.ab_tests.assignment import candidate_expression
from headrace.core.ab_tests.plan import ABTestPlan
from headrace.core.ab_tests.result import ABTestResult
from tests.core.ab_tests.simulated_tests import plan_test

Rng = np.random.Generator
LOOKS = 14
SHARE_METRIC = "converted,rate=0.10,effect=0.03"
MEAN_METRIC = "revenue,mean=20,sd=35,effect=4"
COVARIATE_METRIC = "spent,mean=50,sd=20,effect=2,covariate=before,correlation=0.7"
GUARD = "latency,mean=80,sd=40,margin=8,better=lower"


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


def finds(result: ABTestResult) -> bool:
    """Return whether a test found a difference."""
    return result.decision in {"better", "worse"}


def measure_metric(text: str, times: int) -> list[tuple[str, str, tuple[float, float]]]:
    """Return what is promised of one primary metric, and what simulations give."""
    name = text.partition(",")[0]
    once, daily = plan_test(text, looks="once"), plan_test(text)
    true = once.metrics[0].effect or 0.0

    def look_once(rng: Rng, effect: float) -> ABTestResult:
        return analyze(draw_table(rng, once.keys, effect=effect), plan=once, time="day")

    def covers(rng: Rng) -> bool:
        found = look_once(rng, 1.0).metrics[0]
        return found.low <= true <= found.high

    def covers_always(rng: Rng) -> bool:
        points = look_once(rng, 1.0).metrics[0].timeline
        return all(point.low is None or point.low <= true <= (point.high or 0.0) for point in points)

    def finds_by_p(rng: Rng) -> bool:
        results = look_daily(draw_table(rng, daily.keys), daily)
        return any(result.metrics[0].p_value < daily.alpha for result in results)

    def decides(rng: Rng, effect: float) -> str:
        return decide_by_looking(draw_table(rng, daily.keys, effect=effect), daily)

    return [
        (f"{name}: false alarms, one look", "at most 0.05", rate(times, 1, lambda rng: finds(look_once(rng, 0.0)))),
        (
            f"{name}: false alarms, looked at daily",
            "at most 0.05",
            rate(times, 2, lambda rng: decides(rng, 0.0) in {"better", "worse"}),
        ),
        (f"{name}: the same by p < 0.05 at any look (what not to do)", "", rate(times, 2, finds_by_p)),
        (f"{name}: power, one look", "0.80", rate(times, 3, lambda rng: finds(look_once(rng, 1.0)))),
        (
            f"{name}: power, looked at daily",
            "at least 0.80",
            rate(times, 4, lambda rng: decides(rng, 1.0) == "better"),
        ),
        (f"{name}: the interval holds the effect", "0.95", rate(times, 5, covers)),
        (f"{name}: the sequence holds it at every look", "at least 0.95", rate(times, 6, covers_always)),
    ]


def measure_guards(times: int) -> list[tuple[str, str, tuple[float, float]]]:
    """Return what is promised of a test with a guard, and of the sample ratio, and what simulations give."""
    guarded = plan_test(SHARE_METRIC, guards=(GUARD,))
    divided = replace(plan_test(SHARE_METRIC, keys=10_000), sample_ratio_alpha=0.05)

    def decides(rng: Rng, loss: float) -> str:
        return decide_by_looking(draw_table(rng, guarded.keys, effect=1.0, loss=loss), guarded)

    def breaks(rng: Rng, share: float) -> bool:
        return any(one.sample_ratio.broken for one in look_daily(draw_table(rng, 10_000, share=share), divided))

    return [
        (
            "guard: called better though it loses its margin",
            "at most 0.045",
            rate(times, 7, lambda rng: decides(rng, 1.0) == "better"),
        ),
        (
            "guard: power with a harmless candidate",
            "at least 0.80",
            rate(times, 8, lambda rng: decides(rng, 0.0) == "better"),
        ),
        (
            "guard: a harmless candidate is stopped",
            "at most 0.05",
            rate(times, 8, lambda rng: decides(rng, 0.0) == "stop"),
        ),
        ("guard: twice the margin stops it", "", rate(times, 9, lambda rng: decides(rng, 2.0) == "stop")),
        (
            "sample ratio at alpha 0.05: false alarms, looked at daily",
            "at most 0.05",
            rate(times, 10, lambda rng: breaks(rng, 0.5)),
        ),
        ("sample ratio at alpha 0.05: 52 % found", "", rate(times, 11, lambda rng: breaks(rng, 0.52))),
    ]


def measure_rates(times: int) -> None:
    """Print what is promised beside what simulations give."""
    print(
        f"\n{times} simulations each, {LOOKS} looks\n\n| what | promised | found | standard error |\n|---|---|---|---|"
    )
    texts = (SHARE_METRIC, MEAN_METRIC, COVARIATE_METRIC)
    rows = (row for text in texts for row in measure_metric(text, times))
    for what, promised, (found, error) in itertools.chain(rows, measure_guards(times)):
        print(f"| {what} | {promised} | {found:.3f} | {error:.3f} |", flush=True)


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

    def analyze_plain() -> None:
        names = ("converted", "revenue", "spent", "latency", "before")
        by_key = frame.groupby("key", sort=False).agg({"version": "first", **dict.fromkeys(names, "mean")})
        is_candidate = (by_key["version"] == "candidate").to_numpy()
        stats.chisquare([is_candidate.sum(), (~is_candidate).sum()])
        before = by_key["before"].to_numpy()
        for name in names[:-1]:
            values = by_key[name].to_numpy()
            if name == "spent":
                values = values - np.cov(values, before)[0, 1] / before.var() * (before - before.mean())
            stats.ttest_ind(values[is_candidate], values[~is_candidate], equal_var=False).confidence_interval()

    def report(name: str, ours: Callable[[], object], plain: Callable[[], object]) -> None:
        mine, theirs = best_of(2, ours), best_of(2, plain)
        print(f"| {name} | {mine:.2f} | {theirs:.2f} | {theirs / mine:.1f} |", flush=True)

    print(f"\n{rows:,} rows\n\n| job | Headrace, s | plain, s | times as fast |\n|---|---|---|---|")
    report("assign", assign, assign_plain)
    report("analyze, one row a key", lambda: analyze(table, plan=plan), analyze_plain)
    table = table.with_columns(pl.format("client-{}", pl.int_range(rows) // 4).alias("key"))
    table = table.with_columns(pl.col("version").first().over("key"))
    frame = table.to_pandas()
    report("analyze, four rows a key, sorted by key", lambda: analyze(table, plan=plan), analyze_plain)
    table = table.sample(fraction=1.0, shuffle=True, seed=1)
    frame = table.to_pandas()
    report("analyze, four rows a key, in another order", lambda: analyze(table, plan=plan), analyze_plain)


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
