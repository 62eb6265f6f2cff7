"""Scoring a topic: `headrace stream` beside the usual script, and beside the raw loop, each on one core.

    make bench NAME=stream            (or: python benchmarks/stream.py --rows 100000 --repeat 3)

Events are twelve numbers as JSON, with a key, in three partitions of a real broker, which has the other core. Each
loop reads the same topic from its beginning; the time is from its first event to its last answer. The script is
confluent-kafka, json, a pandas row, scikit-learn and produce, without transactions; the raw loop is the same client,
orjson and the same ONNX engine with transactions, and checks nothing. Headrace checks each event by the contract and
keeps key, headers, partition and time.

Then the latency: events come at a steady rate, and the time is from produce to the answer in the hands of a reader of
committed records. Headrace and the raw loop take turns.

Needs Java and the jars of a broker (tests/real/kafka_server.py has the command). Prints a table for people and, last,
one line of JSON.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from stream_latency import measure_latency

from serving import COLUMNS, made
from tests.real.kafka_server import KafkaServer, kafka_server

GOALS = {"script": 15.0, "raw": 0.8, "p99": 1.5}
PEERS = Path(__file__).with_name("peers")
FAMILIES = ("logistic", "hist_gradient_boosting")
WHO = ("Headrace", "raw loop", "script")


def make_bodies() -> list[bytes]:
    """Values of a thousand events."""
    values = np.random.default_rng(1).normal(size=(1000, COLUMNS)).round(4).tolist()
    return [json.dumps({f"x{place}": value for place, value in enumerate(row)}).encode() for row in values]


def fill(server: KafkaServer, topic: str, rows: int) -> None:
    """Send events to three partitions."""
    server.create(topic)
    bodies = make_bodies()
    producer = server.producer(**{"queue.buffering.max.messages": 1_000_000, "linger.ms": 50})
    for number in range(rows):
        producer.produce(topic, bodies[number % 1000], key=b"%d" % number, partition=number % 3)
        if number % 10_000 == 0:
            producer.poll(0)
    producer.flush()


def run(script: str, *arguments: object) -> dict[str, float]:
    """Run one loop on the second core, and return what it measured."""
    command = ["taskset", "-c", "1", sys.executable, str(PEERS / script), *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(ended.stdout + ended.stderr)
    result: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    result["per_second"] = result["rows"] / result["seconds"]
    result["cpu_us"] = result["cpu"] / result["rows"] * 1e6
    return result


def measure(server: KafkaServer, family: str, folder: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """One turn of all three loops, each with a topic of answers of its own."""
    home = folder / uuid.uuid4().hex
    home.mkdir(parents=True)
    model = made(family, home)
    events, few = f"events-{uuid.uuid4().hex}", f"few-{uuid.uuid4().hex}"
    fill(server, events, options.rows)
    fill(server, few, options.script_rows)
    answers = [f"{events}-{number}" for number in range(3)]
    server.create(*answers, f"{answers[0]}-dead-letter")
    cut = (options.batch_rows, options.batch_seconds)
    return [
        run("stream_ours.py", server.address, events, answers[0], model.bundle, options.rows, *cut),
        run("stream_raw.py", server.address, events, answers[1], model.bundle / "model.onnx", options.rows, *cut),
        run("stream_script.py", server.address, few, answers[2], model.joblib, options.script_rows),
    ]


def measure_latencies(
    server: KafkaServer, family: str, folder: Path, options: argparse.Namespace
) -> dict[str, list[dict[str, float]]]:
    """Headrace and the raw loop in turn, at a steady rate."""
    home = folder / uuid.uuid4().hex
    home.mkdir(parents=True)
    model, bodies = made(family, home), make_bodies()
    loops = {"Headrace": ("stream_ours.py", model.bundle), "raw loop": ("stream_raw.py", model.bundle / "model.onnx")}
    cut = (options.batch_rows, options.batch_seconds)
    rows = int(options.rate * options.latency_seconds)
    found: dict[str, list[dict[str, float]]] = {who: [] for who in loops}
    for turn in range(options.repeat + 1):
        # Who is first changes; the turn before the first one warms the broker.
        for who in sorted(loops, reverse=bool(turn % 2)):
            script, place = loops[who]
            count = rows if turn else options.rate
            one = measure_latency(server, script, place, *cut, bodies=bodies, rows=count, rate=options.rate)
            if not turn:
                continue
            found[who].append(one)
            figures = " ".join(f"{one[name]:8.1f}" for name in ("p50", "p99", "most"))
            print(f"{family[:10]:10} {who:10} {one['rate']:9,.0f} {figures}", flush=True)
    return found


def compare_speed(server: KafkaServer, folder: Path, options: argparse.Namespace, result: dict[str, Any]) -> None:
    """Measure events a second, and print."""
    print(f"{'model':10} {'':10} {'events/s':>10} {'CPU, us':>9}")
    for family in FAMILIES:
        turns = []
        for _ in range(options.repeat):
            turns.append(measure(server, family, folder / family, options))
            for who, one in zip(WHO, turns[-1], strict=True):
                print(f"{family[:10]:10} {who:10} {one['per_second']:10,.0f} {one['cpu_us']:9.1f}", flush=True)
        result["turns"][family] = turns
        script = statistics.median(ours["per_second"] / theirs["per_second"] for ours, _, theirs in turns)
        raw = statistics.median(ours["per_second"] / theirs["per_second"] for ours, theirs, _ in turns)
        result[family] = {"script": script, "raw": raw}
        print(f"{family}: {script:.1f} times the script, {raw:.2f} of the raw loop", flush=True)


def compare_latencies(server: KafkaServer, folder: Path, options: argparse.Namespace, result: dict[str, Any]) -> None:
    """Measure the time from produce to answer, and print."""
    print(f"{'model':10} {'':10} {'events/s':>9} {'p50, ms':>8} {'p99, ms':>8} {'most':>8}")
    for family in FAMILIES:
        found = measure_latencies(server, family, folder / family, options)
        pairs = list(zip(found["Headrace"], found["raw loop"], strict=True))
        ratios = {
            name: statistics.median(ours[name] / theirs[name] for ours, theirs in pairs) for name in ("p50", "p99")
        }
        result["latencies"][family] = {"turns": found, **ratios}
        print(f"{family}: p50 {ratios['p50']:.2f} and p99 {ratios['p99']:.2f} times the raw loop's", flush=True)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--script-rows", type=int, default=2_000, help="events of the script, which is slow")
    parser.add_argument("--batch-rows", type=int, default=2_000)
    parser.add_argument("--batch-seconds", type=float, default=0.02)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--rate", type=int, default=2_000, help="events a second for the latency")
    parser.add_argument("--latency-seconds", type=float, default=20.0)
    parser.add_argument("--only", choices=["speed", "latency"], help="one of the two parts")
    options = parser.parse_args()
    result: dict[str, Any] = {"goals": GOALS, "turns": {}, "latencies": {}}
    with tempfile.TemporaryDirectory() as name, kafka_server() as server:
        if options.only != "latency":
            compare_speed(server, Path(name), options, result)
        if options.only != "speed":
            compare_latencies(server, Path(name), options, result)
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
