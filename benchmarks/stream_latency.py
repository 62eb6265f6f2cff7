"""The time from produce to answer at a steady rate, as a reader of committed answers sees it; for `stream.py`."""

import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import numpy as np
from confluent_kafka import Consumer

sys.path.append(str(Path(__file__).parents[1]))
from tests.real.kafka_server import KafkaServer

PEERS = Path(__file__).with_name("peers")
WARM_UP = 2_000
_TICK_SECONDS = 0.001


class AnswerTimes(threading.Thread):
    """Notes when each answer is read: ``times`` (n,), seconds of the performance counter, by the number in its key."""

    def __init__(self, server: KafkaServer, topic: str, rows: int) -> None:
        super().__init__(daemon=True)
        self.times, self.count, self._rows = np.full(rows, np.nan), 0, rows
        config = {"bootstrap.servers": server.address, "group.id": topic, "isolation.level": "read_committed"}
        self._consumer = Consumer({**config, "auto.offset.reset": "earliest", "enable.auto.commit": False})
        self._consumer.subscribe([topic])

    def run(self) -> None:
        """Read until each event has an answer."""
        while self.count < self._rows:
            messages = self._consumer.consume(500, 0.005)
            now = time.perf_counter()
            for message in messages:
                if not message.error():
                    self.times[int(message.key())] = now
                    self.count += 1
        self._consumer.close()


def measure_latency(
    server: KafkaServer, script: str, *arguments: object, bodies: list[bytes], rows: int, rate: int
) -> dict[str, float]:
    """Run one loop on the second core at a steady rate.

    Args:
        server: The broker.
        script: The loop, in ``peers``.
        arguments: The model, and where batches are cut: rows and seconds.
        bodies: Values of events.
        rows: Number of events that count; as many as ``WARM_UP`` come before them.
        rate: Events a second.

    Returns:
        ``p50``, ``p99`` and ``most``, in milliseconds, and the rate that was reached.
    """
    model, *cut = arguments
    events = f"steady-{uuid.uuid4().hex}"
    server.create(events, f"{events}-answers", f"{events}-answers-dead-letter")
    total = WARM_UP + rows
    command = [sys.executable, str(PEERS / script), server.address, events, f"{events}-answers", model, total, *cut]
    loop = subprocess.Popen(["taskset", "-c", "1", *map(str, command)], stdout=subprocess.PIPE, text=True)
    reader = AnswerTimes(server, f"{events}-answers", total)
    reader.start()
    producer, sent = server.producer(**{"linger.ms": 0}), np.empty(total)

    def send(first: int, last: int) -> float:
        began = time.perf_counter()
        number = first
        while number < last:
            due = min(first + int((time.perf_counter() - began) * rate) + 1, last)
            while number < due:
                sent[number] = time.perf_counter()
                producer.produce(events, bodies[number % len(bodies)], key=b"%d" % number, partition=number % 3)
                number += 1
            producer.poll(0)
            time.sleep(_TICK_SECONDS)
        return (last - first) / (time.perf_counter() - began)

    send(0, WARM_UP)
    while reader.count < WARM_UP:
        if loop.poll() is not None:
            raise SystemExit(f"{script} has ended: {loop.communicate()[0]}")
        time.sleep(0.01)
    reached = send(WARM_UP, total)
    producer.flush()
    loop.wait(60)
    reader.join(60)
    latencies = (reader.times - sent)[WARM_UP:] * 1000
    if np.isnan(latencies).any():
        raise SystemExit(f"{script} has left {int(np.isnan(latencies).sum())} events without an answer")
    p50, p99 = np.percentile(latencies, [50, 99])
    return {"p50": float(p50), "p99": float(p99), "most": float(latencies.max()), "rate": reached}
