"""Promises about performance without labels, kept in simulation, beside NannyML on the same windows.

    python benchmarks/estimated_performance.py estimates [--seeds 200] [--nannyml PYTHON]
    python benchmarks/estimated_performance.py regressions [--seeds 200] [--data FOLDER] [--nannyml PYTHON]
    python benchmarks/estimated_performance.py degradation [--seeds 200] [--days 1000]
    python benchmarks/estimated_performance.py changes [--seeds 1000]

``estimates``: how often a 95 % interval of a classifier's estimate holds what is measured later. ``regressions``: the
same of errors, and how often the answer is unknown; with the real tables taxis.csv and adult-train.csv of FOLDER.
``degradation``: how often an
unchanged model is called worse in all its days, read daily, and how long a rise stays unnoticed. ``changes``: how often
an unchanged history is cut. ``--nannyml`` names the Python of an environment that has nannyml 0.13.1 and statsmodels.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from estimated_peer import Interval, peer_interval, run_peer, write_windows
from estimated_regressions import measure_regressions
from estimated_windows import MODELS, SCENARIOS, Window, draw
from numpy.typing import NDArray

from headrace.core.drift.output_profile import describe_outputs
from headrace.core.monitors.performance.change_points import find_changes
from headrace.core.monitors.performance.degradation import find_rise
from headrace.core.monitors.performance.estimated_metrics import draw_metrics
from headrace.core.monitors.performance.predicted_rows import PredictedRows
from headrace.core.statistics.weighted_metrics import compute_metrics

LEVEL = 0.95
Floats = NDArray[np.float64]


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("estimates", "regressions", "degradation", "changes"))
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--days", type=int, default=1000)
    parser.add_argument("--test-rows", type=int, default=1000)
    parser.add_argument("--window-rows", type=int, default=1000)
    parser.add_argument("--read-every", type=int, default=1, metavar="DAYS")
    parser.add_argument("--models", nargs="+", choices=tuple(MODELS), default=tuple(MODELS))
    parser.add_argument("--nannyml", default="")
    parser.add_argument("--nannyml-seeds", type=int, default=10, help="of the regressions")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--tables", nargs="+", default=(), help="of the regressions; all unless given")
    options = parser.parse_args()
    {"estimates": _estimates, "regressions": measure_regressions, "degradation": _degradation, "changes": _changes}[
        options.part
    ](options)


def _estimates(options: argparse.Namespace) -> None:
    print(
        "| model | scenario | metric | holds | width | bias | NannyML holds | width | bias |\n"
        "|---|---|---|---|---|---|---|---|---|"
    )
    for model in options.models:
        rows: dict[tuple[str, str], list[tuple[float, Interval, Interval | None]]] = {}
        with tempfile.TemporaryDirectory() as folder:
            cases = list(_cases(model, options, Path(folder)))
            seconds = run_peer(options.nannyml, Path(folder)) if options.nannyml else 0.0
            ours = 0.0
            for path, test, windows in cases:
                profile = describe_outputs(test.outcome, ("no", "yes"))
                theirs = json.loads(path.read_text()) if options.nannyml else {}
                for scenario, window in windows.items():
                    measured = compute_metrics(window.outcome)
                    begun = time.perf_counter()
                    estimates = draw_metrics(profile, PredictedRows.of(window.outcome))
                    ours += time.perf_counter() - begun
                    for one in estimates:
                        interval = (one.value, *one.interval(LEVEL))
                        rows.setdefault((scenario, one.name), []).append(
                            (measured[one.name], interval, peer_interval(theirs, scenario, one.name))
                        )
        for (scenario, metric), found in rows.items():
            print(
                f"| {model} | {scenario} | {metric} | {_summary([(m, o) for m, o, _ in found])} | "
                f"{_summary([(m, p) for m, _, p in found if p])} |",
                flush=True,
            )
        print(f"<!-- {model}: {ours:.1f} s, NannyML {seconds:.1f} s for {len(cases) * len(SCENARIOS)} windows -->")


def _cases(model: str, options: argparse.Namespace, folder: Path) -> Iterator[tuple[Path, Window, dict[str, Window]]]:
    for seed in range(options.seeds):
        test, windows = draw(model, seed, test_rows=options.test_rows, window_rows=options.window_rows)
        write_windows(folder / f"{seed:04}.npz", {"test": test, **windows})
        yield folder / f"{seed:04}.json", test, windows


def _summary(cases: list[tuple[float, Interval]]) -> str:
    """Return the share of intervals that hold the measured value, their mean width, and the mean error."""
    kept = [(measured, one) for measured, one in cases if np.isfinite(measured)]
    if not kept:
        return "- | - | -"
    holds = np.mean([low <= measured <= high for measured, (_, low, high) in kept])
    width = np.mean([high - low for _, (_, low, high) in kept])
    bias = np.mean([value - measured for measured, (value, _, _) in kept])
    return f"{holds:.3f} | {width:.3f} | {bias:+.3f}"


def _daily_means(rng: np.random.Generator, kind: str, rows: Floats) -> Floats:
    """Draw the mean loss of each day: losses are skewed as log losses are, with mean 1."""
    means = np.array([rng.gamma(0.3, 1 / 0.3, int(count)).mean() for count in rows])
    days = np.arange(len(rows))
    if kind == "weekly season":
        means += 0.2 * np.sin(2 * np.pi * days / 7)
    if kind == "yearly season":
        means += 0.1 * (np.sin(2 * np.pi * days / 365.25))
    if kind == "dependent days":
        noise, wave = rng.standard_normal(len(rows)), 0.0
        for day in days:
            wave = 0.7 * wave + 0.1 * noise[day]
            means[day] += wave
    return np.asarray(means)


def _degradation(options: argparse.Namespace) -> None:
    reference_rows, alpha = options.test_rows, 0.05
    print("| days | rise | alarms | median delay, days |\n|---|---|---|---|")
    settings: list[tuple[str, float, int]] = [
        (kind, 0.0, 0) for kind in ("independent", "weekly season", "dependent days", "yearly season")
    ]
    settings += [("independent", rise, day) for day in (60, 700) for rise in (0.2, 0.3, 0.5, 1.0)]
    for kind, rise, at in settings:
        alarms, delays = 0, []
        seeds = options.seeds if not rise else max(20, options.seeds // 4)
        for seed in range(seeds):
            rng = np.random.default_rng([seed, at, *map(ord, kind)])
            test = rng.gamma(0.3, 1 / 0.3, reference_rows)
            rows = rng.poisson(100, options.days).astype(np.float64)
            means = _daily_means(rng, kind, rows)
            means[at:] += rise
            reference = float(test.mean()), float(test.var(ddof=1)) / reference_rows
            days = range(max(14, at), options.days + 1, options.read_every)
            day = _first_alarm(means * rows, rows, reference, alpha=alpha, days=days)
            alarms += day is not None
            delays += [day - at] if day is not None else []
        delay = f"{np.median(delays):.0f}" if rise and delays else "-"
        print(f"| {kind} | {f'{rise:g} on day {at}' if rise else 'none'} | {alarms} of {seeds} | {delay} |", flush=True)


def _first_alarm(
    totals: Floats, rows: Floats, reference: tuple[float, float], *, alpha: float, days: range
) -> int | None:
    """Return the first day of ``days`` on which the loss is called worse; None if it never is."""
    return next(
        (day for day in days if find_rise(totals[:day], rows[:day], reference=reference, alpha=alpha).low > 0), None
    )


def _changes(options: argparse.Namespace) -> None:
    print("| days | number | cut at 1 % | at 5 % |\n|---|---|---|---|")
    for kind in ("independent", "weekly season", "dependent days"):
        for days in (60, 365, 1000):
            histories = []
            for seed in range(options.seeds):
                rng = np.random.default_rng([seed, days])
                histories.append(_daily_means(rng, kind, rng.poisson(100, days).astype(np.float64)))
            shares = [np.mean([bool(find_changes(one, alpha=alpha)) for one in histories]) for alpha in (0.01, 0.05)]
            print(f"| {kind} | {days} | {shares[0]:.3f} | {shares[1]:.3f} |", flush=True)
    inside, found, widths = 0, 0, []
    for seed in range(options.seeds):
        rng = np.random.default_rng([seed, 7])
        at = int(rng.integers(40, 160))
        means = _daily_means(rng, "independent", np.full(200, 100.0))
        means[at:] += 0.2
        changes = find_changes(means, alpha=0.01)
        if len(changes) == 1:
            found += 1
            inside += changes[0].low <= at <= changes[0].high
            widths.append(changes[0].high - changes[0].low)
    print(
        f"A rise by 0.2 within 200 days: found in {found / options.seeds:.3f}; its day in the 95 % interval in "
        f"{inside / max(1, found):.3f}, median length {np.median(widths):.0f} days."
    )


if __name__ == "__main__":
    main()
