"""A MOJO scored by the side-car: one row beside H2O's own REST server, a table beside a bare loop over h2o-genmodel.

    make bench NAME=mojo             (or: python benchmarks/mojo.py --rows 400000 --repeat 5)

One bundle for each family of H2O, of a table that is made from a seed (10 numbers, 2 categories, missing values); its
MOJO is what all score, and their answers are compared first. One row is asked after the other by one caller: of the
engine, of Headrace's HTTP server, and of H2O's REST server, which holds the same MOJO. The bare loop is Java: `score0`
over a `double[][]`, with nothing read, encoded, copied or written while time counts; it and the side-car take turns.

Needs Java 17, and H2O, which is installed first. Prints tables for people and, last, one line of JSON.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.append(str(Path(__file__).parents[1]))

from serving_peers import SERVERS, Model

from headrace.core.base.files import read_json
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.features import matrix_layout
from headrace.core.inference.request_encoder import RequestEncoder
from headrace.core.inference.scorer import Scorer
from headrace.core.mojo.mojo_description import MojoDescription
from headrace.core.mojo.mojo_engine import MojoEngine
from headrace.core.runtime.processes import free_port
from serving import started
from tests.jvm.java_parts import library
from tests.made_bundle import make_bundle
from tests.real.h2o_parts import importable_h2o

GOALS = {"one row beside H2O's REST server": 10.0, "table beside the bare loop": 0.8}
FAMILIES: dict[str, dict[str, Any]] = {
    "h2o_gbm": {"ntrees": 50, "max_depth": 5},
    "h2o_glm": {},
    "h2o_deep_learning": {"epochs": 1.0},
}
# H2O imports a GBM as a generic model; of a GLM it needs the JSON that a bundle leaves out.
AT_REST = "h2o_gbm"
PEERS = Path(__file__).with_name("peers") / "mojo"
NUMBERS = 10
CITIES = [f"c{place:02d}" for place in range(30)]
ASKED = 100


def write_table(path: Path, rows: int, seed: int) -> None:
    """Write a table of 10 numbers, 2 categories and a target."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(rows, NUMBERS)).round(4)
    city, plan = rng.integers(0, len(CITIES), rows), rng.integers(0, 3, rows)
    chance = 1 / (1 + np.exp(-numbers @ np.linspace(-1, 1, NUMBERS) - (plan - 1)))
    gaps = rng.random((rows, NUMBERS)) < 0.05
    columns: dict[str, Any] = {
        f"x{place}": pl.Series(np.where(gaps[:, place], np.nan, numbers[:, place])).fill_nan(None)
        for place in range(NUMBERS)
    }
    columns["city"] = [CITIES[place] for place in city]
    columns["cplan"] = [("basic", "plus", "premium")[place] for place in plan]
    columns["y"] = np.where(rng.random(rows) < chance, "yes", "no")
    pl.DataFrame(columns).write_csv(path)


def ask_rest(bundle: Bundle, table: Path, seconds: float, folder: Path) -> dict[str, Any]:
    """H2O's REST server with the same MOJO."""
    command = [sys.executable, str(PEERS / "h2o_rest.py"), str(bundle.folder / "model.mojo"), str(table)]
    environment = os.environ | {"PYTHONPATH": str(importable_h2o())}
    done = subprocess.run(
        [*command, str(free_port()), str(seconds)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
    # H2O's client writes around it.
    found: dict[str, Any] = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    return found


def write_own(description: MojoDescription, matrix: Any, path: Path) -> None:
    """Write rows as the MOJO names them: a category's level is its place in six digits after a ``c``."""
    columns = {
        one.name: [
            None if np.isnan(value) else value if one.levels is None else f"c{int(value):06d}" for value in values
        ]
        for one, values in zip(description.inputs, own_rows(description, matrix).T.tolist(), strict=True)
    }
    pl.DataFrame(columns).write_csv(path)


def rate(work: Callable[[int], Any], seconds: float) -> float:
    """Calls a second, after some that do not count."""
    for number in range(2000):
        work(number)
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        work(count)
        count += 1
    return count / (time.perf_counter() - began)


def ask_server(bundle: Bundle, rows: list[dict[str, Any]], seconds: float, folder: Path) -> float:
    """Headrace's server, over one connection that is kept."""
    server = next(one for one in SERVERS if one.name == "headrace")
    bodies = [json.dumps({"instances": [row]}).encode() for row in rows]
    with started(server, Model(bundle.folder, folder, folder), folder, folder / "server.log") as (address, _, _):
        connection = http.client.HTTPConnection(address.removeprefix("http://"))

        def ask(number: int) -> None:
            connection.request("POST", server.path, bodies[number % len(bodies)], {"Content-Type": "application/json"})
            reply = connection.getresponse()
            content = reply.read()
            if reply.status != 200:
                raise SystemExit(f"{reply.status}: {content[:500]!r}")

        return rate(ask, seconds)


def compare_one_row(bundle: Bundle, folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """Rows a second of the engine, of Headrace's server and of H2O's."""
    table = folder / "asked.csv"
    write_table(folder / "new.csv", ASKED, 7)
    frame = pl.read_csv(folder / "new.csv").drop("y")
    scorer = Scorer.open(bundle)
    matrix = RequestEncoder(scorer.contract).encode_rows(frame.to_dicts()).matrix
    write_own(MojoDescription.from_json(read_json(bundle.folder / "mojo.json")), matrix, table)
    rest = ask_rest(bundle, table, options.seconds, folder)
    theirs = dict(zip(("no", "yes"), rest["answers"], strict=True))
    np.testing.assert_allclose(scorer.scores(matrix), np.array([theirs[one] for one in scorer.classes]).T, atol=1e-9)
    rows = [matrix[place : place + 1] for place in range(ASKED)]
    return {
        "engine": rate(lambda number: scorer.scores(rows[number % ASKED]), options.seconds),
        "server": ask_server(bundle, frame.to_dicts(), options.seconds, folder),
        "REST, row sent": rest["sent"],
        "REST, row parsed before": rest["parsed"],
    }


def random_matrix(scorer: Scorer, rows: int) -> Any:
    """A matrix of the contract: numbers and places of categories, some missing, some unseen."""
    rng = np.random.default_rng(3)
    columns = [
        rng.normal(size=rows) if column.categories is None else rng.integers(-1, len(column.categories), rows)
        for column in matrix_layout.columns(scorer.contract)
    ]
    matrix = np.column_stack(columns).astype(np.float64)
    matrix[rng.random(matrix.shape) < 0.05] = np.nan
    return matrix


def own_rows(description: MojoDescription, matrix: Any) -> Any:
    """The rows as the MOJO takes them, which the bare loop is given."""
    own = matrix[:, [one.column for one in description.inputs]]
    for place, one in enumerate(description.inputs):
        if one.levels is not None:
            known = np.array([np.nan if level is None else level for level in (*one.levels, None)], dtype=float)
            own[:, place] = known[np.nan_to_num(own[:, place], nan=-1.0).astype(int)]
    return own


def send_through_pipe(rows: Any, repeat: int) -> float:
    """Seconds in which the rows go through a pipe to a process that does nothing with them."""
    content, taken = memoryview(np.ascontiguousarray(rows)).cast("B"), []
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, bufsize=0) as reader:
        if reader.stdin is None:
            raise SystemExit("the pipe must be open")
        for _ in range(repeat + 1):  # the first one does not count
            began, sent = time.perf_counter(), 0
            while sent < len(content):
                sent += reader.stdin.write(content[sent : sent + (1 << 20)])
            taken.append(time.perf_counter() - began)
        reader.stdin.close()
    return statistics.median(taken[1:])


def compare_table(bundle: Bundle, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Rows a second of a bare loop, and of the side-car with one thread and with all, by turns."""
    scorer = Scorer.open(bundle)
    description = MojoDescription.from_json(read_json(bundle.folder / "mojo.json"))
    matrix = random_matrix(scorer, options.rows)
    own = own_rows(description, matrix)
    own.astype("<f8").tofile(folder / "rows.bin")
    java = ["java", "-XX:+UseSerialGC", "-Xmx3g", "-cp", f"{library()}:{folder}", "BareLoop"]
    subprocess.run(["javac", "-cp", str(library()), "-d", str(folder), str(PEERS / "BareLoop.java")], check=True)
    loop = [*java, str(bundle.folder / "model.mojo"), str(folder / "rows.bin"), str(own.shape[1])]
    runs: dict[str, list[float]] = {"bare loop": [], "side-car, 1 thread": [], "side-car, all": []}
    threads = {"side-car, 1 thread": 1, "side-car, all": None}
    for _ in range(options.repeat):
        done = subprocess.run([*loop, str(options.warm), "3"], capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        runs["bare loop"] += found["seconds"]
        for name, count in threads.items():
            with MojoEngine.open(bundle.folder / "model.mojo", description, threads=count) as engine:
                for run in range(options.warm + 3):
                    began = time.perf_counter()
                    scores = engine.predict(matrix)
                    runs[name] += [time.perf_counter() - began] if run >= options.warm else []
            last = scores[:, description.classes.index(1)].sum()
            if abs(last - found["sum"]) > 1e-6 * abs(last):
                raise SystemExit(f"the side-car must answer as the bare loop; got {last} instead of {found['sum']}")
    alone = {"rows through a pipe, unread": options.rows / send_through_pipe(matrix, 3 * options.repeat)}
    return {name: options.rows / statistics.median(seconds) for name, seconds in runs.items()} | alone


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the table")
    parser.add_argument("--seconds", type=float, default=3.0, help="seconds of each way to ask for one row")
    parser.add_argument("--warm", type=int, default=3, help="runs of a table before those that count")
    parser.add_argument("--repeat", type=int, default=3, help="turns of the table")
    options = parser.parse_args()
    importable_h2o()
    result: dict[str, Any] = {"benchmark": "mojo", "goals": GOALS, "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as name:
        folder = Path(name)
        write_table(folder / "table.csv", 4000, 1)
        for family in options.families.split(","):
            home = folder / family
            made = make_bundle(home, target="y", family=family, parameters=FAMILIES[family], table=folder / "table.csv")
            bundle = open_bundle(made.folder)
            table = compare_table(bundle, home, options)
            ratios = {name: table[name] / table["bare loop"] for name in ("side-car, 1 thread", "side-car, all")}
            one = {}
            if family == AT_REST:
                turns = [compare_one_row(bundle, home, options) for _ in range(options.repeat)]
                one = {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}
                for way in ("engine", "server"):
                    ratios[way] = statistics.median(turn[way] / turn["REST, row parsed before"] for turn in turns)
            print(f"\n{family}")
            for title, figures, unit in (("one row", one, "/s"), ("table", table, " rows/s"), ("ratio", ratios, "")):
                for way, figure in figures.items():
                    print(f"  {title:8}{way:26}{figure:>14,.2f}{unit}", flush=True)
            result[family] = {"one": one, "table": table, "ratios": ratios}
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
