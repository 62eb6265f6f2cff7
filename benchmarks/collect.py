"""The collector's receiver beside a FastAPI receiver that appends JSON lines, each on one core.

    make bench NAME=collect           (or: python benchmarks/collect.py --seconds 10 --repeat 3)

wrk sends requests and responses of one row with twelve numbers, with ids of their own, on the second core. Headrace
puts each event on disk before it is acknowledged, and joins and stores rows as Parquet while it receives; the peer
appends to a file and flushes it to the operating system. The rows in the store are counted afterwards: each
acknowledged request is there once. Two bare servers that answer 200 and keep nothing, uvloop alone and with httptools,
say what no receiver in Python can go below. Reading a window back is measured beside `polars.read_parquet` of the same
files.

Prints a table for people and, last, one line of JSON.
"""

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil

from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.core.runtime.processes import free_port
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.open_objects import open_objects
from serving import made

GOALS = {"events_per_core": 5.0, "reading": 1.5}
_PEERS = Path(__file__).with_name("peers")
PEER, BARE = _PEERS / "fastapi_receiver.py", _PEERS / "bare_receiver.py"
NAMES = ("Headrace", "FastAPI", "uvloop", "httptools")
CONNECTIONS = 256
_START_SECONDS = 30
_SCRIPT = """
local request_body, response_body = '%(request)s', '%(response)s'
local place, counter = '%(place)s', 0
local headers = {
  ["ce-specversion"] = "1.0", ["ce-source"] = "http://localhost:9081/", ["ce-inferenceservicename"] = "%(name)s",
  ["ce-namespace"] = "models", ["ce-component"] = "predictor", ["ce-endpoint"] = "default", ["ce-metadata"] = "{}",
  ["ce-time"] = "%(time)s", ["content-type"] = "application/json", ["user-agent"] = "Go-http-client/1.1",
}
function event(kind, body)
  headers["ce-type"] = "org.kubeflow.serving.inference." .. kind
  return wrk.format("POST", "/", headers, body)
end
function request()
  counter = counter + 1
  headers["ce-id"] = place .. "-" .. math.floor((counter + 1) / 2)
  if counter %% 2 == 1 then return event("request", request_body) end
  return event("response", response_body)
end
function done(summary, latency, requests)
  io.write(string.format('RESULT {"requests": %%d, "errors": %%d, "p99_ms": %%f, "seconds": %%f}\\n', summary.requests,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write +
    summary.errors.timeout, latency:percentile(99) / 1000, summary.duration / 1000000))
end
"""


@contextlib.contextmanager
def on_core(number: int, command: list[str], url: str, folder: Path) -> Iterator[psutil.Process]:
    """A server on one core, until the end of the block; its output is kept in a file."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(["taskset", "-c", str(number), *command], cwd=folder, stdout=log, stderr=log)
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=1)
            break
        except urllib.error.HTTPError:
            break
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise SystemExit((folder / "log").read_text()) from None
            time.sleep(0.05)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def send(url: str, script: str, *, seconds: int, process: psutil.Process) -> dict[str, float]:
    """Send events for some seconds from the other core; return what wrk counted, and the server's processor time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.lua"
        path.write_text(script)
        before = sum(process.cpu_times()[:2])
        command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(path), url]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        took = sum(process.cpu_times()[:2]) - before
    result: dict[str, float] = json.loads(told.split("RESULT ")[1])
    result["per_second"] = result["requests"] / result["seconds"]
    result["cpu_us"] = took / result["requests"] * 1e6
    return result


def payloads(name: str, columns: int) -> dict[str, str]:
    """A request and a response of one row, and what else the events have."""
    row = {f"x{place}": round(0.1234 * place - 1, 4) for place in range(columns)}
    answer = {"label": "yes", "probabilities": {"no": 0.2345, "yes": 0.7655}}
    return {
        "request": json.dumps({"instances": [row]}),
        "response": json.dumps({"predictions": [answer]}),
        "name": name,
        "place": f"{os.getpid()}-{time.monotonic_ns()}",
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


def measure_receivers(bundle: Path, folder: Path, seconds: int) -> dict[str, dict[str, float]]:
    """What each receiver takes, by its name, one after the other; the rows of Headrace's store are counted."""
    script = _SCRIPT % payloads(json.loads((bundle / "manifest.json").read_text())["name"], 12)
    headrace = [sys.executable, "-m", "headrace.cli.main", "collect", str(bundle), "store", "--store-seconds", "2"]
    measured = {}
    for name in NAMES:
        port, place = free_port(), folder / name
        place.mkdir(parents=True)
        url = f"http://127.0.0.1:{port}/"
        command = {
            "Headrace": [*headrace, "--from", url],
            "FastAPI": [sys.executable, str(PEER), "events.jsonl", str(port)],
        }.get(name, [sys.executable, str(BARE), name, str(port)])
        with on_core(0, command, f"{url}readyz", place) as process:
            measured[name] = send(url, script, seconds=seconds, process=process)
    ours = measured["Headrace"]
    ours["rows"] = sum(pl.read_parquet(path, columns=["row"]).height for path in folder.rglob("*.parquet"))
    if not ours["requests"] / 2 <= ours["rows"] <= ours["requests"] / 2 + CONNECTIONS:
        raise SystemExit(f"{ours['requests']} events were acknowledged, but {ours['rows']} rows are stored.")
    return measured


def measure_reading(folder: Path, rows: int, repeat: int) -> dict[str, float]:
    """Seconds to read a window of thirty inputs from twelve files of each of two hours, and polars' own."""
    rng = np.random.default_rng(1)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "request_id": [str(value) for value in rng.integers(0, 2**62, rows)],
            "row": pl.zeros(rows, dtype=pl.Int32, eager=True),
            "model_digest": ["0" * 64] * rows,
            **{f"input_{index}": rng.normal(size=rows) for index in range(30)},
        }
    )
    times = pl.int_range(rows, eager=True) * (7_200_000_000 // rows) + int(start.timestamp()) * 1_000_000
    frame = frame.with_columns(times.cast(pl.Datetime("us", "UTC")).alias("time")).unique("request_id")
    store = WindowStore(open_objects(str(folder)), "m")
    for part in frame.sample(fraction=1.0, shuffle=True, seed=1).iter_slices(frame.height // 12 + 1):
        store.write(part)
    window = TimeWindow(start, start + timedelta(hours=2))
    files = sorted(folder.rglob("*.parquet"))
    ours, theirs = [], []
    for _ in range(repeat):
        began = time.perf_counter()
        read = sum(part.height for part in store.read(window))
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        alone = sum(pl.read_parquet(path).height for path in files)
        theirs.append(time.perf_counter() - began)
        if not read == alone == frame.height:
            raise SystemExit(f"{frame.height} rows were stored, but {read} were read.")
    return {"rows": frame.height, "files": len(files), "seconds": min(ours), "polars_seconds": min(theirs)}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the window that is read")
    options = parser.parse_args()
    result: dict[str, Any] = {"receivers": [], "goals": GOALS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model").mkdir()
        bundle = made("logistic", folder / "model").bundle
        print(f"{'':10} {'events/s':>10} {'CPU, us':>9} {'p99, ms':>9} {'errors':>7}")
        for turn in range(options.repeat):
            measured = measure_receivers(bundle, folder / str(turn), options.seconds)
            result["receivers"].append(measured)
            for who, one in measured.items():
                figures = f"{one['per_second']:10,.0f} {one['cpu_us']:9.1f} {one['p99_ms']:9.1f} {one['errors']:7.0f}"
                print(f"{who:10} {figures}", flush=True)
        pairs = [(measured["Headrace"], measured["FastAPI"]) for measured in result["receivers"]]
        ratios = [first["per_second"] / second["per_second"] for first, second in pairs]
        cpu = [second["cpu_us"] / first["cpu_us"] for first, second in pairs]
        result["events_per_core"], result["cpu"] = statistics.median(ratios), statistics.median(cpu)
        reading = measure_reading(folder / "windows", options.rows, options.repeat)
        result["reading"] = {**reading, "ratio": reading["seconds"] / reading["polars_seconds"]}
    print(f"events per second and core beside FastAPI: {result['events_per_core']:.2f} (CPU {result['cpu']:.2f})")
    print(
        f"a window of {reading['rows']:,} rows in {reading['files']} files: {reading['seconds']:.3f} s; polars, "
        f"file by file: {reading['polars_seconds']:.3f} s; ratio {result['reading']['ratio']:.2f}"
    )
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
