"""Events in Avro, written by fastavro."""

import io
import json
from typing import Any

import fastavro


def write(schema: Any, value: Any) -> bytes:
    """A value in Avro, bare."""
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), value)
    return stream.getvalue()


def record(name: str = "Event", **fields: Any) -> dict[str, Any]:
    """A record of fields; one that may be null is null where it is absent."""
    made = [
        {"name": field, "type": kind, **({"default": None} if isinstance(kind, list) and kind[0] == "null" else {})}
        for field, kind in fields.items()
    ]
    return {"type": "record", "name": name, "namespace": "shop", "fields": made}


def text(schema: Any) -> str:
    """A schema as it is written."""
    return json.dumps(schema)


DATE = {"type": "int", "logicalType": "date"}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
CUSTOMER = record(age="int", spend=["null", "double"], plan="string", joined=MILLIS)
