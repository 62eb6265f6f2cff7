"""Events in Protobuf, of a schema that is compiled here."""

import functools
from typing import Any

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message_factory import GetMessageClass

from headrace.streams.values.protobuf_schema import compile_proto, link_files

PROTO = """
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Plan { basic = 0; plus = 1; premium = 2; }
message Other { int32 z = 1; message Inner { message Event { double y = 1; } } }
message Event {
  int64 age = 1;
  optional double spend = 2;
  Plan plan = 3;
  google.protobuf.Timestamp joined = 4;
}
message Wide {
  optional int32 set = 1;
  uint64 large = 2;
  sint64 signed = 3;
  float single = 4;
  bool flag = 5;
  string text = 6;
  bytes raw = 7;
  google.protobuf.DoubleValue wrapped = 8;
  google.protobuf.StringValue wrapped_text = 9;
  oneof choice { int32 left = 10; string right = 11; }
  repeated string tags = 12;
  map<string, int32> counts = 13;
  Wide child = 14;
  Plan plan = 15;
  google.protobuf.Timestamp moment = 16;
  double double = 17;
}
"""


@functools.cache
def compiled(text: str = PROTO) -> FileDescriptorSet:
    """The descriptor set of a ``.proto`` file."""
    return compile_proto("events.proto", {"events.proto": text})


@functools.cache
def described(text: str = PROTO) -> FileDescriptor:
    """The descriptor of a ``.proto`` file, in a pool of its own."""
    return link_files(compiled(text))


def message(name: str, proto: str = PROTO, /, **fields: Any) -> Any:
    """A message with fields."""
    found = described(proto)
    for part in name.split("."):
        found = (
            found.message_types_by_name[part] if isinstance(found, FileDescriptor) else found.nested_types_by_name[part]
        )
    return GetMessageClass(found)(**fields)
