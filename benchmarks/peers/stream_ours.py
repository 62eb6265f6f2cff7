"""The parts of `headrace stream`, timed from the first event to the last committed answer.

python stream_ours.py SERVERS SOURCE TARGET BUNDLE ROWS BATCH SECONDS
"""

import gc
import json
import sys
import time
from pathlib import Path

from headrace.serving.model.served_model import ServedModel
from headrace.streams.event_scorer import EventScorer
from headrace.streams.kafka.kafka_broker import KafkaBroker
from headrace.streams.stream_metrics import StreamStatus
from headrace.streams.stream_model import StreamModel, StreamModels
from headrace.streams.stream_worker import BatchLimits, StreamWorker
from headrace.streams.values.json_values import JsonValues

servers, source, target, path, rows, size, wait = sys.argv[1:]
models = StreamModels(StreamModel(ServedModel.open(Path(path)), "1.0.0", path))
broker = KafkaBroker(servers, source, answers=target, dead_letters=f"{target}-dead-letter", group=f"{source}-ours")
status = StreamStatus()
worker = StreamWorker(
    broker,
    EventScorer(JsonValues()),
    lambda: models,
    source=source,
    status=status,
    limits=BatchLimits(int(size), float(wait)),
)
gc.set_threshold(100_000, 50, 50)  # as the command does
began, spent = time.perf_counter(), time.process_time()
while status.counts.events < int(rows):
    if not status.counts.events:
        began, spent = time.perf_counter(), time.process_time()
    worker.work_once()
print(
    json.dumps(
        {"seconds": time.perf_counter() - began, "cpu": time.process_time() - spent, "rows": status.counts.answers}
    )
)
broker.close()
