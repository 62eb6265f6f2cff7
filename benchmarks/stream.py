"""Scoring a topic: `headrace stream` beside the usual script, and beside the raw loop, each on one core.

    make bench NAME=stream            (or: python benchmarks/stream.py --rows 100000 --repeat 3)

Events are twelve numbers as JSON, with a key, in three partitions of a real broker, which has the other core. Each
loop reads the same topic from its beginning; the time is from its first event to its last answer. The script is
confluent-kafka, json, a pandas row, scikit-learn and produce, without transactions; the raw loop is the same client,
orjson and the same ONNX engine with transactions, and checks nothing. Headrace checks each event by the contract and
keeps key, headers, partition and time.

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

from serving import COLUMNS, made
from tests.real.kafka_server import KafkaServer, kafka_server

GOALS = {"script": 15.0, "raw": 0.8}
PEERS = Path(__file__).with_name("peers")
WHO = ("Headrace", "raw loop", "script")


def fill(server: KafkaServer, topic: str, rows: int) -> None:
    """Send events to three partitions."""
    server.create(topic)
    values = np.random.default_rng(1).normal(size=(1000, COLUMNS)).round(4).tolist()
    bodies = [json.dumps({f"x{place}": value for place, value in enumerate(row)}).encode() for row in values]
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


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--script-rows", type=int, default=2_000, help="events of the script, which is slow")
    parser.add_argument("--batch-rows", type=int, default=2_000)
    parser.add_argument("--batch-seconds", type=float, default=0.02)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    result: dict[str, Any] = {"goals": GOALS, "turns": {}}
    print(f"{'model':10} {'':10} {'events/s':>10} {'CPU, us':>9}")
    with tempfile.TemporaryDirectory() as name, kafka_server() as server:
        for family in ("logistic", "hist_gradient_boosting"):
            turns = []
            for _ in range(options.repeat):
                turns.append(measure(server, family, Path(name) / family, options))
                for who, one in zip(WHO, turns[-1], strict=True):
                    print(f"{family[:10]:10} {who:10} {one['per_second']:10,.0f} {one['cpu_us']:9.1f}", flush=True)
            result["turns"][family] = turns
            script = statistics.median(ours["per_second"] / theirs["per_second"] for ours, _, theirs in turns)
            raw = statistics.median(ours["per_second"] / theirs["per_second"] for ours, theirs, _ in turns)
            result[family] = {"script": script, "raw": raw}
            print(f"{family}: {script:.1f} times the script, {raw:.2f} of the raw loop", flush=True)
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
