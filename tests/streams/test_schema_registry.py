"""What a schema registry says, and what it means that it says nothing."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.core.base.environment_values import SchemaRegistrySettings
from headrace.core.base.errors import InputError, RequestError, StoreError
from headrace.streams import schema_registry
from headrace.streams.schema_registry import RegisteredSchema, SchemaReference, SchemaRegistry, SchemasUnavailable
from headrace.streams.values import schema_lookup
from headrace.streams.values.schema_lookup import SchemaLookup, find_references, read_key
from tests.streams.registry_server import RegistryServer, registry_server


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    """A registry."""
    with registry_server() as running:
        yield running


def test_a_schema_is_found_by_number_guid_and_version(server: RegistryServer) -> None:
    """With its kind and the schemas that it names."""
    server.add("one")
    number = server.add("two", kind="PROTOBUF", references=[{"name": "a.proto", "subject": "a/b", "version": 1}])
    registry = SchemaRegistry(server.url + "/")
    expected = RegisteredSchema("PROTOBUF", "two", (SchemaReference("a.proto", "a/b", 1),))
    assert registry.find(number) == expected
    assert registry.find(str(server.guid(number))) == expected
    assert registry.find_version(SchemaReference("x", "events-value", 1)) == RegisteredSchema("AVRO", "one")
    assert registry.find(99) is None
    assert registry.find(2**32 - 1) is None
    assert registry.find("00000000-0000-0000-0000-000000000000") is None
    assert registry.find_version(SchemaReference("x", "events-value", 9)) is None


@pytest.mark.parametrize("status", [301, 401, 403, 408, 429, 500, 503])
def test_a_registry_in_trouble_says_nothing_about_a_schema(server: RegistryServer, status: int) -> None:
    """Neither that there is one nor that there is none."""
    registry = SchemaRegistry(server.url)
    server.status = status
    with pytest.raises(SchemasUnavailable, match=r"refuses the login|must answer as one"):
        registry.find(1)


def test_what_is_no_registry_says_nothing_about_a_schema(server: RegistryServer) -> None:
    """A wrong path answers 404 to everything, as a registry does to a number that it does not know."""
    with pytest.raises(SchemasUnavailable, match="may need a path"):
        SchemaRegistry(f"{server.url}/apis/elsewhere").find(1)


def test_a_refused_number_is_unknown_where_a_registry_is(server: RegistryServer) -> None:
    """Registries differ in how they refuse what they do not have, such as GUIDs; Apicurio 3.0.9 answers 404 alone."""
    registry = SchemaRegistry(server.url)
    server.answer = lambda _, path, __: (200, ["AVRO"]) if path == "/schemas/types" else (422, {})  # type: ignore[method-assign]
    assert registry.find(1) is None


def test_a_registry_that_is_gone_is_unavailable(server: RegistryServer) -> None:
    """Until it is there again."""
    registry, number = SchemaRegistry(server.url), server.add("one")
    server.stop()
    with pytest.raises(SchemasUnavailable, match="does not answer"):
        registry.find(number)
    server.start()
    assert registry.find(number)


def test_login_comes_from_the_environment(server: RegistryServer) -> None:
    """A name with a password, or a token; neither is shown."""
    server.login = "Basic " + base64.b64encode(b"reader:secret").decode()
    settings = SchemaRegistrySettings(user="reader", password="secret")
    SchemaRegistry(server.url, settings).check()
    assert "secret" not in repr(settings)
    with pytest.raises(SchemasUnavailable, match="HEADRACE_SCHEMA_REGISTRY_PASSWORD"):
        SchemaRegistry(server.url).check()
    server.login = "Bearer abc"
    SchemaRegistry(server.url, SchemaRegistrySettings(token="abc")).check()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://user:secret@host", "must hold no login"),
        ("registry:8081", "must be an address"),
        ("ftp://registry", "must be an address"),
        ("http://", "must be an address"),
        ("http://host?x=1", "must be an address"),
    ],
)
def test_what_is_no_address_is_refused(url: str, sentence: str) -> None:
    """In one sentence, which never repeats a password."""
    with pytest.raises(InputError, match=sentence) as refused:
        SchemaRegistry(url)
    assert "secret" not in str(refused.value)


def test_certificates_must_be_there(tmp_path: Path) -> None:
    """A wrong path is not the registry's fault."""
    with pytest.raises(InputError, match="CA_FILE"):
        SchemaRegistry("https://host", SchemaRegistrySettings(ca_file=str(tmp_path / "none.pem")))


def test_a_schema_is_registered_once(server: RegistryServer) -> None:
    """Who comes later looks it up, which takes fewer rights."""
    registry = SchemaRegistry(server.url)
    number = registry.register("scores-value", "one")
    assert registry.register("scores-value", "one") == number
    assert [one.split("/")[-1] for one in server.requests] == ["scores-value", "versions", "scores-value"]
    server.status = 409
    with pytest.raises(StoreError, match="must accept the schema") as refused:
        registry.register("scores-value", "two")
    assert not isinstance(refused.value, SchemasUnavailable)
    server.status = 500
    with pytest.raises(SchemasUnavailable):
        registry.register("scores-value", "two")


def test_a_large_schema_concerns_its_events_alone(server: RegistryServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no reason to wait."""
    monkeypatch.setattr(schema_registry, "_MOST_BYTES", 100)
    number = server.add("x" * 200)
    with pytest.raises(RequestError, match="at most 100 bytes"):
        SchemaRegistry(server.url).find(number)


def test_a_found_schema_outlasts_the_registry(server: RegistryServer) -> None:
    """It is asked for once; a number never means another schema."""
    lookup = SchemaLookup(SchemaRegistry(server.url), lambda schema: schema.text)
    key = b"\0" + server.add("one").to_bytes(4, "big")
    assert lookup.find(key) == "one"
    server.stop()
    assert lookup.find(key) == "one"
    with pytest.raises(SchemasUnavailable):
        lookup.find(b"\0\0\0\0\7")
    assert len(server.requests) == 1


def test_an_unknown_number_is_asked_for_again_after_a_while(
    server: RegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a thousand bad events are one request, and a schema that is registered late is found."""
    lookup = SchemaLookup(SchemaRegistry(server.url), lambda schema: schema.text)
    key = b"\0\0\0\0\1"
    for _ in range(3):
        with pytest.raises(RequestError, match="it has none 1"):
            lookup.find(key)
    assert len(server.requests) == 1
    server.add("one")
    later = time.monotonic() + schema_lookup._UNKNOWN_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert lookup.find(key) == "one"


def test_references_come_after_those_that_they_name(server: RegistryServer) -> None:
    """Each once, also where several name it; one that is missing is said."""
    server.add("base", subject="base")
    base = {"name": "Base", "subject": "base", "version": 1}
    server.add("middle", subject="middle", references=[base])
    middle = {"name": "Middle", "subject": "middle", "version": 1}
    registry = SchemaRegistry(server.url)
    top = registry.find(server.add("top", references=[middle, base]))
    assert top
    assert [(name, one.text) for name, one in find_references(top, registry)] == [
        ("Base", "base"),
        ("Middle", "middle"),
    ]
    lost = RegisteredSchema("AVRO", "lost", (SchemaReference("x", "nowhere", 3),))
    with pytest.raises(InputError, match="version 3 of the subject nowhere"):
        find_references(lost, registry)


def test_a_key_stands_before_the_value_or_in_a_header() -> None:
    """By number or by GUID; a header wins, as in confluent-kafka's own reader."""
    guid = bytes(range(16))
    assert read_key(b"\0\0\0\0\7rest", None) == (b"\0\0\0\0\7", b"\0\0\0\0\7rest", 5)
    assert read_key(b"\1" + guid + b"rest", [])[::2] == (b"\1" + guid, 17)
    header = [("other", b"x"), ("__value_schema_id", b"\1" + guid + b"\0")]
    assert read_key(b"\0\0\0\0\7rest", header) == (b"\1" + guid, b"\1" + guid + b"\0", 0)
    for value, headers in [
        (b"", None),
        (b"\0\0", None),
        (b"{}", None),
        (b"\1" + guid[:-1], None),
        (b"x", [("__value_schema_id", b"\5")]),
    ]:
        with pytest.raises(RequestError, match="must begin with the number of its schema"):
            read_key(value, headers)
