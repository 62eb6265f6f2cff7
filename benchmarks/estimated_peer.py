"""NannyML's estimates of the windows of ``estimated_performance``, in its own environment."""

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from estimated_windows import Window

from headrace.core.monitors.performance.predicted_rows import PredictedRows

PEER = Path(__file__).parent / "peers" / "estimate_nannyml.py"
Interval = tuple[float, float, float]


def write_windows(path: Path, windows: Mapping[str, Window]) -> None:
    """Write a test part and windows as the peer reads them."""
    arrays = {}
    for name, window in windows.items():
        arrays[f"{name}|inputs"], arrays[f"{name}|actual"] = window.inputs, window.outcome.actual
        arrays[f"{name}|scores"] = PredictedRows.of(window.outcome).scores
        if window.outcome.labels is not None:
            arrays[f"{name}|labels"] = window.outcome.labels
    np.savez(path, **arrays)


def run_peer(python: str, folder: Path) -> float:
    """Estimate each window of each file in a folder with NannyML, and return the seconds that it took."""
    begun = time.perf_counter()
    subprocess.run([python, str(PEER), str(folder)], check=True, capture_output=True)
    return time.perf_counter() - begun


def peer_interval(estimates: dict[str, dict[str, dict[str, float]]], scenario: str, name: str) -> Interval | None:
    """Return NannyML's estimate with 1.96 of its sampling errors on both sides, as nearly as a 95 % interval."""
    found = estimates.get(scenario, {}).get(name)
    if not found:
        return None
    half = 1.96 * found["error"]
    return found["value"], found["value"] - half, found["value"] + half
