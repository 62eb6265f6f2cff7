"""Avro and Protobuf from topic to topic: a real broker and registry, events and readers of Confluent's client."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from headrace.streams.schema_registry import SchemaRegistry
from tests.conftest import headrace
from tests.real.apicurio_server import ApicurioServer, apicurio_server
from tests.real.kafka_server import KafkaServer, kafka_server
from tests.streams.made_streams import bundle_folder
from tests.streams.stream_process import stream_process
from tests.streams.values.made_avro import CUSTOMER, MILLIS, record, text
from tests.streams.values.made_protobuf import PROTO, message

pytestmark = [pytest.mark.kafka, pytest.mark.usefixtures("default_signals")]
_ROW = {"age": 30, "spend": 2.5, "plan": "basic", "joined": datetime(2024, 5, 1, 10, 15, tzinfo=UTC)}
# A field more with a default, as compatible evolution allows, which the contract does not know.
_NEWER = record(age="int", spend=["null", "double"], plan="string", joined=MILLIS, shop=["null", "string"])


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    """A broker."""
    with kafka_server() as running:
        yield running


@pytest.fixture(scope="module")
def registry() -> Iterator[ApicurioServer]:
    """A registry."""
    with apicurio_server() as running:
        yield running


@pytest.fixture
def client(registry: ApicurioServer) -> Iterator[SchemaRegistryClient]:
    """A client of the registry."""
    with SchemaRegistryClient({"url": registry.url}) as opened:
        yield opened


def _topics(server: KafkaServer, name: str) -> tuple[str, str, str, str]:
    server.create(name, f"{name}-answers", f"{name}-answers-dead-letter", partitions=1)
    return "--from", f"kafka://{server.address}/{name}", "--to", f"kafka://{server.address}/{name}-answers"


def _context(topic: str) -> SerializationContext:
    return SerializationContext(topic, MessageField.VALUE)


def _produce(server: KafkaServer, topic: str, *values: bytes) -> None:
    producer = server.producer()
    for place, value in enumerate(values):
        producer.produce(topic, value, b"k%d" % place)
    producer.flush()


def test_avro_in_and_out(
    server: KafkaServer, registry: ApicurioServer, client: SchemaRegistryClient, tmp_path: Path
) -> None:
    """Two versions of a schema in one topic; what is malformed or of an unknown schema is a dead letter as it came."""
    places = _topics(server, "avro")
    old = AvroSerializer(client, text(CUSTOMER))
    new = AvroSerializer(client, text(_NEWER))
    good = old(_ROW, _context("avro"))
    assert good
    extended = new({**_ROW, "shop": "x"}, _context("avro"))
    bad: list[bytes] = [
        good[:-1],
        good + b"\0",
        b"\0\x7f\xff\xff\xff" + good[5:],
        b"\0\xff\xff\xff\xff" + good[5:],
        b"{}",
    ]
    refused = old({**_ROW, "age": 10_000}, _context("avro"))
    _produce(server, "avro", good, *bad, extended, refused, good)
    (tmp_path / "reader.avsc").write_text(text(CUSTOMER))
    options = ("--values", "avro", "--schema-registry", registry.url, "--answer-values", "avro", "--until-end")
    ended = headrace("stream", str(bundle_folder()), *places, *options, "--schema", str(tmp_path / "reader.avsc"))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "9 events, 3 answers; 6 dead letters (range 1, value 5)"
    read = AvroDeserializer(client)
    answers: list[Any] = [read(one.value(), _context("avro-answers")) for one in server.read("avro-answers")]
    assert [answer["event_offset"] for answer in answers] == [0, 6, 8]
    assert answers[0]["probabilities"] == answers[1]["probabilities"]
    assert answers[0]["model_name"] == "customers"
    letters = server.read("avro-answers-dead-letter")
    assert [one.value() for one in letters] == [*bad, refused]
    sentences = [dict(one.headers())["headrace-sentence"].decode() for one in letters]
    assert "it has none 2147483647" in sentences[2]
    # Without a schema for reading, the event of the newer version has a field that the contract does not know.
    ended = headrace("stream", str(bundle_folder()), *places, *options, "--group", "as-written")
    assert "dead letters (range 1, unknown_columns 1, value 5)" in ended.stdout, ended.stdout + ended.stderr


def test_protobuf(server: KafkaServer, registry: ApicurioServer, client: SchemaRegistryClient) -> None:
    """Written by the client, which registers a descriptor, and by a schema that was registered as text."""
    places = _topics(server, "protobuf")
    event = message("Event", age=30, spend=2.5, plan=1, joined={"seconds": 1_714_558_500})
    written = ProtobufSerializer(type(event), client, {"use.deprecated.format": False})(event, _context("protobuf"))
    number = client.register_schema("text-value", Schema(PROTO, "PROTOBUF"))
    by_text = b"\0" + number.to_bytes(4, "big") + b"\x02\x02" + event.SerializeToString()
    _produce(server, "protobuf", written, by_text, by_text[:-3], by_text[:5] + b"\x02\x7e")
    options = ("--values", "protobuf", "--schema-registry", registry.url, "--until-end")
    ended = headrace("stream", str(bundle_folder()), *places, *options)
    assert ended.stdout.strip() == "4 events, 2 answers; 2 dead letters (value 2)", ended.stdout + ended.stderr


def test_a_registry_that_is_gone_makes_no_dead_letters(
    server: KafkaServer, registry: ApicurioServer, client: SchemaRegistryClient, tmp_path: Path
) -> None:
    """Events of known schemas are answered meanwhile; a new one waits, with a reason, until the registry is back."""
    source, target = _topics(server, "outage")[1::2]
    known, unknown = record("A", **_kinds(CUSTOMER)), record("B", **_kinds(CUSTOMER))
    values = [AvroSerializer(client, text(schema))(_ROW, _context(schema["name"])) for schema in (known, unknown)]
    first, second = [value for value in values if value]
    _produce(server, "outage", first)
    options = ("--values", "avro", "--schema-registry", registry.url)
    with stream_process(source, target, tmp_path / "log", *options) as worker:
        worker.wait_until(lambda: worker.metric("answers_total") == 1)
        registry.kill()
        _produce(server, "outage", first, first)
        worker.wait_until(lambda: worker.metric("answers_total") == 3)
        worker.wait_ready()
        _produce(server, "outage", second, first)
        worker.wait_until(lambda: "schema registry" in worker.page("/readyz")[1])
        assert worker.page("/readyz")[0] == 503
        registry.start()
        worker.wait_until(lambda: worker.metric("answers_total") == 5)
        worker.wait_ready()
        assert worker.metric("rejects_total") == 0
        assert worker.end() == 0
    log = worker.log.read_text()
    assert log.count("the stream waits for its schemas") == 1
    assert "the schema registry answers again" in log
    assert "5 events, 5 answers" in log


def _kinds(schema: dict[str, Any]) -> dict[str, Any]:
    return {field["name"]: field["type"] for field in schema["fields"]}


def test_what_a_real_registry_says(registry: ApicurioServer) -> None:
    """Surprise: Apicurio 3.0.9 has no GUIDs and answers 404 without a code to them, as a wrong address does."""
    found = SchemaRegistry(registry.url)
    found.check()
    assert found.find(2_000_000_000) is None
    assert found.find("b0a3a5f2-1111-2222-3333-444455556666") is None
    number = found.register("some-value", text(CUSTOMER))
    assert found.register("some-value", text(CUSTOMER)) == number
    schema = found.find(number, serialized=True)
    assert schema
    assert schema.kind == "AVRO"
