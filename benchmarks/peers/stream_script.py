"""The usual script: confluent-kafka, json, a pandas row, scikit-learn, produce; nothing is checked.

python stream_script.py SERVERS SOURCE TARGET MODEL.joblib ROWS
"""

import json
import sys
import time

import joblib
import pandas as pd
from confluent_kafka import Consumer, Producer

servers, source, target, path, rows = sys.argv[1:]
model = joblib.load(path)
consumer = Consumer({"bootstrap.servers": servers, "group.id": f"{source}-script", "auto.offset.reset": "earliest"})
consumer.subscribe([source])
producer = Producer({"bootstrap.servers": servers})
done, began, spent = 0, 0.0, 0.0
while done < int(rows):
    message = consumer.poll(1.0)
    if message is None or message.error():
        continue
    if not done:
        began, spent = time.perf_counter(), time.process_time()
    event = json.loads(message.value())
    row = pd.DataFrame([event])
    chances = model.predict_proba(row.to_numpy())[0]
    answer = {"probability": float(chances[1])}
    producer.produce(target, json.dumps(answer), key=message.key())
    producer.poll(0)
    done += 1
producer.flush()
print(json.dumps({"seconds": time.perf_counter() - began, "cpu": time.process_time() - spent, "rows": done}))
consumer.close()
