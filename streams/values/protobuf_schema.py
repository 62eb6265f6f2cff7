"""Protobuf schemas: compiled descriptor sets, ``.proto`` files, and what a registry holds.

Source: https://protobuf.dev/programming-guides/techniques/#self-description (descriptor sets). Types that Google
publishes (``google/protobuf``, ``google/type``) need not be in a set.
"""

import base64
import binascii
import importlib
import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError

from headrace.core.base.errors import InputError, quote
from headrace.streams.schema_registry import RegisteredSchema, SchemaRegistry
from headrace.streams.values.schema_lookup import find_references

_PUBLISHED = re.compile(r"(google/(?:protobuf|type)/[a-z_]+)\.proto")
_COMMAND = "protoc --include_imports --descriptor_set_out=events.desc events.proto"
_COMPILE_SECONDS = 60
_EVENT = "headrace-event.proto"


def read_descriptor_set(content: bytes) -> FileDescriptorSet:
    """Return a compiled descriptor set.

    Args:
        content: Its bytes.

    Raises:
        InputError: If it is no descriptor set.
    """
    try:
        found = FileDescriptorSet.FromString(content)
    except DecodeError:
        found = FileDescriptorSet()
    if not any(file.message_type for file in found.file):
        raise InputError(f"it must be a compiled descriptor set with a message, as this makes one: {_COMMAND}.")
    return found


def compile_proto(name: str, sources: Mapping[str, str], *, folder: Path | None = None) -> FileDescriptorSet:
    """Compile a ``.proto`` file.

    Args:
        name: Path of the file, as others would import it.
        sources: Texts of files by path, this one among them, unless it is in ``folder``.
        folder: Where files lie that it imports; None for none but the sources.

    Raises:
        InputError: If it cannot be compiled, or the compiler is not installed.
    """
    if importlib.util.find_spec("grpc_tools") is None:
        raise InputError(
            "a .proto file needs the package grpcio-tools, which is not installed: pip install grpcio-tools, or give "
            f"a compiled descriptor set: {_COMMAND}."
        )
    with tempfile.TemporaryDirectory(prefix="headrace-proto-") as scratch:
        root, made = Path(scratch) / "in", Path(scratch) / "made.desc"
        try:
            _write_sources(root, sources)
            command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{root}", *([f"-I{folder}"] if folder else [])]
            ended = subprocess.run(
                [*command, "--include_imports", f"--descriptor_set_out={made}", name],
                capture_output=True, text=True, errors="replace", timeout=_COMPILE_SECONDS, check=False, cwd=scratch,
            )  # fmt: skip
        except InputError:
            raise
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise InputError(f"a .proto file must be one that protoc compiles; {type(error).__name__}.") from error
        if ended.returncode:
            messages = ended.stderr.replace(f"{root}/", "").replace(f"{folder}/", "").splitlines()
            lines = [line for line in messages if ".proto:" in line and "parser.cc" not in line]
            raise InputError(f"a .proto file must be one that protoc compiles; it says {quote('; '.join(lines), 300)}.")
        return FileDescriptorSet.FromString(made.read_bytes())


def _write_sources(root: Path, sources: Mapping[str, str]) -> None:
    root.mkdir()
    for path, text in sources.items():
        target = (root / path).resolve()
        if not target.is_relative_to(root.resolve()):
            raise InputError(f"the path of a .proto file must be relative, without '..'; got {quote(path)} instead.")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def link_files(files: FileDescriptorSet) -> FileDescriptor:
    """Return the last file of a descriptor set, to which the others belong.

    Raises:
        InputError: If the set lacks what a file imports.
    """
    pool = DescriptorPool()
    present: set[str] = set()
    given = {file.name for file in files.file}

    def add(file: FileDescriptorProto) -> None:
        present.add(file.name)
        for path in file.dependency:
            published = None if path in given or path in present else _find_published(path)
            if published:
                add(published)
        pool.Add(file)

    try:
        for file in files.file:
            add(file)
        return pool.FindFileByName(files.file[-1].name)
    except (TypeError, KeyError) as error:
        raise InputError(
            f"a descriptor set must hold all that its files import, in order, as this makes one: {_COMMAND}; "
            f"{quote(str(error), 200)}."
        ) from error


def find_message(file: FileDescriptor, name: str) -> Descriptor:
    """Return the message that events are.

    Args:
        file: The file that it is in, or that imports its file.
        name: Its full name; empty for the only one of the file.

    Raises:
        InputError: If there is no such message, or not only one.
    """
    messages = list(file.message_types_by_name.values())
    if not name and len(messages) == 1:
        return messages[0]
    try:
        return file.pool.FindMessageTypeByName(name)
    except KeyError as error:
        got = f"there is no {quote(name)}" if name else "it has several"
        names = [message.full_name for message in messages]
        raise InputError(f"--message must name a message of the schema, such as {quote(names, 300)}; {got}.") from error


def parse_registered(schema: RegisteredSchema, registry: SchemaRegistry) -> FileDescriptor:
    """Return a schema of a registry.

    Args:
        schema: The schema, as a descriptor or as the text of a ``.proto`` file.
        registry: Where the schemas are that it imports.

    Raises:
        InputError: If it cannot be used, or imports one that is not there.
        SchemasUnavailable: If the registry does not answer.
    """
    if schema.kind != "PROTOBUF":
        raise InputError(f"the schema of an event must be PROTOBUF; it is {schema.kind}.")
    others = find_references(schema, registry, serialized=True)
    descriptors = [(name, _read_descriptor(one.text)) for name, one in others]
    main = _read_descriptor(schema.text)
    if main is None or any(one is None for _, one in descriptors):
        texts = {name: one.text for name, one in others}
        return link_files(compile_proto(_EVENT, {**texts, _EVENT: schema.text}))
    files = FileDescriptorSet()
    for name, descriptor in [*descriptors, (_EVENT, main)]:
        assert descriptor is not None  # noqa: S101 - for the type checker
        descriptor.name = name
        files.file.append(descriptor)
    return link_files(files)


def find_indexed(file: FileDescriptor, indexes: Sequence[int]) -> Descriptor:
    """Return the message of a file that stands at a place, as a value's first bytes name it.

    Args:
        file: The file.
        indexes: Index of a message among those of the file, of one nested in it, and so on.

    Raises:
        InputError: If there is none.
    """
    messages, found = list(file.message_types_by_name.values()), None
    for index in indexes:
        if not 0 <= index < len(messages):
            break
        found = messages[index]
        messages = list(found.nested_types)
    else:
        if found is not None:
            return found
    raise InputError(f"its message must be one of the schema; there is none at {list(indexes)[:8]}.")


def _read_descriptor(text: str) -> FileDescriptorProto | None:
    """Return a descriptor in Base64; None for the text of a ``.proto`` file, which has characters that Base64 lacks."""
    try:
        return FileDescriptorProto.FromString(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, DecodeError):
        return None


def _find_published(path: str) -> FileDescriptorProto | None:
    """Return a file that Google publishes, by the path that others import; None for others and those not installed."""
    found = _PUBLISHED.fullmatch(path)
    if found is None:
        return None
    try:
        module = importlib.import_module(f"{found[1].replace('/', '.')}_pb2")
    except ModuleNotFoundError:
        return None
    return FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
