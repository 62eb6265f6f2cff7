"""Values of a stream in their forms: CPU of an event of twelve numbers, read, and read, checked, scored and answered.

    make bench NAME=stream_values            (or: python benchmarks/stream_values.py --rows 2000 --repeat 20)

No broker: batches lie in memory, as a poll gives them. Peers are what reads the same bytes otherwise: orjson alone,
fastavro alone, protobuf's own message and its ``MessageToDict``, and confluent-kafka's deserializers, whose registry is
a small server in this process that is asked once. The lowest of all turns is taken, in CPU time. Prints a table for
people and, last, one line of JSON.
"""

import argparse
import gc
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import orjson
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf.json_format import MessageToDict

from headrace.serving.model.served_model import ServedModel
from headrace.streams.event_scorer import EventScorer
from headrace.streams.schema_registry import SchemaRegistry
from headrace.streams.stream_model import StreamModel, StreamModels
from headrace.streams.values.avro_answers import AvroAnswers
from headrace.streams.values.avro_schema import parse_avro
from headrace.streams.values.avro_values import AvroValues
from headrace.streams.values.json_values import JsonValues
from headrace.streams.values.protobuf_schema import find_message
from headrace.streams.values.protobuf_values import ProtobufValues
from headrace.streams.values.value_codec import AnswerWriter, MixedValues, ValueReader
from serving import COLUMNS, made
from tests.streams.made_streams import batch_of
from tests.streams.registry_server import registry_server
from tests.streams.values.made_avro import record, text, write
from tests.streams.values.made_protobuf import described, message

NAMES = [f"x{place}" for place in range(COLUMNS)]
PROTO = 'syntax = "proto3"; message Event { %s }' % " ".join(  # noqa: UP031 - braces
    f"optional double {name} = {place};" for place, name in enumerate(NAMES, 1)
)


def measure(work: Callable[[], Any], rows: int, repeat: int) -> float:
    """The lowest CPU time of an event, in microseconds."""
    times = []
    for _ in range(repeat):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times) / rows * 1e6


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000, help="events of a batch")
    parser.add_argument("--repeat", type=int, default=20)
    options = parser.parse_args()
    gc.set_threshold(100_000, 50, 50)  # as the command does
    numbers = np.random.default_rng(1).normal(size=(options.rows, COLUMNS)).round(4).tolist()
    rows = [dict(zip(NAMES, row, strict=True)) for row in numbers]
    plain, nullable = record(**dict.fromkeys(NAMES, "double")), record(**{name: ["null", "double"] for name in NAMES})
    parsed = fastavro.parse_schema(plain)
    in_json = [json.dumps(row).encode() for row in rows]
    in_avro, in_nullable = [write(plain, row) for row in rows], [write(nullable, row) for row in rows]
    messages = [message("Event", PROTO, **row) for row in rows]
    in_protobuf = [one.SerializeToString() for one in messages]
    parse = type(messages[0]).FromString
    result: dict[str, Any] = {}
    print(f"{'events':34} {'read, us':>9} {'all, us':>9}")
    with tempfile.TemporaryDirectory() as folder, registry_server() as registry:
        models = StreamModels(StreamModel(ServedModel.open(made("logistic", Path(folder)).bundle), "1.0.0", ""))
        head = b"\0" + registry.add(text(plain)).to_bytes(4, "big")
        framed = [head + value for value in in_avro]
        asked = SchemaRegistry(registry.url)
        ours: dict[str, tuple[ValueReader, list[bytes], AnswerWriter]] = {
            "JSON": (JsonValues(), in_json, JsonValues()),
            "Avro": (AvroValues(parse_avro(text(plain))), in_avro, JsonValues()),
            "Avro, answers in Avro": (AvroValues(parse_avro(text(plain))), in_avro, AvroAnswers()),
            "Avro, numbers that may be null": (AvroValues(parse_avro(text(nullable))), in_nullable, JsonValues()),
            "Avro of a registry": (AvroValues(None, asked), framed, JsonValues()),
            "the same, resolved to a schema": (AvroValues(parse_avro(text(nullable)), asked), framed, JsonValues()),
            "Protobuf": (ProtobufValues(find_message(described(PROTO), "")), in_protobuf, JsonValues()),
        }
        for name, (reader, values, writer) in ours.items():
            scorer, batch = EventScorer(MixedValues(reader, writer)), batch_of(values)
            read = measure(lambda reader=reader, values=values: reader.decode(values), options.rows, options.repeat)
            whole = measure(
                lambda scorer=scorer, batch=batch: scorer.score(batch, models), options.rows, options.repeat
            )
            result[name] = {"read": read, "all": whole}
            print(f"{name:34} {read:9.2f} {whole:9.2f}", flush=True)
        with SchemaRegistryClient({"url": registry.url}) as client:
            deserialize, context = AvroDeserializer(client), SerializationContext("events", MessageField.VALUE)
            peers: dict[str, Callable[[], Any]] = {
                "orjson": lambda: [orjson.loads(value) for value in in_json],
                "fastavro": lambda: [fastavro.schemaless_reader(io.BytesIO(value), parsed, None) for value in in_avro],
                "protobuf, message alone": lambda: [parse(value) for value in in_protobuf],
                "protobuf, MessageToDict": lambda: [MessageToDict(parse(value)) for value in in_protobuf],
                "confluent-kafka, Avro": lambda: [deserialize(value, context) for value in framed],
            }
            for name, work in peers.items():
                result[name] = {"read": measure(work, options.rows, options.repeat)}
                print(f"{name:34} {result[name]['read']:9.2f}", flush=True)
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
