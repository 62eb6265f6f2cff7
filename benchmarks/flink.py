"""Scoring inside Flink: `ML_PREDICT` and the function beside what is written by hand; and beside calls to a server.

    make bench NAME=flink             (or: python benchmarks/flink.py --rows 400000 --repeat 5)

Flink runs in a process on one core, with one subtask; rows are twelve generated numbers, and answers go nowhere. Each
way has a warm process of its own, and the ways take turns. Written by hand are a function with an ONNX session, made as
in ONNX Runtime's examples, and one that keeps the tensors of a row; neither checks anything.

The second table is topic to topic on one broker: Headrace's worker, and a Flink job whose model provider posts each row
to MLServer by the protocol V2, ten calls at a time as `ML_PREDICT` does by default. It stands in for Flink's provider
for Triton, which Maven Central does not have. Flink and MLServer may use both cores.

Needs Java 17, Maven and the jars of a broker. Prints tables for people and, last, one line of JSON.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

from stream import fill
from stream import run as run_stream

from headrace.core.bundles.bundle import open_bundle
from headrace.core.jvm_export.model_jar import write_jar
from serving import COLUMNS, SERVERS, Model, made, started
from tests.jvm.java_parts import compile_java, engine_jars
from tests.real.kafka_server import KafkaServer, kafka_server

GOALS = {"ml_predict": 0.8, "function": 0.8, "MLServer": 3.0}
JAVA = Path(__file__).with_name("peers") / "flink"
WAYS = {
    "nothing": "no model",
    "hand": "by hand",
    "kept": "by hand, tensors kept",
    "ml_predict": "ML_PREDICT",
    "function": "headrace_predict",
}


def compiled(folder: Path) -> str:
    """Class path of the Java side of this benchmark."""
    folder.mkdir()
    flink = f"{engine_jars('flink')}/*:{engine_jars('flink_kafka')}/*"
    library = Path(__file__).parents[1] / "jvm" / "target" / "headrace-jvm.jar"
    compile_java(folder, *sorted(JAVA.glob("*.java")), classpath=f"{flink}:{library}")
    services = folder / "META-INF" / "services"
    services.mkdir(parents=True)
    (services / "org.apache.flink.table.factories.Factory").write_text("HttpModelFactory\n")
    return f"{folder}:{flink}"


def inside(classpath: str, model: Model, jar: Path, way: str, options: argparse.Namespace) -> list[dict[str, float]]:
    """Seconds of time and CPU for a million rows, of each run of one way in one process."""
    java = ["taskset", "-c", "1", "java", "-XX:+UseSerialGC", "-Xmx1g", f"-Dmodel={model.bundle / 'model.onnx'}"]
    java += [f"-Dkept={'true' if way == 'kept' else 'false'}", "-cp", f"{classpath}:{jar}", "FlinkSpeed"]
    java += ["hand" if way == "kept" else way, str(options.rows), str(options.warm), str(options.runs)]
    ended = subprocess.run(java, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(ended.stdout + ended.stderr)
    found = json.loads(ended.stdout.splitlines()[-1])
    per_million = 1e6 / found["rows"]
    return [
        {"seconds": seconds * per_million, "cpu": cpu * per_million}
        for seconds, cpu in zip(found["seconds"], found["cpu"], strict=True)
    ]


def compare_inside(classpath: str, model: Model, jar: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The ways by turns, and their ratios to those that are written by hand."""
    turns: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(options.repeat):
        for way in WAYS:
            turns[way] += inside(classpath, model, jar, way, options)
    middle = {
        way: {unit: statistics.median(one[unit] for one in runs) for unit in ("seconds", "cpu")}
        for way, runs in turns.items()
    }
    for way, one in middle.items():
        print(f"  {WAYS[way]:24}{1e6 / one['seconds']:>12,.0f}{one['cpu']:>10.2f}", flush=True)
    ratios = {
        f"{way} beside {peer}": {unit: middle[peer][unit] / middle[way][unit] for unit in ("seconds", "cpu")}
        for way in ("ml_predict", "function")
        for peer in ("hand", "kept")
    }
    for name, ratio in ratios.items():
        print(f"  {name}: {ratio['seconds']:.2f} of its rows a second, {ratio['cpu']:.2f} of those for a CPU second")
    return {"runs": turns, "ratios": ratios}


def over_http(classpath: str, server: KafkaServer, model: Model, topic: str, options: argparse.Namespace) -> float:
    """Rows a second of Flink with MLServer, from the first answer that is written to the last."""
    answers = f"{topic}-http"
    server.create(answers, partitions=3)
    mlserver = next(one for one in SERVERS if one.name == "MLServer")
    with started(mlserver, model, Path(options.peers).resolve(), model.folder / "mlserver.log") as (address, _, _):
        java = ["java", "-XX:+UseSerialGC", "-Xmx1g", "-cp", classpath, "FlinkTopic", server.address, topic, answers]
        ended = subprocess.run([*java, address + mlserver.path], capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(ended.stdout + ended.stderr)
    written = sorted(message.timestamp()[1] for message in server.read(answers))
    if len(written) != options.http_rows:
        raise SystemExit(f"Flink must answer {options.http_rows} rows; it answered {len(written)}")
    return 1000 * (len(written) - 1) / (written[-1] - written[0])


def compare_topics(classpath: str, server: KafkaServer, model: Model, options: argparse.Namespace) -> dict[str, Any]:
    """Headrace's worker and Flink with MLServer by turns."""
    turns = []
    for _ in range(options.repeat):
        events, few = f"events-{uuid.uuid4().hex}", f"few-{uuid.uuid4().hex}"
        fill(server, events, options.stream_rows)
        fill(server, few, options.http_rows)
        server.create(f"{events}-answers", f"{events}-answers-dead-letter")
        ours = run_stream(
            "stream_ours.py", server.address, events, f"{events}-answers", model.bundle, options.stream_rows, 2000, 0.02
        )["per_second"]
        theirs = over_http(classpath, server, model, few, options)
        turns.append({"Headrace": ours, "MLServer": theirs})
        print(f"  headrace stream {ours:,.0f} events/s, Flink and MLServer {theirs:,.0f}", flush=True)
    ratio = statistics.median(one["Headrace"] / one["MLServer"] for one in turns)
    print(f"  {ratio:.0f} times Flink's call for each row")
    return {"turns": turns, "ratio": ratio}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="logistic,hist_gradient_boosting")
    parser.add_argument("--rows", type=int, default=400_000, help="generated rows of a run inside Flink")
    parser.add_argument("--warm", type=int, default=2, help="runs of a process before those that count")
    parser.add_argument("--runs", type=int, default=3, help="runs of a process that count")
    parser.add_argument("--repeat", type=int, default=3, help="turns of all ways")
    parser.add_argument("--stream-rows", type=int, default=200_000)
    parser.add_argument("--http-rows", type=int, default=5_000)
    parser.add_argument("--peers", default="build/peers", help="folder of the peers' environments")
    parser.add_argument("--only", choices=["inside", "topics"], help="one of the two tables")
    options = parser.parse_args()
    result: dict[str, Any] = {"benchmark": "flink", "goals": GOALS, "columns": COLUMNS, "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as name, kafka_server() as server:
        classpath = compiled(Path(name) / "classes")
        for family in options.models.split(","):
            home = Path(name) / family
            home.mkdir()
            model, result[family] = made(family, home), {}
            jar = write_jar(open_bundle(model.bundle), home).path
            print(f"\n{family}{'rows/s':>28}{'CPU, us':>10}" if options.only != "topics" else f"\n{family}")
            if options.only != "topics":
                result[family]["inside"] = compare_inside(classpath, model, jar, options)
            if options.only != "inside":
                result[family]["topics"] = compare_topics(classpath, server, model, options)
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
