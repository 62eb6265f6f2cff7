"""Reads the rows of logged requests and responses, and keeps of them what may be stored."""

import itertools
import math
import operator
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from headrace.core.base.errors import RequestError, quote
from headrace.core.contracts.contract import Contract
from headrace.core.monitors.data.window_rows import INPUT_PREFIX, LABEL, PROBABILITY_PREFIX, VALUE
from headrace.monitoring.collect.collected_event import CollectedEvent
from headrace.monitoring.collect.payload_event import PayloadEvent
from headrace.serving.model.limits import RequestLimits
from headrace.serving.protocols import binary_tensors, json_body, tensors
from headrace.serving.protocols.codecs import read_v1_request, read_v2_request
from headrace.serving.protocols.decompression import Decompressor

SCORE = "score"
"""Under this name an anomaly model answers its number, which is stored as any other predicted value."""

_GZIP = b"\x1f\x8b"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_TENSOR_KEYS = {"name", "shape", "datatype"}
Rows = Sequence[Sequence[Any]]


class ReadPayload(NamedTuple):
    """What was read of an event.

    Attributes:
        event: Its rows.
        removed: Number of values that were removed: personal ones, and those of columns outside the contract.
        left_out: Number of rows that the sender left out.
    """

    event: CollectedEvent
    removed: int
    left_out: int


class PayloadReader:
    """Reads the events of one model."""

    def __init__(self, contract: Contract, limits: RequestLimits | None = None) -> None:
        """Prepare the columns that are kept.

        Args:
            contract: The model's contract.
            limits: Limits of one event, of which ``body_bytes``, ``rows`` and ``nesting`` apply.
        """
        self.contract = contract
        self._limits = limits or RequestLimits()
        self._inputs = [column.name for column in contract.inputs]
        self._kept = tuple(column.name for column in contract.monitored_columns)
        self._request_names = tuple(INPUT_PREFIX + name for name in self._kept)
        self._classes = () if contract.answers_number else contract.target.categories or ()
        self._number = SCORE if contract.task == "anomaly" else VALUE
        self._class_set = frozenset(self._classes)
        chances = (PROBABILITY_PREFIX + name for name in self._classes)
        self._response_names = (LABEL, *chances) if self._classes else (VALUE,)

    def read(self, event: PayloadEvent, *, time: int) -> ReadPayload:
        """Return the kept rows of an event.

        Args:
            event: The event.
            time: Its time, in microseconds since 1970 in UTC.

        Raises:
            RequestError: If its body is not a request or response of this model.
        """
        body = self._inflate(event.body)
        if event.kind == "request":
            rows, removed = self._read_request(body, event)
            kept = CollectedEvent(self._request_names, event.request_id, False, time, event.model_digest, rows)
            return ReadPayload(kept, removed, event.left_out)
        document, rest = self._read_document(body, event.json_length)
        rows = self._read_answers(document, rest)
        digest = event.model_digest or _version(document)
        kept = CollectedEvent(self._response_names, event.request_id, True, time, digest, rows)
        return ReadPayload(kept, 0, event.left_out)

    def _inflate(self, body: bytes) -> bytes:
        """Return the body without compression, which the events of KServe's logger do not mention."""
        if body[:2] != _GZIP:
            return body
        decompressor = Decompressor("gzip", self._limits.body_bytes)
        inflated = b"".join(decompressor.pieces(body))
        decompressor.check_end()
        return inflated

    def _read_document(self, body: bytes, length: bytes | None) -> tuple[dict[str, Any], memoryview]:
        """Return the JSON part of a body, and the binary tensors after it."""
        if length is None:
            try:
                document = orjson.loads(body)
            except orjson.JSONDecodeError:
                length = b"%d" % binary_tensors.json_length(body)
            else:
                if type(document) is dict:
                    return document, _NOTHING
                raise RequestError(f"a body must be a JSON object; got {json_body.kind(document)} instead.", "json")
        head, rest = binary_tensors.split(body, length)
        return json_body.read(head, self._limits), rest

    def _read_request(self, body: bytes, event: PayloadEvent) -> tuple[Rows, int]:
        if _is_json(event.content_type):
            document, rest = self._read_document(body, event.json_length)
            if _is_v2(document):
                length = b"%d" % (len(body) - len(rest)) if len(rest) else None
                _, source = read_v2_request(body, length, self.contract, self._limits)
            else:
                rows = document.get("instances")
                if type(rows) is list and len(rows) <= self._limits.rows:
                    return self._keep_rows(rows)
                _, source = read_v1_request(body, (), self._limits)
        else:
            _, source = read_v1_request(body, ((b"content-type", event.content_type.encode()),), self._limits)
        return self._keep_columns(source) if isinstance(source, dict) else self._keep_rows(source)

    def _keep_rows(self, rows: Sequence[Any]) -> tuple[Rows, int]:
        names = self._kept
        if len(rows) == 1 and type(rows[0]) is dict:  # as most requests are
            values = tuple(map(rows[0].get, names))
            if None not in values:
                return (values,), len(rows[0]) - len(names)
        kinds = set(map(type, rows))
        if kinds <= _OBJECTS:
            kept = [tuple(map(row.get, names)) for row in rows]
            known = len(names) * len(rows)
            if any(map(operator.contains, kept, itertools.repeat(None))):
                known = sum(name in row for row in rows for name in names)
            return kept, sum(map(len, rows)) - known
        if kinds - {list}:
            raise RequestError("rows must be objects by column name, or arrays of values; got others.", "shape")
        width = len(self._inputs)
        if any(len(row) != width for row in rows):
            raise RequestError(f"each row must hold {width} values, in the order of the contract's inputs.", "shape")
        return self._keep_columns(dict(zip(self._inputs, zip(*rows, strict=True), strict=True)))

    def _keep_columns(self, columns: dict[str, Any]) -> tuple[Rows, int]:
        lengths = {len(values) for values in columns.values()}
        if len(lengths) > 1:
            raise RequestError(f"all columns must have one length; got {sorted(lengths)[:3]}.", "shape")
        count = lengths.pop() if lengths else 0
        kept = {name: _plain(columns[name]) for name in self._kept if name in columns}
        return _as_rows(kept, self._kept, count), (len(columns) - len(kept)) * count

    def _read_answers(self, document: dict[str, Any], rest: memoryview) -> Rows:
        if "specversion" in document and type(document.get("data")) is dict:
            document = document["data"]
        outputs = document.get("outputs")
        if type(outputs) is list:
            return self._read_outputs(outputs, rest)
        predictions = document.get("predictions")
        if type(predictions) is not list or len(predictions) > self._limits.rows:
            raise RequestError(
                f'a response must be {{"predictions": [...]}} of at most {self._limits.rows} rows, or '
                f'{{"outputs": [...]}}; got {quote(sorted(document))} instead.',
                "answer",
            )
        if set(map(type, predictions)) <= _OBJECTS:
            if self._classes:
                return [self._answer_row(one) for one in predictions]
            predictions = [one.get(self._number) for one in predictions]
        return _as_rows(self._scalars(predictions), self._response_names, len(predictions))

    def _read_outputs(self, outputs: list[Any], rest: memoryview) -> Rows:
        found = {one.name: one for one in binary_tensors.tensors(outputs, rest, of_json=tensors.of_json)}
        named = {LABEL, "probabilities", self._number} & found.keys()
        columns: dict[str, list[Any]] = {}
        if not named:
            if len(found) != 1:
                raise RequestError(
                    f"a response must have the output label, probabilities, value or score, or one alone; got "
                    f"{quote(sorted(found))}.",
                    "answer",
                )
            columns = self._scalars(_plain(next(iter(found.values())).values))
        if self._classes:
            if LABEL in found:
                columns[LABEL] = self._labels(_plain(found[LABEL].values))
            if "probabilities" in found:
                columns |= self._matrix(_plain(found["probabilities"].values), _class_order(outputs) or self._classes)
        elif self._number in found:
            columns[VALUE] = [_number(value) for value in _plain(found[self._number].values)]
        lengths = {len(values) for values in columns.values()}
        if len(lengths) != 1:
            raise RequestError("the outputs of a response must have one length, and one of them answer.", "answer")
        return _as_rows(columns, self._response_names, lengths.pop())

    def _scalars(self, values: Sequence[Any]) -> dict[str, list[Any]]:
        if self._classes:
            return {LABEL: self._labels(values)}
        return {VALUE: [_number(value) for value in values]}

    def _labels(self, values: Sequence[Any]) -> list[str]:
        """Return labels as the contract writes them."""
        labels = values
        if set(map(type, values)) - _TEXTS:
            labels = [value if type(value) is str else orjson.dumps(value).decode() for value in values]
        if not self._class_set.issuperset(labels):
            raise RequestError(
                f"a predicted class must be one of {quote(list(self._classes))}; a response holds another one.",
                "answer",
            )
        return list(labels)

    def _answer_row(self, answer: dict[str, Any]) -> tuple[Any, ...]:
        """Return the predicted class and the probability of each class, which may be absent."""
        label, chances = answer.get("label"), answer.get("probabilities")
        if type(label) is not str or label not in self._class_set:
            (label,) = self._labels([label])
        if chances is None:
            return (label, *(None for _ in self._classes))
        if type(chances) is not dict or not self._class_set.issuperset(chances):
            raise RequestError(f"probabilities must be by the classes {quote(list(self._classes))}.", "answer")
        return (label, *map(_number, map(chances.get, self._classes)))

    def _matrix(self, values: Sequence[Any], classes: Sequence[str]) -> dict[str, list[Any]]:
        if set(classes) != set(self._classes) or len(values) % len(classes):
            raise RequestError(
                f"the output probabilities must have a column for each of {quote(list(self._classes))}.", "answer"
            )
        width = len(classes)
        return {
            PROBABILITY_PREFIX + name: [_number(value) for value in values[index::width]]
            for index, name in enumerate(classes)
        }


_NOTHING = memoryview(b"")
_OBJECTS, _TEXTS = frozenset({dict}), frozenset({str})
_JSON = frozenset(
    {"", "application/json", "application/octet-stream", "application/x-www-form-urlencoded", "text/plain"}
)


def _is_json(content_type: str) -> bool:
    """Return whether a body is JSON, or binary tensors after JSON; KServe's logger may have no type at all."""
    return content_type in _JSON or content_type.partition(";")[0].strip().lower() in _JSON


def _as_rows(columns: Mapping[str, Sequence[Any]], names: Sequence[str], count: int) -> Rows:
    """Return columns of ``count`` values as rows with a value for each name; None where a column is absent."""
    missing = (None,) * count
    if not names:
        return [()] * count
    return list(zip(*(columns.get(name, missing) for name in names), strict=True))


def _is_v2(document: dict[str, Any]) -> bool:
    inputs = document.get("inputs")
    return type(inputs) is list and bool(inputs) and type(inputs[0]) is dict and inputs[0].keys() >= _TENSOR_KEYS


def _version(document: dict[str, Any]) -> str:
    """Return the digest that a response in V2 names as the model's version; empty if it names another one."""
    version = document.get("model_version")
    return version if type(version) is str and _DIGEST.fullmatch(version) else ""


def _class_order(outputs: list[Any]) -> tuple[str, ...]:
    """Return the order of the classes as the output ``probabilities`` says; empty if it does not."""
    for output in outputs:
        parameters = output.get("parameters")
        classes = parameters.get("classes") if output["name"] == "probabilities" and type(parameters) is dict else None
        if type(classes) is str:
            try:
                names = orjson.loads(classes)
            except orjson.JSONDecodeError:
                return ()
            if type(names) is list and names and all(type(name) is str for name in names):
                return tuple(names)
    return ()


def _plain(values: Any) -> list[Any]:
    """Return values as JSON holds them: NaN of an array is a missing value, an infinity a text."""
    if isinstance(values, list) and float not in set(map(type, values)):
        return values
    plain = values.tolist() if hasattr(values, "tolist") else list(values)
    if any(type(value) is float and not math.isfinite(value) for value in plain):
        return [_finite(value) for value in plain]
    return plain


def _finite(value: Any) -> Any:
    if type(value) is not float or math.isfinite(value):
        return value
    return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _number(value: Any) -> float | None:
    """Return a predicted number; None for a missing one.

    Raises:
        RequestError: If it is not a number.
    """
    if value is None or type(value) is float:
        return value
    if type(value) is not int:
        raise RequestError(f"a predicted number must be a number; got {json_body.kind(value)} instead.", "answer")
    return float(value)
