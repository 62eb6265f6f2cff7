"""Tests that are drawn at random: their plans and tables."""

import numpy as np
import polars as pl

from headrace.core.ab_tests.metric_text import parse_metric
from headrace.core.ab_tests.plan import FORMAT, ABTestPlan, Looks
from headrace.core.ab_tests.sample_size import complete_plan

SHARE_METRIC = "converted,rate=0.2,effect=0.08"
MEAN_METRIC = "spent,mean=50,sd=20,effect=4"
GUARD = "latency,mean=80,sd=40,margin=8,better=lower"
DAYS = 10


def plan_test(
    *metrics: str,
    guards: tuple[str, ...] = (),
    looks: Looks = "any",
    keys: int = 0,
    share: float = 0.5,
    alpha: float = 0.05,
    power: float = 0.8,
) -> ABTestPlan:
    """A plan with the command's defaults."""
    described = [parse_metric(text, role="primary") for text in metrics or (MEAN_METRIC,)]
    described += [parse_metric(text, role="guard") for text in guards]
    return complete_plan(
        ABTestPlan(
            format=FORMAT,
            name="simulated",
            key="key",
            version="version",
            baseline="baseline",
            candidate="candidate",
            share=share,
            alpha=alpha,
            power=power,
            looks=looks,
            sample_ratio_alpha=0.001,
            metrics=tuple(one.metric for one in described),
            keys=keys,
        )
    )


def draw_table(
    seed: int, keys: int, *, effect: float = 0.0, loss: float = 0.0, share: float = 0.5, rows_per_key: int = 1
) -> pl.DataFrame:
    """A table of keys that come day by day.

    Args:
        seed: Seed of the draws.
        keys: Number of keys.
        effect: The candidate's effect, in units of the planned one.
        loss: The candidate's loss in the guard, in units of the margin.
        share: The candidate's true share.
        rows_per_key: Rows of each key, which share half of their variance.
    """
    rng = np.random.default_rng(seed)
    key = np.repeat(np.arange(keys), rows_per_key)
    candidate = (rng.random(keys) < share)[key]
    before = rng.standard_normal(keys)[key]
    own = rng.standard_normal(keys)[key]
    noise = own if rows_per_key == 1 else (own + rng.standard_normal(len(key))) / np.sqrt(2)
    return pl.DataFrame(
        {
            "key": key,
            "version": np.where(candidate, "candidate", "baseline"),
            "converted": (rng.random(len(key)) < 0.2 + 0.08 * effect * candidate).astype(np.float64),
            "spent": 50 + 14.28 * noise + 14 * before + 4 * effect * candidate,
            "before": before,
            "latency": 40 + 40 * rng.standard_exponential(len(key)) + 8 * loss * candidate,
            "day": key * DAYS // keys,
        }
    )
