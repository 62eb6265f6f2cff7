"""Events in Avro."""

import io
import json
import math
import subprocess
import sys
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import InputError, RequestError
from headrace.streams.event_scorer import EventScorer, Refusal
from headrace.streams.schema_registry import SchemaRegistry, SchemasUnavailable
from headrace.streams.values.avro_schema import parse_avro
from headrace.streams.values.avro_values import AvroValues
from headrace.streams.values.json_values import JsonValues
from headrace.streams.values.value_codec import MixedValues
from tests.streams.made_streams import batch_of, models
from tests.streams.registry_server import RegistryServer, registry_server
from tests.streams.values.made_avro import CUSTOMER, DATE, MILLIS, record, text, write

_MOMENT = datetime(2024, 5, 1, 10, 15, tzinfo=UTC)


def _read(schema: Any, value: bytes) -> Any:
    """What one bare value is read as."""
    (row,) = AvroValues(parse_avro(text(schema))).decode([value])
    return row


def _read_field(kind: Any, value: Any) -> Any:
    """What a field is read as."""
    schema = record(x=kind)
    row = _read(schema, write(schema, {"x": value}))
    if isinstance(row, RequestError):
        raise row
    return row["x"]


def _long(kind: str, base: str = "long") -> dict[str, Any]:
    return {"type": base, "logicalType": kind}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("null", None, None),
        ("boolean", True, True),
        ("int", -7, -7),
        ("long", 2**63 - 1, 2**63 - 1),
        ("double", 0.1, 0.1),
        ("float", 0.5, 0.5),
        ("double", math.nan, None),
        ("float", math.nan, None),
        (["null", "double"], math.nan, None),
        ("double", math.inf, math.inf),
        ("string", "ü", "ü"),
        ("bytes", b"\xff", b"\xff"),
        (["null", "string", "long"], 5, 5),
        ({"type": "enum", "name": "E", "symbols": ["a", "b"]}, "b", "b"),
        (DATE, date(1969, 12, 31), "1969-12-31"),
        (MILLIS, _MOMENT, "2024-05-01 10:15:00"),
        (MILLIS, _MOMENT.replace(microsecond=7000), "2024-05-01 10:15:00.007"),
        (_long("timestamp-micros"), _MOMENT.replace(microsecond=7), "2024-05-01 10:15:00.000007"),
        (_long("local-timestamp-millis"), _MOMENT.replace(tzinfo=None), "2024-05-01 10:15:00"),
        (_long("local-timestamp-micros"), _MOMENT.replace(tzinfo=None), "2024-05-01 10:15:00"),
        (["null", MILLIS], _MOMENT, "2024-05-01 10:15:00"),
        (_long("time-millis", "int"), time(1, 2, 3), "01:02:03"),
        (_long("time-micros"), time(1, 2, 3, 4), "01:02:03.000004"),
        (_long("uuid", "string"), uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        ({**_long("decimal", "bytes"), "precision": 10, "scale": 2}, Decimal("-12.50"), -12.5),
        ({**_long("decimal", "bytes"), "precision": 30}, Decimal(10**20), 10**20),
        ({**_long("decimal", "fixed"), "name": "F", "size": 8, "precision": 9, "scale": 3}, Decimal("0.1"), 0.1),
        ({"type": "array", "items": "int"}, [1, 2], []),
        ({"type": "map", "values": "int"}, {"a": 1}, {}),
        (["null", record("Inner", y="int")], {"y": 1}, {}),
    ],
)  # fmt: skip
def test_a_field_is_what_json_would_hold(kind: Any, value: Any, expected: Any) -> None:
    """Times are texts, decimals numbers, NaN is missing; what JSON cannot say is left to the contract."""
    found = _read_field(kind, value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("unit", ["timestamp-nanos", "local-timestamp-nanos"])
def test_nanoseconds_are_times(unit: str) -> None:
    """Surprise: fastavro 1.13.1 reads both logical types as plain whole numbers (``LOGICAL_READERS`` lacks them)."""
    schema = record(x=_long(unit))
    value = write(record(x="long"), {"x": 1_700_000_000_000_000_001})
    assert _read(schema, value) == {"x": "2023-11-14 22:13:20.000000001"}
    assert fastavro.schemaless_reader(io.BytesIO(value), schema, None) == {"x": 1_700_000_000_000_000_001}


def test_what_others_read_with_fastavro_stays_as_it_is() -> None:
    """The stream's own readers have names of their own."""
    schema = fastavro.parse_schema(CUSTOMER)
    row = {"age": 30, "spend": None, "plan": "basic", "joined": _MOMENT}
    assert fastavro.schemaless_reader(io.BytesIO(write(schema, row)), schema, None) == row


@pytest.mark.parametrize(
    ("kind", "written", "raw"),
    [
        (MILLIS, "long", 2**62),
        (DATE, "int", 2**31 - 1),
        (_long("time-millis", "int"), "int", -1),
        ({**_long("decimal", "bytes"), "precision": 4, "scale": 2}, "bytes", b"\x7f" * 65),
        ({**_long("decimal", "bytes"), "precision": 4, "scale": 10**9}, "bytes", b"\x01"),
    ],
)
def test_values_outside_their_logical_type_are_refused(kind: Any, written: Any, raw: Any) -> None:
    """Such as a date of the year 5,000,000, or a decimal that takes seconds to compute."""
    value = write(record(x=written), {"x": raw})
    error = _read(record(x=kind), value)
    assert isinstance(error, RequestError)
    assert error.reason == "value"


_GOOD = {"age": 30, "spend": 2.5, "plan": "basic", "joined": _MOMENT}


@given(data=st.data())
def test_no_bytes_stop_the_stream(data: st.DataObject) -> None:
    """Cut, lengthened, or with other bytes in between: a row or a refusal with a sentence, and the others are read."""
    good = write(CUSTOMER, _GOOD)
    cut = data.draw(st.integers(0, len(good)))
    bad = good[:cut] + data.draw(st.binary(max_size=20)) + good[data.draw(st.integers(0, len(good))) :]
    before, found, after = AvroValues(parse_avro(text(CUSTOMER))).decode([good, bad, good])
    assert before == after == {**_GOOD, "joined": "2024-05-01 10:15:00"}
    assert isinstance(found, dict) or (found.reason == "value" and str(found).endswith("."))


def test_each_truncated_value_and_each_byte_too_many_is_refused() -> None:
    """Also where an earlier end would be a valid prefix."""
    good = write(CUSTOMER, _GOOD)
    for end in range(len(good)):
        error = _read(CUSTOMER, good[:end])
        assert isinstance(error, RequestError)
        assert "ends too early" in str(error) or "do not fit" in str(error)
    assert "1 bytes follow after its end" in str(_read(CUSTOMER, good + b"\0"))
    assert "schema registry wrote it" in str(_read(CUSTOMER, b"\0\0\0\0\1" + good))


_NESTED = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}


def test_a_deep_value_is_refused() -> None:
    """Surprise: fastavro 1.13.1 reads a type that names itself by recursion in C; some kilobytes end the process."""
    code = (
        "import io, fastavro, resource\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        f"schema = fastavro.parse_schema({_NESTED!r})\n"
        "fastavro.schemaless_reader(io.BytesIO(bytes([2]) * 1_000_000), schema, None)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode < 0
    assert "at most 64 levels" in str(_read(_NESTED, b"\2" * 1_000_000))
    assert _read(_NESTED, b"\2\2\0") == {"next": {}}
    assert _read(_NESTED, b"\0") == {"next": None}


@pytest.mark.parametrize("items", ["null", record("Empty"), {"type": "fixed", "name": "F", "size": 0}])
def test_an_array_that_takes_no_bytes_is_refused(items: Any) -> None:
    """Ten bytes that claim 2^62 items would fill the memory; blocks with their length in bytes are read, too."""
    schema = record(x={"type": "array", "items": items}, y="int")
    claim = write("long", 2**62)
    assert "must hold at most 1,096 values" in str(_read(schema, claim + b"\0\0"))
    many = _read(record(x={"type": "array", "items": "int"}), write("long", 300_000) + b"\2" * 300_000 + b"\0")
    assert "at most 200,000 values" in str(many)
    block = write("long", -2) + write("long", 2) + b"\2\4" + b"\0\6"
    assert _read(record(x={"type": "array", "items": "int"}, y="int"), block) == {"x": [], "y": 3}


_TREE = {
    "type": "record",
    "name": "Tree",
    "fields": [
        {"name": "marks", "type": {"type": "map", "values": ["null", "double", "string"]}},
        {"name": "code", "type": {"type": "fixed", "name": "Code", "size": 2}},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["leaf", "branch"]}},
        {"name": "flags", "type": {"type": "array", "items": {"type": "array", "items": "boolean"}}},
        {"name": "children", "type": {"type": "array", "items": "Tree"}},
    ],
}
_MARKS = st.none() | st.floats(allow_nan=False) | st.text(max_size=3)
_LEAVES = {
    "marks": st.dictionaries(st.text(max_size=3), _MARKS, max_size=3),
    "code": st.binary(min_size=2, max_size=2),
    "kind": st.sampled_from(["leaf", "branch"]),
    "flags": st.lists(st.lists(st.booleans(), max_size=2), max_size=2),
}
_TREES = st.recursive(
    st.fixed_dictionaries({**_LEAVES, "children": st.just([])}),
    lambda below: st.fixed_dictionaries({**_LEAVES, "children": st.lists(below, max_size=2)}),
    max_leaves=5,
)


@given(tree=_TREES, data=st.data())
def test_bounds_agree_with_what_is_read(tree: Any, data: st.DataObject) -> None:
    """A value within bounds is read whole; no other bytes do harm."""
    value = write(_TREE, tree)
    assert _read(_TREE, value) == {**tree, "marks": {}, "flags": [], "children": []}
    cut = data.draw(st.integers(0, len(value)))
    bad = value[:cut] + data.draw(st.binary(max_size=8)) + value[data.draw(st.integers(cut, len(value))) :]
    found = _read(_TREE, bad)
    assert isinstance(found, dict | RequestError)


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        ("nonsense", "in JSON"),
        ("7", "one of Avro"),
        ('"string"', "must be a record"),
        ('{"type": "array", "items": "int"}', "must be a record"),
        ('["null", "int"]', "must be a record"),
        (text(record(x="Unknown")), "one of Avro"),
        ("[" * 300 + "]" * 300, "at most 64 levels"),
        (text(record(**{f"x{number}": "int" for number in range(10_001)})), "at most 10,000 fields"),
    ],
)
def test_what_is_no_schema_of_events_is_refused(schema: str, sentence: str) -> None:
    """In one sentence."""
    with pytest.raises(InputError, match=sentence):
        parse_avro(schema)


def test_a_schema_that_doubles_at_each_level_is_refused() -> None:
    """Some kilobytes of schema stand for a billion fields, all of them empty."""
    schema: Any = record("R0", x="null")
    for level in range(1, 30):
        schema = record(f"R{level}", a=schema, b=f"R{level - 1}")
    with pytest.raises(InputError, match="at most 10,000 fields"):
        parse_avro(text(schema))


# Of each column, Avro types with a value in Avro and the same in JSON.
_INTEGERS = st.integers(-(2**31), 2**31 - 1)
_DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
_TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001 - as JSON has it
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
_INSTANTS = _TIMES.map(lambda moment: moment.replace(tzinfo=UTC))
_TEXTS = st.sampled_from(["basic", "plus", "premium", "", "NA", " plus ", "44", "2024-05-01", "yes"]) | st.text(
    max_size=6
)


def _alike(
    kinds: list[Any], values: st.SearchStrategy[Any], to_json: Any = lambda value: value
) -> st.SearchStrategy[Any]:
    return st.tuples(st.sampled_from(kinds), values).map(lambda pair: (*pair, to_json(pair[1])))


def _iso(moment: datetime) -> str:
    plain = moment.replace(tzinfo=None)
    return plain.isoformat(sep=" ", timespec="milliseconds") if plain.microsecond else plain.isoformat(sep=" ")


_FIELDS = st.one_of(
    _alike(["int", "long", ["null", "int"]], st.sampled_from([30, 44, 0, -1, 162]) | _INTEGERS),
    _alike(["long"], st.integers(-(2**63), 2**63 - 1)),
    _alike(["double", ["null", "double"], ["double", "string"]], st.sampled_from([2.5, 30.0, -0.0, 1e300]) | _DOUBLES),
    _alike(["string", ["null", "string"], ["string", "int"]], _TEXTS),
    _alike(["boolean"], st.booleans()),
    _alike([["null", "int"], ["string", "null"], "null"], st.none()),
    _alike([{"type": "enum", "name": "Plan", "symbols": ["basic", "gold"]}], st.sampled_from(["basic", "gold"])),
    _alike([MILLIS, ["null", MILLIS]], _INSTANTS, _iso),
    _alike([_long("local-timestamp-millis")], _TIMES, _iso),
    _alike([DATE], st.dates(date(1900, 1, 1), date(2100, 1, 1)), str),
    _alike([{"type": "array", "items": "int"}], st.lists(_INTEGERS, max_size=2)),
    _alike([{"type": "map", "values": "string"}], st.dictionaries(_TEXTS, _TEXTS, max_size=2)),
    _alike([record("Inner", y="double")], st.fixed_dictionaries({"y": _DOUBLES})),
)  # fmt: skip
_USUAL = {
    "age": _alike(["int", ["null", "long"]], st.integers(0, 100)),
    "spend": _alike([["null", "double"]], st.floats(0, 460) | st.none()),
    "plan": _alike(["string"], st.sampled_from(["basic", "plus", "premium"])),
    "joined": _alike([MILLIS], _INSTANTS, _iso),
}  # fmt: skip
_ROWS = st.fixed_dictionaries(
    {name: st.one_of(usual, usual, _FIELDS) for name, usual in _USUAL.items()}, optional={"extra": _FIELDS}
).flatmap(lambda row: st.permutations(list(row.items())).map(dict) if len(row) > 4 else st.just(row))


def _named(kind: Any, field: str) -> Any:
    """A type under a name of its own, since a schema defines each name once."""
    return {**kind, "name": f"{kind['name']}_{field}"} if isinstance(kind, dict) and "name" in kind else kind


@given(row=_ROWS, dropped=st.none() | st.sampled_from(sorted(_USUAL)))
def test_a_row_is_judged_as_the_same_row_in_json(row: dict[str, Any], dropped: str | None) -> None:
    """The same answer to the last digit, or a refusal for the same reason in the same words."""
    kept = {name: field for name, field in row.items() if name != dropped}
    schema = record(**{name: _named(kind, name) for name, (kind, _, __) in kept.items()})
    in_avro = write(schema, {name: value for name, (_, value, __) in kept.items()})
    in_json = json.dumps({name: value for name, (_, __, value) in kept.items()}).encode()
    reader = MixedValues(AvroValues(parse_avro(text(schema))), JsonValues())
    (ours,) = EventScorer(reader).score(batch_of([in_avro]), models()).outcomes
    (theirs,) = EventScorer(JsonValues()).score(batch_of([in_json]), models()).outcomes
    assert ours == theirs
    assert isinstance(ours, bytes | Refusal)


def test_missing_and_infinite_numbers_are_judged_as_elsewhere() -> None:
    """NaN is a missing value, of which this contract only warns; infinity is refused; in a batch, too."""
    schema = record(age="double", spend="double", plan="string", joined=MILLIS)
    rows = [dict(_GOOD), {**_GOOD, "spend": math.nan}, {**_GOOD, "age": math.nan}, {**_GOOD, "spend": math.inf}] * 5
    codec = MixedValues(AvroValues(parse_avro(text(schema))), JsonValues())
    scored = EventScorer(codec).score(batch_of([write(schema, row) for row in rows]), models())
    outcomes = scored.outcomes
    assert sum(count for sentence, count in scored.warnings.items() if "age" in sentence) == 5
    assert [one.reason if isinstance(one, Refusal) else "" for one in outcomes] == ["", "", "", "kind"] * 5


# With a registry


@pytest.fixture
def server() -> Any:
    """A registry."""
    with registry_server() as running:
        yield running


def _framed(number: int, value: bytes) -> bytes:
    return b"\0" + number.to_bytes(4, "big") + value


def test_several_schemas_in_one_batch(server: RegistryServer) -> None:
    """Each event is read by the schema that it was written with; what the registry does not have is a refusal."""
    first, second = record(x="int"), record(x="double", y=["null", "string"])
    one, two = server.add(text(first)), server.add(text(second))
    other = server.add("syntax = 'proto3';", kind="PROTOBUF")
    broken = server.add("{}")
    reader = AvroValues(None, SchemaRegistry(server.url))
    header = [("__value_schema_id", b"\1" + server.guid(two).bytes)]
    bare = write(second, {"x": 2.5, "y": "b"})
    values = [
        _framed(one, write(first, {"x": 7})),
        _framed(two, bare),
        bare,
        _framed(99, bare),
        _framed(other, b""),
        _framed(broken, b""),
        b"{}",
    ]
    rows = reader.decode(values, [None, [], header, None, None, None, None])
    assert rows[:3] == [{"x": 7}, {"x": 2.5, "y": "b"}, {"x": 2.5, "y": "b"}]
    sentences = [str(row) for row in rows[3:]]
    assert "it has none 99" in sentences[0]
    assert "must be AVRO; it is PROTOBUF" in sentences[1]
    assert "cannot be used" in sentences[2]
    assert "must begin with the number" in sentences[3]
    assert all(row.reason == "value" for row in rows[3:])


def test_a_schema_for_reading_hides_how_producers_changed(server: RegistryServer) -> None:
    """New fields are left out, absent ones have their default, and an incompatible writer concerns its events alone."""
    wanted = parse_avro(text(record(x="double", y=["null", "string"])))
    old, new, wrong = record(x="int"), record(x="long", y="string", z="bytes"), record(x="string")
    numbers = [server.add(text(schema)) for schema in (old, new, wrong)]
    rows = AvroValues(wanted, SchemaRegistry(server.url)).decode(
        [
            _framed(numbers[0], write(old, {"x": 1})),
            _framed(numbers[1], write(new, {"x": 2, "y": "b", "z": b"."})),
            _framed(numbers[2], write(wrong, {"x": "c"})),
        ]
    )
    assert rows[:2] == [{"x": 1.0, "y": None}, {"x": 2.0, "y": "b"}]
    assert "do not fit (SchemaResolutionError)" in str(rows[2])


def test_schemas_of_several_subjects(server: RegistryServer) -> None:
    """A type that another subject defines."""
    server.add(text({"type": "enum", "name": "shop.Plan", "symbols": ["basic"]}), subject="plan")
    reference = {"name": "shop.Plan", "subject": "plan", "version": 1}
    schema = {"type": "record", "name": "E", "fields": [{"name": "plan", "type": "shop.Plan"}]}
    number = server.add(text(schema), references=[reference])
    assert AvroValues(None, SchemaRegistry(server.url)).decode([_framed(number, b"\0")]) == [{"plan": "basic"}]


def test_a_registry_that_is_gone_decides_nothing(server: RegistryServer) -> None:
    """Events of schemas that are known are read; those of others make the batch wait."""
    schema = record(x="int")
    known, unknown = server.add(text(schema)), server.add(text(record(y="int")))
    reader = AvroValues(None, SchemaRegistry(server.url))
    assert reader.decode([_framed(known, b"\2")]) == [{"x": 1}]
    server.stop()
    assert reader.decode([_framed(known, b"\4")]) == [{"x": 2}]
    with pytest.raises(SchemasUnavailable):
        reader.decode([_framed(known, b"\2"), _framed(unknown, b"\2")])
    server.start()
    assert reader.decode([_framed(unknown, b"\2")]) == [{"y": 1}]
