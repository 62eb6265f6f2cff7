"""Batch scoring: `headrace score` beside the raw engine, and beside scikit-learn over pandas.

    make bench NAME=score             (or: python benchmarks/score.py --rows 5 --formats csv)

The raw engine reads the same file with Polars in blocks, hands them to the same ONNX Runtime session, writes Parquet:
no check, no contract, no ids. Prints a table for people and, last, one line of JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.append(str(Path(__file__).parents[1]))

COLUMNS = [f"x{place}" for place in range(12)]
MODELS: dict[str, dict[str, Any]] = {"logistic": {}, "hist_gradient_boosting": {"max_iter": 200}}
BLOCK_ROWS = 131_072
# Where modules may not be kept compiled, each start would compile the suite's own; an installed package has them.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
GOALS = {"raw": 0.8, "memory_growth": 1.25}


def frame(rows: int, seed: int) -> pl.DataFrame:
    """Rows of twelve numbers and a key."""
    rng = np.random.default_rng(seed)
    return pl.DataFrame({"id": np.arange(rows)} | {name: rng.normal(size=rows).round(4) for name in COLUMNS})


def write(path: Path, rows: int) -> None:
    """A table of that many rows, as CSV or Parquet."""
    parts = path.with_suffix(".parts")
    parts.mkdir()
    for place in range(0, rows, 1_000_000):
        frame(min(1_000_000, rows - place), place).write_parquet(parts / f"{place:012d}.parquet")
    table = pl.scan_parquet(parts / "*.parquet")
    (table.sink_csv if path.suffix == ".csv" else table.sink_parquet)(path)
    for part in parts.iterdir():
        part.unlink()
    parts.rmdir()


def make_model(family: str, folder: Path) -> Path:
    """A bundle of a model that was fitted on such a table."""
    import joblib

    from headrace.core.models.skops_file import loads
    from tests.made_bundle import make_bundle

    table = frame(4000, 99)
    chance = 1 / (1 + np.exp(-table.select(COLUMNS).to_numpy() @ np.linspace(-1, 1, 12)))
    target = np.where(np.random.default_rng(1).random(4000) < chance, "yes", "no")
    table.drop("id").with_columns(y=pl.Series(target)).write_csv(folder / "train.csv")
    made = make_bundle(
        folder / family, target="y", family=family, parameters=MODELS[family], table=folder / "train.csv"
    )
    joblib.dump(loads((made.folder / "model.skops").read_bytes()), made.folder.with_name("model.joblib"))
    return made.folder


def headrace(bundle: Path, table: Path, out: Path) -> None:
    """The command itself, as its script runs it."""
    from headrace.cli.main import main

    sys.argv = ["headrace", "score", str(bundle), str(table), "-o", str(out)]
    try:
        main()
    except SystemExit as ended:  # its last word is this process's only where it failed
        if ended.code:
            raise


def raw(bundle: Path, table: Path, out: Path) -> None:
    """Polars in, the engine, Polars out; the next block is read while one is scored."""
    from concurrent.futures import ThreadPoolExecutor

    from headrace.core.bundles.bundle import open_bundle
    from headrace.core.inference.scorer import Scorer

    scorer = Scorer.open(open_bundle(bundle), threads=2)
    out.mkdir()
    with ThreadPoolExecutor(1) as pool:
        blocks = _blocks(table)
        coming = pool.submit(next, blocks, None)
        place = 0
        while (block := coming.result()) is not None:
            coming = pool.submit(next, blocks, None)
            scores = scorer.scores(np.ascontiguousarray(block.select(COLUMNS).to_numpy()))
            found = pl.DataFrame({"no": scores[:, 0], "yes": scores[:, 1]})
            found.write_parquet(out / f"part-{place:05d}.parquet", compression="zstd", compression_level=1)
            place += 1


def _blocks(table: Path) -> Iterator[pl.DataFrame]:
    scan = pl.scan_csv(table) if table.suffix == ".csv" else pl.scan_parquet(table)
    yield from scan.select(COLUMNS).collect_batches(chunk_size=BLOCK_ROWS, maintain_order=True)


def sklearn(bundle: Path, table: Path, out: Path) -> None:
    """The fitted pipeline over pandas in chunks."""
    import joblib
    import pandas as pd
    import pyarrow.parquet as pq

    pipeline = joblib.load(bundle.with_name("model.joblib"))
    out.mkdir()
    if table.suffix == ".csv":
        chunks: Any = pd.read_csv(table, chunksize=BLOCK_ROWS)
    else:
        chunks = (batch.to_pandas() for batch in pq.ParquetFile(table).iter_batches(BLOCK_ROWS))
    for place, chunk in enumerate(chunks):
        scores = pipeline.predict_proba(chunk[COLUMNS].to_numpy())
        pd.DataFrame(scores, columns=["no", "yes"]).to_parquet(out / f"part-{place:05d}.parquet")


JOBS: dict[str, Callable[[Path, Path, Path], None]] = {"headrace": headrace, "raw engine": raw, "scikit-learn": sklearn}


def child(name: str, bundle: str, table: str, out: str) -> None:
    """Do one job in this process and say what it took."""
    JOBS[name](Path(bundle), Path(table), Path(out))
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    print(json.dumps({"peak_mb": peak / 1000, "cpu": sum(os.times()[:2])}))


def measure(name: str, bundle: Path, table: Path, folder: Path) -> dict[str, float]:
    """Seconds, CPU and peak memory of a whole process, and the sum of what it answered."""
    out = folder / "out"
    command = [sys.executable, __file__, "--child", name, str(bundle), str(table), str(out)]
    began = time.perf_counter()
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    seconds = time.perf_counter() - began
    if ended.returncode:
        sys.exit(f"{name} failed:\n{ended.stderr}")
    answers = pl.scan_parquet(out / "*.parquet")
    column = "probability_yes" if name == "headrace" else "yes"
    total = answers.select(pl.col(column).sum(), pl.len()).collect(engine="streaming").row(0)
    for part in out.iterdir():
        part.unlink()
    out.rmdir()
    return {"seconds": seconds, **json.loads(ended.stdout.splitlines()[-1]), "total": total[0], "rows": total[1]}


def main() -> None:
    """Measure each job on each table, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=float, default=5, help="millions of rows that are compared")
    parser.add_argument("--more", type=float, default=20, help="millions of rows that must need no more memory")
    parser.add_argument("--repeat", type=int, default=3, help="least number of runs, of which the fastest counts")
    parser.add_argument("--seconds", type=float, default=60, help="how long runs are repeated at least")
    parser.add_argument("--formats", nargs="+", default=["csv", "parquet"])
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--jobs", nargs="+", default=list(JOBS))
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        child(*chosen.child)
        return
    ratios: dict[str, float] = {}
    growth: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
        folder = Path(scratch)
        bundles = {family: make_model(family, folder) for family in chosen.models}
        for ending in chosen.formats:
            table = made(folder, ending, chosen.rows)
            for family, bundle in bundles.items():
                found = compare(chosen.jobs, bundle, table, folder, repeat=chosen.repeat, seconds=chosen.seconds)
                show(f"{chosen.rows:g} million rows of {ending}, {family}", found)
                if "raw engine" in found:
                    ratios[f"{family}, {ending}"] = round(
                        found["raw engine"]["seconds"] / found["headrace"]["seconds"], 3
                    )
                if family == chosen.models[0]:
                    peak = found["headrace"]["peak_mb"]
            table.unlink()
            if chosen.more > chosen.rows:
                table = made(folder, ending, chosen.more)
                more = {"headrace": measure("headrace", bundles[chosen.models[0]], table, folder)}
                show(f"{chosen.more:g} million rows of {ending}, {chosen.models[0]}", more)
                growth[ending] = round(more["headrace"]["peak_mb"] / peak, 3)
                table.unlink()
    met = all(ratio >= GOALS["raw"] for ratio in ratios.values())
    met = met and all(times <= GOALS["memory_growth"] for times in growth.values())
    told = {"rows_per_second_beside_raw": ratios, "memory_growth": growth}
    print(json.dumps({"benchmark": "score", "ratios": told, "goals": GOALS, "met": met}))


def made(folder: Path, ending: str, millions: float) -> Path:
    """A table of that many rows."""
    table = folder / f"table.{ending}"
    write(table, round(millions * 1_000_000))
    return table


def compare(
    jobs: list[str], bundle: Path, table: Path, folder: Path, *, repeat: int, seconds: float
) -> dict[str, dict[str, float]]:
    """The fastest of some runs of each job, by turns; scikit-learn, which is far behind, runs once."""
    found = {name: measure(name, bundle, table, folder) for name in jobs}
    began, turn = time.monotonic(), 1
    while turn < repeat or time.monotonic() - began < seconds:
        for name in jobs:
            if name != "scikit-learn":
                found[name] = min(found[name], measure(name, bundle, table, folder), key=lambda run: run["seconds"])
        turn += 1
    return found


def show(title: str, found: dict[str, dict[str, float]]) -> None:
    """A table for people; jobs whose answers differ are not compared."""
    sums = [one["total"] / one["rows"] for one in found.values()]
    np.testing.assert_allclose(sums, sums[0], rtol=1e-9, err_msg="the jobs answer differently")
    print(f"\n  {title:<52}{'s':>8}{'rows/s':>12}{'CPU s':>8}{'MB':>8}")
    for name, one in found.items():
        speed = one["rows"] / one["seconds"]
        print(f"  {name:<52}{one['seconds']:>8.1f}{speed:>12,.0f}{one['cpu']:>8.1f}{one['peak_mb']:>8.0f}", flush=True)


if __name__ == "__main__":
    main()
