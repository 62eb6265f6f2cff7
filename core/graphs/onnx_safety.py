"""Safety check of an ONNX file, before ONNX Runtime sees it.

A bundle comes from a store and is not trusted. ONNX Runtime would open other files that a model names, run endless
loops, and any operator that it knows. The reviewed operators compute from their inputs, without state, chance, files or
graphs of their own; those that Headrace's own models need not are of imported ones.

Only the upper levels of the file's protocol buffer are walked, by hand: importing ``onnx`` for it would add a fifth of
a second and 14 MB to the start of a server.

Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto and https://protobuf.dev/programming-guides/encoding
"""

from collections.abc import Iterator

from headrace.core.base.errors import BundleError, quote

OPERATORS = frozenset(
    ("", name)
    for name in (
        *("Add", "Cast", "Concat", "Div", "Equal", "Gather", "Gemm", "Identity", "IsNaN", "Less", "MatMul", "Mul"),
        *("ReduceSum", "Relu", "Sigmoid", "Softmax", "Squeeze", "Sub", "Tanh", "Unsqueeze", "Where"),
        # Of deep networks.
        *("BatchNormalization", "Conv", "Elu", "Flatten", "GlobalAveragePool", "Reshape", "Softplus", "Transpose"),
        *("Clip", "GRU", "LSTM"),
    )
) | {("ai.onnx.ml", "TreeEnsemble")}
IMPORTED_OPERATORS = frozenset(
    ("", name)
    for name in (
        *("Abs", "And", "ArgMax", "ArgMin", "Ceil", "Erf", "Exp"),
        *("Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "LayerNormalization", "LeakyRelu"),
        *("LessOrEqual", "Log", "LogSoftmax", "Max", "Mean", "Min", "Neg", "Not", "Or", "Pow", "Reciprocal"),
        *("ReduceMax", "ReduceMean", "ReduceMin", "Round", "Selu", "Shape", "Sign", "Slice"),
        *("Split", "Sqrt", "Sum", "Xor"),
    )
) | frozenset(
    ("ai.onnx.ml", name)
    for name in (
        *("ArrayFeatureExtractor", "Binarizer", "FeatureVectorizer", "Imputer", "LabelEncoder", "LinearClassifier"),
        *("LinearRegressor", "Normalizer", "OneHotEncoder", "SVMClassifier", "SVMRegressor", "Scaler"),
        *("TreeEnsembleClassifier", "TreeEnsembleRegressor"),
    )
)
_REVIEWED = OPERATORS | IMPORTED_OPERATORS
_MOST_NODES = 2_000

# Field numbers by message; a field that is not listed is refused.
_IR, _PRODUCER, _GRAPH, _OPSET = 1, 2, 7, 8
_MODEL_FIELDS = {_IR, _PRODUCER, _GRAPH, _OPSET}
_NODE, _GRAPH_NAME, _INITIALIZER, _INPUT, _OUTPUT = 1, 2, 5, 11, 12
_GRAPH_FIELDS = {_NODE, _GRAPH_NAME, _INITIALIZER, _INPUT, _OUTPUT}
_NODE_INPUT, _NODE_OUTPUT, _KIND, _ATTRIBUTE, _DOMAIN = 1, 2, 4, 5, 7
_NODE_FIELDS = {_NODE_INPUT, _NODE_OUTPUT, _KIND, _ATTRIBUTE, _DOMAIN}
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def check(content: bytes, source: str) -> None:
    """Raise if a model holds anything but Headrace's own operators and arrays.

    Args:
        content: Bytes of the model.
        source: Name of the file in messages.

    Raises:
        BundleError: If it holds anything else; the sentence says what.
    """
    try:
        reason = _fault(content)
    except IndexError:
        reason = "it ends too early"
    except ValueError as error:
        reason = str(error)
    if reason:
        raise BundleError(f"{source} must be one that Headrace wrote; {reason}: package the model again.")


def _fault(content: bytes) -> str:
    """Return what is wrong with a model; empty if nothing is."""
    operators = list(nodes(content))
    unknown = sorted(set(operators) - _REVIEWED)
    if unknown:
        return f"it holds the operator {quote('.'.join(filter(None, unknown[0])))}"
    if not 0 < len(operators) <= _MOST_NODES:
        return f"it has {len(operators)} operators"
    # An array that is stored in another file names that file under this key.
    return "it names another file" if b"location" in content else ""


def nodes(content: bytes) -> Iterator[tuple[str, str]]:
    """Iterate over domain and type of each operator.

    Raises:
        ValueError: If a message holds a field that Headrace does not write, or is not a protocol buffer.
        IndexError: If the file ends too early.
    """
    for graph in _messages(content, _MODEL_FIELDS, _GRAPH):
        for node in _messages(graph, _GRAPH_FIELDS, _NODE):
            # Of a repeated field the last one counts, as protocol buffers define it.
            kind = [bytes(text).decode() for text in _messages(node, _NODE_FIELDS, _KIND)]
            domain = [bytes(text).decode() for text in _messages(node, _NODE_FIELDS, _DOMAIN)]
            yield domain[-1] if domain else "", kind[-1] if kind else ""


def _messages(content: bytes | memoryview, allowed: set[int], number: int) -> Iterator[memoryview]:
    """Iterate over the values of one field of a message."""
    data, place = memoryview(content), 0
    while place < len(data):
        tag, place = _varint(data, place)
        field, kind = tag >> 3, tag & 7
        if field not in allowed:
            raise ValueError(f"it holds the field {field}")
        length, place = _length(data, place, kind)
        if length > len(data) - place:
            raise IndexError
        if field == number:
            if kind != _BYTES:
                raise ValueError("it is not the protocol buffer of a model")
            yield data[place : place + length]
        place += length


def _length(data: memoryview, place: int, kind: int) -> tuple[int, int]:
    """Return the length of a value, and where it begins."""
    if kind == _BYTES:
        return _varint(data, place)
    if kind == _VARINT:
        return _varint(data, place)[1] - place, place
    if kind in {_FIXED64, _FIXED32}:
        return 8 if kind == _FIXED64 else 4, place
    raise ValueError("it is not a protocol buffer")


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("it is not a protocol buffer")
