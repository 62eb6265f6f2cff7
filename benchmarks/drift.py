"""False alarms of whole reports, and the power to see shifts, beside Evidently and NannyML.

``make bench NAME=drift`` simulates everything from seeds. ``HEADRACE_EVIDENTLY`` and ``HEADRACE_NANNYML`` name the
Python of an environment that holds the peer; without one, the peer is left out. A peer's own thresholds give one alarm
in any number of windows: they are raised or lowered here until clean windows have as many alarms as were promised.
"""

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from drift_profiles import DAY, count, profile, typed
from drift_windows import COLUMNS, HEAVY, NUMBERS, Rng, rows, season

from headrace.core.drift.reference_profile import ReferenceProfile
from headrace.core.monitors.data.data_results import data_results
from headrace.core.monitors.data.window_counts import WindowCounts

ROWS = 1_000
TRAINING_ROWS = 20_000
ALPHA = 0.01
PEERS = {"evidently": "HEADRACE_EVIDENTLY", "nannyml": "HEADRACE_NANNYML"}
Change = Callable[[Rng, pd.DataFrame], pd.DataFrame]
SLOW = "slow drift of a mean, 0.02 sd a window"
SERIES = 20


def move(columns: Sequence[str], amount: float) -> Change:
    """Return the change that adds an amount."""
    return lambda _, frame: frame.assign(**{name: frame[name] + amount for name in columns})


def scale(name: str, factor: float) -> Change:
    """Return the change that multiplies."""
    return lambda _, frame: frame.assign(**{name: frame[name] * factor})


def put(name: str, share: float, value: object) -> Change:
    """Return the change that puts a value into a share of the rows."""
    return lambda rng, frame: frame.assign(**{name: frame[name].mask(rng.random(len(frame)) < share, value)})


def flip(name: str, share: float) -> Change:
    """Return the change that turns a number's sign in a share of the rows, which keeps its distribution."""
    return lambda rng, frame: frame.assign(**{name: frame[name].where(rng.random(len(frame)) >= share, -frame[name])})


SHIFTS: dict[str, dict[str, Change]] = {
    "mean of a number (sd)": {str(size): move(["number_1"], size) for size in (0.1, 0.2, 0.3)},
    "spread of a number (factor)": {str(size): scale("number_1", size) for size in (1.1, 1.2, 1.3)},
    "spread of a heavy tail (factor)": {str(size): scale("heavy_1", size) for size in (1.2, 1.3, 1.5)},
    "a sensor stuck (share of rows)": {str(size): put("number_1", size, 0.0) for size in (0.03, 0.05, 0.1)},
    "counts that become 0 (share)": {str(size): put("count_4", size, 0.0) for size in (0.05, 0.08, 0.12)},
    "a rare category more often (share)": {str(size): put("category_1", size, "l") for size in (0.02, 0.04, 0.06)},
    "the first category more often (share)": {str(size): put("category_1", size, "a") for size in (0.05, 0.1, 0.15)},
    "missing values (share)": {str(size): put("number_3", size, None) for size in (0.02, 0.05, 0.1)},
    "dependence: a number's sign (share)": {str(size): flip("number_1", size) for size in (0.1, 0.2, 0.5)},
    "all numbers at once (sd)": {str(size): move([*NUMBERS, *HEAVY], size) for size in (0.03, 0.06, 0.1)},
}


def alarm(reference: ReferenceProfile, window: WindowCounts, history: Sequence[WindowCounts] = ()) -> bool:
    """Say whether a report of a window has any alarm."""
    results = data_results(reference, window, history=history, alpha=ALPHA, seconds=DAY)
    return any(result.status in {"violated", "data_fault"} for result in results)


def clean_windows(seed: int, windows: int, references: int) -> Iterator[bool]:
    """Yield whether a clean window of independent rows has an alarm, for several training parts."""
    for part in range(references):
        rng = np.random.default_rng([seed, part])
        reference = profile(rng, typed(rows(rng, TRAINING_ROWS)))
        for _ in range(windows // references):
            yield alarm(reference, count(rows(rng, ROWS), reference))


def seasonal_windows(
    seed: int, windows: int, *, days: int, processes: int, dated: bool = True, earlier: int = 0
) -> Iterator[bool]:
    """Yield whether a clean window of a process with weeks and chance from day to day has an alarm.

    Args:
        seed: Seed.
        windows: Number of windows.
        days: Days of the training part, of 20,000 rows together.
        processes: Number of training parts, one after the other.
        dated: Whether the training part has a time column.
        earlier: Number of earlier windows that the report may look at.
    """
    size = TRAINING_ROWS // days
    for part in range(processes):
        rng = np.random.default_rng([seed, part])
        training = pd.concat([rows(rng, size, season(rng, day)) for day in range(days)], ignore_index=True)
        times = np.repeat(np.arange(days), size) * DAY * 1_000_000
        reference = profile(rng, typed(training), times)
        reference = reference if dated else replace(reference, variations=())
        history = [count(rows(rng, ROWS, season(rng, days + day)), reference, days + day) for day in range(earlier)]
        for day in range(days + earlier, days + earlier + windows // processes):
            yield alarm(reference, count(rows(rng, ROWS, season(rng, day)), reference, day), history)


def measure_false_alarms(scale_of_run: float) -> dict[str, dict[str, float]]:
    """Measure the false alarms of each process of clean windows."""
    size = lambda windows: max(20, round(windows * scale_of_run))  # noqa: E731 - once
    processes: dict[str, Iterator[bool]] = {
        "independent rows": clean_windows(1, size(1000), 10),
        "seasons, 60 days of training": seasonal_windows(2, size(1000), days=60, processes=50),
        "seasons, 10 days of training": seasonal_windows(3, size(500), days=10, processes=50),
        "seasons, no time column, 20 earlier windows": seasonal_windows(
            4, size(300), days=60, processes=10, dated=False, earlier=20
        ),
        "seasons, nothing known": seasonal_windows(5, size(50), days=60, processes=2, dated=False),
    }
    found = {}
    for name, alarms in processes.items():
        all_alarms = list(alarms)
        found[name] = {"windows": len(all_alarms), "alarms": sum(all_alarms)}
        print(f"{name}: {sum(all_alarms)} alarms in {len(all_alarms)} windows", flush=True)
    return found


def write_windows(folder: Path, *, clean: int, shifted: int) -> dict[str, pd.DataFrame]:
    """Write the reference and all windows, of 1,000 rows each, as tables that the peers read; return the shifted ones.

    A table of a shift holds the columns that it changes, unless it changes a dependence; ``base`` holds the others.
    """
    rng = np.random.default_rng(7)
    rows(rng, TRAINING_ROWS).to_parquet(folder / "reference.parquet")
    rows(rng, clean * ROWS).to_parquet(folder / "clean.parquet")
    base = rows(rng, shifted * ROWS)
    base.to_parquet(folder / "base.parquet")
    tables = {}
    for kind, sizes in {**SHIFTS, SLOW: {"": _drift_slowly}}.items():
        for size, change in sizes.items():
            table = change(rng, base)
            changed = [name for name in COLUMNS if not table[name].equals(base[name])]
            joint = kind.startswith(("dependence", "all"))
            tables[f"{kind}={size}"] = table
            table[COLUMNS if joint else changed].to_parquet(folder / f"{len(tables):02d}.parquet")
    return tables


def _drift_slowly(_: Rng, frame: pd.DataFrame) -> pd.DataFrame:
    window = np.arange(len(frame)) // ROWS % SERIES + 1
    return frame.assign(number_1=frame["number_1"] + 0.02 * window)


def measure_power(scale_of_run: float) -> dict[str, dict[str, list[bool]]]:
    """Measure which windows have an alarm, by method and shift."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables = write_windows(
            folder, clean=max(100, round(500 * scale_of_run)), shifted=SERIES * max(1, round(3 * scale_of_run))
        )
        alarms = {"headrace": _ours(folder, tables)}
        for peer, variable in PEERS.items():
            if os.environ.get(variable):
                alarms[peer] = _theirs(peer, os.environ[variable], folder, list(tables))
    return alarms


def _ours(folder: Path, tables: dict[str, pd.DataFrame]) -> dict[str, list[bool]]:
    rng = np.random.default_rng(8)
    reference = profile(rng, typed(pd.read_parquet(folder / "reference.parquet")))
    clean = pd.read_parquet(folder / "clean.parquet")
    return {
        name: [alarm(reference, count(table[start : start + ROWS], reference)) for start in range(0, len(table), ROWS)]
        for name, table in {"clean": clean, **tables}.items()
    }


def _theirs(peer: str, python: str, folder: Path, names: Sequence[str]) -> dict[str, list[bool]]:
    """Return which windows a peer calls drift, at the threshold with which ``ALPHA`` of the clean windows are."""
    script, output = Path(__file__).with_name("peers") / f"drift_{peer}.py", folder / f"{peer}.json"
    subprocess.run([python, str(script), str(folder), str(output)], check=True)
    scores = json.loads(output.read_text())
    base = scores["base"]
    clean = np.max(list(scores["clean"].values()), axis=0)
    # The next larger score: no more than the promised share of clean windows lies above it.
    threshold = np.sort(clean)[-1 - int(ALPHA * len(clean))]
    alarms = {"clean": (clean > threshold).tolist()}
    for number, name in enumerate(names, start=1):
        window = {**base, **scores[f"{number:02d}"]}
        alarms[name] = (np.max(list(window.values()), axis=0) > threshold).tolist()
    return alarms


def show_power(alarms: dict[str, dict[str, list[bool]]]) -> None:
    """Print the tables of power and delay."""
    print("\n| shift | size | " + " | ".join(alarms) + " |\n|---|---|" + "---|" * len(alarms))
    for kind, sizes in SHIFTS.items():
        for size in sizes:
            shares = (f"{np.mean(one[f'{kind}={size}']):.0%}" for one in alarms.values())
            print(f"| {kind} | {size} | " + " | ".join(shares) + " |")
    rates = (f"{np.mean(one['clean']):.1%}" for one in alarms.values())
    print("| none: false alarms | | " + " | ".join(rates) + " |")
    print("| " + SLOW + ": windows until seen, median | | " + " | ".join(_delay(one) for one in alarms.values()) + " |")


def _delay(alarms: dict[str, list[bool]]) -> str:
    series = np.array(alarms[f"{SLOW}="]).reshape(-1, SERIES)
    first = np.where(series.any(axis=1), series.argmax(axis=1) + 1, SERIES + 1)
    return f"{np.median(first):g} of {SERIES}"


def main() -> None:
    """Run both simulations and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the windows to simulate")
    parser.add_argument("--only", choices=("alarms", "power"), default="")
    options = parser.parse_args()
    false_alarms = {} if options.only == "power" else measure_false_alarms(options.scale)
    alarms = {} if options.only == "alarms" else measure_power(options.scale)
    if alarms:
        show_power(alarms)
    power = {
        method: {name: round(float(np.mean(windows)), 3) for name, windows in found.items()}
        for method, found in alarms.items()
    }
    print(json.dumps({"alpha": ALPHA, "false_alarms": false_alarms, "power": power}))


if __name__ == "__main__":
    main()
