"""The signature of a model of MLflow: its inputs as columns of a data contract.

Source: https://mlflow.org/docs/latest/ml/model/signatures and ``mlflow/types/schema.py``.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.core.contracts.vocabulary import Dtype
from headrace.model_import.model_folder import ModelFolder

_DTYPES: dict[str, Dtype] = {
    "double": "number",
    "float": "number",
    "integer": "integer",
    "long": "integer",
    "string": "string",
    "boolean": "boolean",
}
_TENSOR_DTYPES: dict[str, Dtype] = {
    "float64": "number",
    "float32": "number",
    "int64": "integer",
    "int32": "integer",
    "bool": "boolean",
    "str": "string",
    "object": "string",
}
_MOST_COLUMNS = 20_000


@dataclass(frozen=True)
class InputColumn:
    """One input of a model.

    Attributes:
        name: Name of the column.
        dtype: The contract's dtype.
        kind: MLflow's type.
        required: Whether each row must hold it.
    """

    name: str
    dtype: Dtype
    kind: str
    required: bool

    @property
    def is_single(self) -> bool:
        """Whether the model takes it as float32, to which MLflow rounds it."""
        return self.kind in {"float", "float32"}


@dataclass(frozen=True)
class Signature:
    """The inputs of a model.

    Attributes:
        columns: The inputs, in order.
        named: Whether the signature names them; those of one tensor (n, p) have made-up names, ``x0`` to ``x{p-1}``.
        defaults: Values of the parameters of inference, which stay as they are.
    """

    columns: tuple[InputColumn, ...]
    named: bool
    defaults: Mapping[str, Any]


def read_signature(model: ModelFolder, *, names: Sequence[str] = ()) -> Signature:
    """Read the signature of a model.

    Args:
        model: The model's folder.
        names: Names of the columns of one tensor (n, p); empty for those of the model, or ``x0`` to ``x{p-1}``.

    Raises:
        InputError: If there is none, or an input has no place in a data contract; the sentence names it.
    """
    stored = model.description.get("signature")
    if not isinstance(stored, dict) or not stored.get("inputs"):
        raise InputError(
            f"{model.path} must have a signature with inputs, which becomes the data contract; it has none: log the "
            "model again with signature=infer_signature(...)."
        )
    inputs = _list(stored["inputs"], model)
    if len(inputs) > _MOST_COLUMNS:
        raise InputError(
            f"the signature of {model.path} must have at most {_MOST_COLUMNS} inputs; it has {len(inputs)}."
        )
    columns, named = list(_columns(inputs)), True
    if len(columns) == 1 and isinstance(columns[0], _Matrix):
        matrix = columns[0]
        if names and len(names) != matrix.width:
            raise InputError(f"the model takes {matrix.width} columns; got {len(names)} names: {quote(list(names))}.")
        given = list(names) or [f"x{place}" for place in range(matrix.width)]
        named = bool(names)
        columns = [InputColumn(name, matrix.dtype, matrix.kind, required=True) for name in given]
    plain = tuple(one for one in columns if isinstance(one, InputColumn))
    repeated = (
        {one.name for one in plain if sum(other.name == one.name for other in plain) > 1} if len(plain) < 500 else set()
    )
    if repeated:
        raise InputError(f"the inputs of a model must have different names; {quote(sorted(repeated))} is there twice.")
    return Signature(plain, named, _defaults(stored, model))


@dataclass(frozen=True)
class _Matrix:
    width: int
    dtype: Dtype
    kind: str


def _list(text: Any, model: ModelFolder) -> list[dict[str, Any]]:
    try:
        inputs = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError) as error:
        raise InputError(f"the signature in {model.path / 'MLmodel'} must be JSON; {error}.") from error
    if not isinstance(inputs, list) or not inputs or not all(isinstance(one, dict) for one in inputs):
        raise InputError(f"the signature in {model.path / 'MLmodel'} must list its inputs; it holds {quote(inputs)}.")
    return inputs


def _columns(inputs: Sequence[Mapping[str, Any]]) -> Iterator[InputColumn | _Matrix]:
    for place, one in enumerate(inputs):
        name, kind = str(one.get("name") or ""), str(one.get("type", ""))
        shown = f"the input {quote(name)}" if name else f"input {place}"
        if kind == "tensor":
            yield _tensor(one, shown, name, alone=len(inputs) == 1)
            continue
        if kind not in _DTYPES:
            raise InputError(
                f"{shown} must be {', '.join(_DTYPES)} to become a column of a contract; it is {_say(kind)}."
            )
        if not name:
            raise InputError(
                f"{shown} must have a name to become a column of a contract; log the model from a data frame."
            )
        yield InputColumn(
            name, _DTYPES[kind], kind, required=one.get("required", not one.get("optional", False)) is True
        )


def _say(kind: str) -> str:
    words = {
        "datetime": "a datetime, which no imported model takes: compute its numbers before, and log the model again",
        "binary": "binary",
        "object": "an object with properties",
        "array": "an array",
        "map": "a map",
        "any": "of any type (AnyType): log the model again with a signature of typed columns",
        "sparse-tensor": "a sparse tensor",
    }
    return words.get(kind.lower(), f"of the type {quote(kind)}")


def _tensor(one: Mapping[str, Any], shown: str, name: str, *, alone: bool) -> InputColumn | _Matrix:
    spec = one.get("tensor-spec")
    shape = spec.get("shape") if isinstance(spec, dict) else None
    kind = str(spec.get("dtype")) if isinstance(spec, dict) else ""
    if not isinstance(shape, list) or not all(type(size) is int for size in shape):
        raise InputError(f"{shown} must be a tensor with a shape; its signature is {quote(dict(one))}.")
    if kind not in _TENSOR_DTYPES:
        raise InputError(f"{shown} must hold numbers, booleans or texts; it is a tensor of {quote(kind)}.")
    if alone and len(shape) == 2 and shape[0] == -1 and 0 < shape[1] <= _MOST_COLUMNS and (shape[1] > 1 or not name):
        return _Matrix(shape[1], _TENSOR_DTYPES[kind], kind)
    if name and shape in ([-1], [-1, 1]):
        return InputColumn(name, _TENSOR_DTYPES[kind], kind, required=True)
    raise InputError(
        f"{shown} must be one tensor of rows and columns, or one column each, to become columns of a contract; it has "
        f"the shape {shape}."
    )


def _defaults(stored: Mapping[str, Any], model: ModelFolder) -> dict[str, Any]:
    """Return the defaults of the parameters of inference: a bundle has none, and answers as with these."""
    if not stored.get("params"):
        return {}
    return {str(one.get("name")): one.get("default") for one in _list(stored["params"], model)}
