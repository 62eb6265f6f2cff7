"""Headrace's server beside KServe's sklearnserver, MLServer, MLflow, BentoML, and the floor.

    make bench NAME=serving           (or: python benchmarks/serving.py --quick --only headrace,floor)

The same fitted pipelines (logistic regression, 200 boosted trees; 12 numeric columns), the same rows, one server at a
time, asked by wrk on the same machine. Prints tables for people and, last, one line of JSON.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import polars as pl

sys.path.append(str(Path(__file__).parents[1]))

import serving_grpc
from serving_load import Load, load, memory
from serving_peers import SERVERS, Model, Rows, Server, installed

from headrace.core.models.skops_file import loads
from tests.made_bundle import make_bundle

COLUMNS = 12
GRPC = {"headrace", "headrace, 2 workers", "sklearnserver"}
MODELS = {"logistic": {}, "hist_gradient_boosting": {"max_iter": 200}}
START_SECONDS = 120.0
GOALS = {"sklearnserver": 10.0, "MLServer": 10.0, "floor": 0.7, "p50": 1.5, "ready": 1.0, "memory": 1.0}


def made(family: str, folder: Path) -> Model:
    """A model fitted on a table that is made from a seed, in all its forms."""
    rng = np.random.default_rng(20261123)
    numbers = rng.normal(size=(4000, COLUMNS)).round(4)
    chance = 1 / (1 + np.exp(-numbers @ np.linspace(-1, 1, COLUMNS)))
    frame = pl.DataFrame({f"x{place}": numbers[:, place] for place in range(COLUMNS)})
    table = folder / "table.csv"
    frame.with_columns(y=pl.Series(np.where(rng.random(4000) < chance, "yes", "no"))).write_csv(table)
    bundle = make_bundle(folder / family, target="y", family=family, parameters=MODELS[family], table=table)
    pipeline = folder / family / "model.joblib"
    joblib.dump(loads((bundle.folder / "model.skops").read_bytes()), pipeline)
    return Model(bundle.folder, pipeline, folder / family)


@contextmanager
def started(server: Server, model: Model, peers: Path, log: Path) -> Iterator[tuple[str, int, float]]:
    """A running server: its address, its process and the seconds until it was ready."""
    environment = installed(server.environment, peers) if server.environment else Path()
    port = _free_port()
    command = server.command(model, port, environment)
    path = f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"  # MLflow starts uvicorn by its name
    variables = {**os.environ, **server.variables(model), **({"PATH": path} if server.environment else {})}
    with log.open("wb") as stream:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=stream, stderr=subprocess.STDOUT, env=variables, start_new_session=True
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(address + server.ready, process, log)
            yield address, process.pid, time.perf_counter() - began
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server and whatever it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"it ended with code {process.returncode}: {log.read_text()[-500:]}")
        try:
            with urllib.request.urlopen(url, timeout=1) as reply:
                if reply.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.005)
    raise RuntimeError(f"it was not ready in {START_SECONDS:.0f} s: {log.read_text()[-500:]}")


def answers(server: Server, address: str, rows: Rows) -> list[float]:
    """Probabilities of the second class."""
    body = json.dumps(server.body(rows)).encode()
    request = urllib.request.Request(address + server.path, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return server.probabilities(json.loads(reply.read()))


def measured(server: Server, model: Model, chosen: argparse.Namespace, folder: Path, expected: list[float]) -> Any:
    """Everything about one server and one model."""
    rng = np.random.default_rng(1)
    found: dict[tuple[int, int], list[Load]] = {}
    starts, resident, over_grpc = [], [], {}
    for number in range(chosen.runs):
        with started(server, model, Path(chosen.peers).resolve(), folder / "log") as (address, pid, seconds):
            starts.append(seconds)
            rows = rng.normal(size=(50, COLUMNS)).round(4).tolist() if number else _first_rows()
            if number == 0:
                got = answers(server, address, rows)
                if not expected:
                    expected.extend(got)
                np.testing.assert_allclose(got, expected, rtol=1e-6, err_msg=f"{server.name} answers otherwise")
            if server.name in GRPC and _listens(address):
                over_grpc = {callers: _over_grpc(address, callers, chosen.seconds) for callers in (1, 16)}
            # Memory is read after the smallest requests, and again after everything, which not every peer answers.
            for count in chosen.rows:
                for connections in chosen.connections:
                    body = server.body(rng.normal(size=(count, COLUMNS)).round(4).tolist())
                    url = address + server.path
                    load(url, body, connections=connections, seconds=1, pid=pid)
                    result = load(url, body, connections=connections, seconds=chosen.seconds, pid=pid)
                    found.setdefault((connections, count), []).append(result)
                resident.append(memory(pid))
    loads_ = {key: sorted(runs, key=lambda one: one.requests_per_second)[len(runs) // 2] for key, runs in found.items()}
    return {
        "ready": statistics.median(starts),
        "memory": resident[0],
        "largest": max(resident),
        "loads": loads_,
        "grpc": over_grpc,
    }


def _listens(address: str) -> bool:
    """Whether the port beside the one for HTTP is open within ten seconds."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port) + 1), timeout=1):
            return True
        time.sleep(0.2)
    print("  it does not listen for gRPC", flush=True)
    return False


def _over_grpc(address: str, callers: int, seconds: int) -> dict[str, float]:
    host, _, port = address.removeprefix("http://").rpartition(":")
    return serving_grpc.load(f"{host}:{int(port) + 1}", _first_rows()[0], callers=callers, seconds=seconds)


def _first_rows() -> Rows:
    rows: Rows = np.random.default_rng(7).normal(size=(50, COLUMNS)).round(4).tolist()
    return rows


def show(family: str, found: dict[str, Any]) -> None:
    """The table of one model."""
    print(f"\n  {family}: {'ready s':>31}{'MB':>8}{'MB at the end':>16}")
    for name, one in found.items():
        print(f"  {name:<24}{one['ready']:>20.2f}{one['memory']:>8.0f}{one['largest']:>16.0f}")
    for key in next(iter(found.values()))["loads"]:
        print(f"\n  {key[0]} connections, {key[1]} rows")
        print(f"  {'':<28}{'req/s':>10}{'p50 ms':>10}{'p99 ms':>10}{'CPU us':>10}{'errors':>8}")
        for name, one in found.items():
            run = one["loads"][key]
            print(
                f"  {name:<28}{run.requests_per_second:>10.0f}{run.p50_ms:>10.2f}{run.p99_ms:>10.2f}"
                f"{run.cpu_us:>10.0f}{run.errors:>8}"
            )


def show_grpc(found: dict[str, Any]) -> None:
    """The table of calls over gRPC, one row each."""
    for callers in (1, 16):
        print(f"\n  gRPC, {callers} calls in flight, 1 row")
        print(f"  {'':<28}{'req/s':>10}{'p50 ms':>10}{'p99 ms':>10}")
        for name, one in found.items():
            if callers in one["grpc"]:
                run = one["grpc"][callers]
                print(f"  {name:<28}{run['requests_per_second']:>10.0f}{run['p50_ms']:>10.2f}{run['p99_ms']:>10.2f}")


def ratios(found: dict[str, Any]) -> dict[str, float]:
    """Headrace beside its peers, for the goals."""
    ours = found["headrace"]
    told: dict[str, float] = {"ready": ours["ready"]}
    busy, alone = (16, 1), (1, 1)
    for name in ("sklearnserver", "MLServer", "MLflow", "BentoML", "floor", "headrace, 2 workers"):
        if name in found and busy in ours["loads"]:
            peer = found[name]["loads"][busy].requests_per_second
            told[name] = ours["loads"][busy].requests_per_second / peer if peer else float("inf")
    if "floor" in found and alone in ours["loads"]:
        told["p50"] = ours["loads"][alone].p50_ms / found["floor"]["loads"][alone].p50_ms
    stock = [found[name]["memory"] for name in ("sklearnserver", "MLServer") if name in found]
    if stock:
        told["memory"] = ours["memory"] / min(stock)
    return {name: round(value, 3) for name, value in told.items()}


def met(told: dict[str, float]) -> dict[str, bool]:
    """Which goals were met; those whose peer was not measured are absent."""
    at_most = {"p50", "ready", "memory"}
    return {
        name: told[name] <= goal if name in at_most else told[name] >= goal
        for name, goal in GOALS.items()
        if name in told
    }


def main() -> None:
    """Measure and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="names of servers, with commas")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--connections", type=int, nargs="*", default=[1, 16, 256])
    parser.add_argument("--rows", type=int, nargs="*", default=[1, 100, 10_000])
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--peers", default="build/peers", help="folder of the peers' environments")
    parser.add_argument("--quick", action="store_true", help="1 and 16 connections, 1 row, 2 seconds")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.connections, chosen.rows, chosen.seconds = [1, 16], [1], 2
    wanted = [server for server in SERVERS if not chosen.only or server.name in chosen.only.split(",")]
    results: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
        for family in chosen.models.split(","):
            model, found, expected = made(family, Path(scratch)), {}, []
            for server in wanted:
                print(f"  {family}: {server.name}...", flush=True)
                try:
                    found[server.name] = measured(server, model, chosen, Path(scratch), expected)
                except (RuntimeError, subprocess.CalledProcessError, OSError) as error:
                    print(f"  {server.name} was not measured: {error}", flush=True)
            show(family, found)
            show_grpc(found)
            results[family] = found
    told = {family: ratios(found) for family, found in results.items() if "headrace" in found}
    reached = {family: met(one) for family, one in told.items()}
    for family, one in told.items():
        goals = "; ".join(
            f"{name} {one[name]} ({'met' if yes else 'NOT met'})" for name, yes in reached[family].items()
        )
        print(f"\n  {family}, headrace beside: {goals}")
    done = all(yes for one in reached.values() for yes in one.values())
    print(json.dumps({"benchmark": "serving", "ratios": told, "goals": GOALS, "met": done}))


if __name__ == "__main__":
    main()
