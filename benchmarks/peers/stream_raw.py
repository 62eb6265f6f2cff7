"""The raw loop: the same client, orjson, the same ONNX engine, transactions; nothing is checked, nothing is kept.

python stream_raw.py SERVERS SOURCE TARGET MODEL.onnx ROWS BATCH SECONDS
"""

import json
import sys
import time

import numpy as np
import onnxruntime
import orjson
from confluent_kafka import Consumer, Producer, TopicPartition

servers, source, target, path, rows, size, wait = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
consumer = Consumer(
    {
        "bootstrap.servers": servers,
        "group.id": f"{source}-raw",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
)
consumer.subscribe([source])
producer = Producer({"bootstrap.servers": servers, "transactional.id": f"{source}-raw"})
producer.init_transactions()
done, began, spent = 0, 0.0, 0.0
while done < int(rows):
    messages = [message for message in consumer.consume(1, 1.0) if not message.error()]
    if not messages:
        continue
    if not done:
        began, spent = time.perf_counter(), time.process_time()
    messages += [message for message in consumer.consume(int(size) - 1, float(wait)) if not message.error()]
    events = [orjson.loads(message.value()) for message in messages]
    scores = session.run(["Y"], {"X": np.array([list(event.values()) for event in events], dtype=float)})[0]
    producer.begin_transaction()
    ends = {}
    for message, pair in zip(messages, scores.tolist(), strict=True):
        ends[message.partition()] = message.offset() + 1
        producer.produce(target, orjson.dumps({"probability": pair[1]}), message.key())
    places = [TopicPartition(source, partition, offset) for partition, offset in ends.items()]
    producer.send_offsets_to_transaction(places, consumer.consumer_group_metadata())
    producer.commit_transaction()
    done += len(messages)
print(json.dumps({"seconds": time.perf_counter() - began, "cpu": time.process_time() - spent, "rows": done}))
consumer.close()
