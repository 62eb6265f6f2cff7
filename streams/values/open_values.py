"""The codec that belongs to the options of a stream."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.core.base import settings
from headrace.core.base.errors import InputError, MissingError, StoreError, quote
from headrace.core.base.files import write_text
from headrace.streams.schema_registry import RegisteredSchema, SchemaRegistry, SchemasUnavailable
from headrace.streams.values.json_values import JsonValues
from headrace.streams.values.value_codec import AnswerWriter, MixedValues, ValueCodec, ValueReader

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from headrace.streams.values.avro_schema import AvroSchema

FORMS = ("json", "avro", "protobuf")
ANSWER_FORMS = ("json", "avro")
_PAUSE_SECONDS = 0.5
_MOST_FILE_BYTES = 16 << 20


@dataclass(frozen=True)
class ValueOptions:
    """How the values of a stream are written; the names are those of the command's options.

    Attributes:
        values: Form of the events: ``json``, ``avro`` or ``protobuf``.
        schema: File of their schema, or its number in the registry; empty for none.
        message: Full name of the Protobuf message; empty for the schema's only one.
        schema_registry: Address of a schema registry; empty for none.
        answer_values: Form of the answers: ``json`` or ``avro``.
        answer_schema: File that the Avro schema of the answers is written to; empty for none.
    """

    values: str = "json"
    schema: str = ""
    message: str = ""
    schema_registry: str = ""
    answer_values: str = "json"
    answer_schema: str = ""

    def __post_init__(self) -> None:
        """Raise if options do not fit together.

        Raises:
            InputError: If they do not.
        """
        if self.values not in FORMS:
            raise InputError(f"--values must be one of {', '.join(FORMS)}; got {quote(self.values)} instead.")
        if self.answer_values not in ANSWER_FORMS:
            raise InputError(
                f"--answer-values must be one of {', '.join(ANSWER_FORMS)}; got {quote(self.answer_values)} instead."
            )
        if self.values == "json" and self.schema:
            raise InputError("--schema must come with --values avro or protobuf: the contract checks events in JSON.")
        if self.values != "json" and not (self.schema or self.schema_registry):
            raise InputError(f"--values {self.values} must come with --schema FILE, or with --schema-registry URL.")
        if self.message and not (self.values == "protobuf" and self.schema):
            raise InputError("--message must come with --values protobuf and --schema, of which it names a message.")
        if self.schema.isdecimal() and not self.schema_registry:
            raise InputError(f"--schema {self.schema}, a number, must come with --schema-registry URL.")
        if self.schema_registry and self.values == "json" and self.answer_values == "json":
            raise InputError("--schema-registry must come with --values or --answer-values in another form than JSON.")
        if self.answer_schema and self.answer_values != "avro":
            raise InputError("--answer-schema must come with --answer-values avro.")


def open_values(
    options: ValueOptions,
    *,
    answers: str,
    has_classes: bool,
    connect_seconds: float = 30.0,
    ended: Callable[[], bool] = lambda: False,
) -> ValueCodec:
    """Return what reads the events of a stream and writes its answers.

    Args:
        options: How values are written.
        answers: Name of the topic of the answers.
        has_classes: Whether the model is a classifier.
        connect_seconds: How long to wait for a schema registry at the start.
        ended: Returns whether to give up waiting.

    Raises:
        InputError: If a schema cannot be used, or a package is not installed.
        MissingError: If there is no such file.
        StoreError: If no schema registry answers, or it refuses the login or the schema of the answers.
    """
    registry = None
    if options.schema_registry:
        registry = SchemaRegistry(options.schema_registry, settings.schema_registry_settings())
        _wait_for(registry, connect_seconds, ended)
    json_values = JsonValues()
    reader: ValueReader = json_values
    if options.values == "avro":
        reader = _open_avro(options, registry)
    elif options.values == "protobuf":
        reader = _open_protobuf(options, registry)
    writer: AnswerWriter = json_values
    if options.answer_values == "avro":
        writer = _open_answers(options, registry, answers, has_classes)
    return MixedValues(reader, writer)


def _wait_for(registry: SchemaRegistry, seconds: float, ended: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            registry.check()
        except SchemasUnavailable:
            if time.monotonic() >= deadline or ended():
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _open_avro(options: ValueOptions, registry: SchemaRegistry | None) -> ValueReader:
    _require_fastavro()
    from headrace.streams.values.avro_schema import parse_avro  # noqa: PLC0415 - an extra, which JSON does not need
    from headrace.streams.values.avro_values import AvroValues, parse_registered  # noqa: PLC0415 - as above

    schema: AvroSchema | None = None
    if options.schema:
        found = _find_registered(options.schema, registry)
        try:
            known = parse_registered(found, registry) if found and registry else None
            schema = known or parse_avro(_read_file(options.schema))
        except InputError as error:
            raise InputError(f"--schema {options.schema}: {error}") from error
    return AvroValues(schema, registry)


def _open_protobuf(options: ValueOptions, registry: SchemaRegistry | None) -> ValueReader:
    from headrace.streams.values import protobuf_schema  # noqa: PLC0415 - which JSON does not need
    from headrace.streams.values.protobuf_values import ProtobufValues  # noqa: PLC0415 - as above

    message: Descriptor | None = None
    if options.schema:
        found = _find_registered(options.schema, registry, serialized=True)
        try:
            if found and registry:
                file = protobuf_schema.parse_registered(found, registry)
            elif options.schema.endswith(".proto"):
                path = Path(options.schema).absolute()
                _read_file(options.schema)
                file = protobuf_schema.link_files(protobuf_schema.compile_proto(path.name, {}, folder=path.parent))
            else:
                content = _read_file(options.schema)
                file = protobuf_schema.link_files(protobuf_schema.read_descriptor_set(content))
            message = protobuf_schema.find_message(file, options.message)
        except InputError as error:
            raise InputError(f"--schema {options.schema}: {error}") from error
    return ProtobufValues(message, registry)


def _open_answers(
    options: ValueOptions, registry: SchemaRegistry | None, topic: str, has_classes: bool
) -> AnswerWriter:
    from headrace.streams.values.avro_answers import AvroAnswers, answer_schema  # noqa: PLC0415 - as above

    writer = AvroAnswers(registry, subject=f"{topic}-value")
    if options.answer_schema:
        write_text(Path(options.answer_schema), f"{answer_schema(has_classes=has_classes)}\n")
    writer.register(has_classes=has_classes)
    return writer


def _find_registered(
    schema: str, registry: SchemaRegistry | None, *, serialized: bool = False
) -> RegisteredSchema | None:
    """Return the schema of a number in the registry; None for a file."""
    if registry is None or not schema.isdecimal():
        return None
    found = registry.find(int(schema), serialized=serialized)
    if found is None:
        raise MissingError(f"--schema {schema} must be in the schema registry at {registry.url}, which has none.")
    return found


def _read_file(path: str) -> bytes:
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(_MOST_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise MissingError(f"--schema must be a file; there is no {path}.") from error
    except OSError as error:
        raise StoreError(f"--schema must be a file that can be read; {path}: {error.strerror}.") from error
    if len(content) > _MOST_FILE_BYTES:
        raise InputError(f"--schema must be a file of at most {_MOST_FILE_BYTES} bytes; {path} has more.")
    return content


def _require_fastavro() -> None:
    try:
        import fastavro  # noqa: F401, PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise InputError(
            "events in Avro need the package fastavro, which is not installed: pip install 'headrace[avro]'."
        ) from error
