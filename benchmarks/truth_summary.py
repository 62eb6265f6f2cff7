"""Many runs of a cell in a few figures, and whether these are within their bounds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from truth_cells import Cell
from truth_inputs import Floats
from truth_task import Run

WANTED = (0.92, 0.98)
"""Coverage of a 95 % interval that is wanted."""
FALSE_PROMOTIONS = 0.05
_BEYOND = 2.0  # standard errors by which a share may be outside
_ERRORS = 3.5  # and a mean from zero, of some six hundred: one in two thousand is so far off by chance
_MATTERS = 0.1  # of an interval's width: a smaller error hardly moves what it holds
_FEWEST = 20  # runs that must define a metric for it to be judged
_TEST_SHARE = 0.2
_DEARER = 1.05  # times the cost at 0.5 that the chosen threshold may come to
_REFUSED = 0.2
# Rows drawn together vary as so many times the rows: the mean square of a person's rows by their mean.
_TOGETHER = {"groups": 285 / 45, "keys": 2.95 / 1.55}

Figures = dict[str, Any]


def summary(runs: Sequence[Run]) -> Figures:
    """Figures of many runs of one cell.

    Args:
        runs: At least one.

    Returns:
        ``runs``, ``refused`` (how many) and ``refusal`` (the first sentence), ``share`` (mean, least, largest),
        ``metrics`` {name: ``defined`` runs, mean ``truth``, mean ``error`` and its standard error ``se``, share
        ``covered``, shares of intervals that lie ``above`` and ``below`` the truth, mean ``width``}, ``promoted`` and
        ``rejected`` (shares), ``calibration``, ``ece``, ``costs``, ``search``, ``same`` (looked at, and the same).
    """
    done = [run for run in runs if not run.refused]
    found: Figures = {
        "runs": len(runs),
        "refused": len(runs) - len(done),
        "refusal": next((run.refused for run in runs if run.refused), ""),
    }
    if not done:
        return found
    shares = np.array([run.share for run in done])
    names = list(dict.fromkeys(name for run in done for name in run.metrics))
    looked = [run.same for run in done if run.same is not None]
    return found | {
        "share": [float(shares.mean()), float(shares.min()), float(shares.max())],
        "metrics": {name: _metric(done, name) for name in names},
        "promoted": float(np.mean([run.verdict == "promote" for run in done])),
        "rejected": float(np.mean([run.verdict == "reject" for run in done])),
        "calibration": _mean(np.array([run.calibration[0] for run in done])),
        "ece": float(np.mean([run.calibration[1] for run in done])),
        "costs": {name: _costs(done, name) for name in done[0].costs},
        "search": _search(done) if done[0].search else {},
        "same": [len(looked), sum(looked)],
    }


def _mean(values: Floats) -> list[float]:
    """Mean and its standard error."""
    spread = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    return [float(values.mean()), spread / float(np.sqrt(len(values)))]


def _metric(runs: Sequence[Run], name: str) -> Figures:
    known = [run.metrics[name] for run in runs if name in run.metrics and np.isfinite(run.metrics[name].truth)]
    if not known:
        return {"defined": 0}
    value, low, high, truth = np.array([[one.value, one.low, one.high, one.truth] for one in known]).T
    error, se = _mean(value - truth)
    # The last digit of a truth that is a sum of other numbers in another order decides nothing.
    slack = 1e-9 * np.maximum(1, np.abs(truth))
    above, below = low > truth + slack, high < truth - slack
    return {
        "defined": len(known),
        "truth": float(truth.mean()),
        "error": error,
        "se": se,
        "covered": float(1 - (above | below).mean()),
        "above": float(above.mean()),
        "below": float(below.mean()),
        "width": float((high - low).mean()),
    }


def _costs(runs: Sequence[Run], name: str) -> Figures:
    chosen, half, best = np.array([run.costs[name] for run in runs if name in run.costs]).T
    more, se = _mean(chosen - half)
    return {
        "chosen": float(chosen.mean()),
        "half": float(half.mean()),
        "best": float(best.mean()),
        "more": more,
        "se": se,
    }


def _search(runs: Sequence[Run]) -> Figures:
    names = ("score", "truth", "nested", "nested_low", "nested_high", "sign")
    score, truth, nested, low, high, sign = np.array([[run.search[name] for name in names] for run in runs]).T
    held = (low <= truth) & (truth <= high)
    bounded = np.isfinite(low)
    return {
        "optimism": _mean(sign * (score - truth)),
        "nested_optimism": _mean(sign * (nested - truth)),
        "nested_covered": float(held[bounded].mean()) if bounded.any() else float("nan"),
        "nested_defined": int(bounded.sum()),
    }


def faults(cell: Cell, found: Figures) -> list[str]:
    """What is outside its bounds, each as a short phrase; none if all is well.

    Args:
        cell: What was simulated.
        found: ``summary`` of the suite's runs.
    """
    told = []
    if found["refused"] > _REFUSED * found["runs"]:
        told.append(f"{found['refused']} of {found['runs']} runs refused")
    if "metrics" not in found:
        return told
    done = found["runs"] - found["refused"]
    for name, one in found["metrics"].items():
        if one["defined"] >= min(_FEWEST, done):
            told += _metric_faults(name, one)
    told += _share_faults(cell, found, done)
    if not cell.table.signal and found["promoted"] > _highest(FALSE_PROMOTIONS, done):
        told.append(f"{found['promoted']:.0%} promoted without signal")
    for name, costs in found["costs"].items():
        if costs["more"] > _BEYOND * costs["se"] and costs["chosen"] > _DEARER * costs["half"]:
            told.append(f"threshold for costs {name} costs {costs['chosen'] / costs['half']:.2f} of 0.5's")
    if found["same"][0] != found["same"][1]:
        told.append("the same rows gave another test part or model")
    return told


def _metric_faults(name: str, one: Figures) -> list[str]:
    told = []
    covered, runs = one["covered"], one["defined"]
    certain = one["width"] == 0 and covered == 1  # such as the precision of a model that never says yes: it is right
    if not certain and not _lowest(WANTED[0], runs) <= covered <= _highest(WANTED[1], runs):
        told.append(f"{name} covered {covered:.0%}")
    if abs(one["error"]) > max(_ERRORS * one["se"], _MATTERS * one["width"]) + 1e-9:
        told.append(f"{name} off by {one['error']:+.3f} ± {one['se']:.3f}")
    return told


def _share_faults(cell: Cell, found: Figures, runs: int) -> list[str]:
    """A test part is a fifth, give or take what independent draws of rows, or of people, would give."""
    together = _TOGETHER.get(cell.table.structure, 1.0)
    spread = float(np.sqrt(_TEST_SHARE * (1 - _TEST_SHARE) * together / cell.rows))
    mean, least, largest = found["share"]
    told = []
    if abs(mean - _TEST_SHARE) > 4 * spread / np.sqrt(runs) + 1 / cell.rows:
        told.append(f"test part of {mean:.1%} on average")
    if max(_TEST_SHARE - least, largest - _TEST_SHARE) > 4.5 * spread + 1 / cell.rows:
        told.append(f"test part of {least:.0%} to {largest:.0%}")
    return told


def _lowest(share: float, runs: int) -> float:
    return share - _BEYOND * float(np.sqrt(share * (1 - share) / runs))


def _highest(share: float, runs: int) -> float:
    return share + _BEYOND * float(np.sqrt(share * (1 - share) / runs))
