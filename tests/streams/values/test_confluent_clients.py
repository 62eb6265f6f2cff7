"""What the clients of Confluent's registry write is read, and what the stream writes they read.

The bytes are those of confluent-kafka's own serializers; the registry is ``RegistryServer``, a fake, so that these
tests need no Java. ``tests/streams/test_registry_stream.py`` does the same with a real one.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient, header_schema_id_serializer
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from headrace.streams.schema_registry import SchemaRegistry
from headrace.streams.values.avro_answers import AvroAnswers
from headrace.streams.values.avro_values import AvroValues
from headrace.streams.values.protobuf_values import ProtobufValues
from tests.streams.made_streams import stream_model
from tests.streams.registry_server import RegistryServer, registry_server
from tests.streams.values.made_avro import CUSTOMER, text
from tests.streams.values.made_protobuf import message

_ROW = {"age": 30, "spend": 2.5, "plan": "basic", "joined": datetime(2024, 5, 1, 10, 15, tzinfo=UTC)}
_READ = {**_ROW, "joined": "2024-05-01 10:15:00"}


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    """A registry."""
    with registry_server() as running:
        yield running


@pytest.fixture
def client(server: RegistryServer) -> Iterator[SchemaRegistryClient]:
    """A client of the registry."""
    with SchemaRegistryClient({"url": server.url}) as opened:
        yield opened


def _context(headers: Any = None) -> SerializationContext:
    return SerializationContext("events", MessageField.VALUE, headers)


def test_avro_with_the_number_before_the_value(server: RegistryServer, client: SchemaRegistryClient) -> None:
    """The usual form."""
    value = AvroSerializer(client, text(CUSTOMER))(_ROW, _context())
    assert AvroValues(None, SchemaRegistry(server.url)).decode([value]) == [_READ]


def test_avro_with_the_guid_in_a_header(server: RegistryServer, client: SchemaRegistryClient) -> None:
    """As confluent-kafka 2.16 writes it with ``header_schema_id_serializer``."""
    headers: list[Any] = []
    serializer = AvroSerializer(client, text(CUSTOMER), conf={"schema.id.serializer": header_schema_id_serializer})
    value = serializer(_ROW, _context(headers))
    assert [name for name, _ in headers] == ["__value_schema_id"]
    assert AvroValues(None, SchemaRegistry(server.url)).decode([value], [headers]) == [_READ]


@pytest.mark.parametrize("in_header", [False, True])
@pytest.mark.parametrize("name", ["Event", "Other", "Other.Inner.Event"])
def test_protobuf(server: RegistryServer, client: SchemaRegistryClient, name: str, in_header: bool) -> None:
    """With the place of the message after the number or the GUID; the client registers the text of the schema."""
    fields = {"Event": {"age": 30, "spend": 2.5}, "Other": {"z": 7}, "Other.Inner.Event": {"y": 0.5}}[name]
    made, headers = message(name, **fields), [("other", b"x")]
    conf: dict[str, Any] = {"use.deprecated.format": False}
    if in_header:
        conf["schema.id.serializer"] = header_schema_id_serializer
    value = ProtobufSerializer(type(made), client, conf)(made, _context(headers))
    # The client registers descriptors in Base64, in the place of texts.
    (row,) = ProtobufValues(None, SchemaRegistry(server.url)).decode([value], [headers])
    assert {field: row[field] for field in fields} == fields
    assert in_header == (len(headers) == 2)


def test_answers_are_read_by_the_client(server: RegistryServer, client: SchemaRegistryClient) -> None:
    """The schema of answers is registered under the subject that its name strategy expects."""
    model = stream_model()
    writer = AvroAnswers(SchemaRegistry(server.url), subject="answers-value")
    scored = model.served.score(model.served.encoder.encode_rows([{**_READ}, {**_READ, "age": 44}]))
    values = writer.encode(model, scored, [7, 8])
    first, second = [
        AvroDeserializer(client)(value, SerializationContext("answers", MessageField.VALUE)) for value in values
    ]
    assert server.subjects == {"answers-value": [1]}
    assert set(first["probabilities"]) == set(model.served.classes)
    assert (first["event_offset"], second["event_offset"]) == (7, 8)
    assert first["model_digest"] == model.served.digest
    assert first["probabilities"] == dict(zip(model.served.classes, scored.scores[0], strict=True))
    assert first["label"] == model.served.classes[scored.chosen[0]]
