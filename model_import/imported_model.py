"""A model that was read from another tool's files: what a bundle of it needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.core.base.notes import Note
from headrace.model_import.signature import InputColumn


@dataclass(frozen=True)
class CategoryCodes:
    """The categories of one column.

    Attributes:
        categories: The values as text, by their code in the matrix.
        unseen: Whether another value is scored as unknown.
    """

    categories: tuple[str, ...]
    unseen: bool


@dataclass(frozen=True)
class ImportedModel:
    """A model over the model matrix.

    Attributes:
        estimator: Pipeline with the steps ``prepare`` and ``estimator``.
        columns: The columns of its matrix, in order.
        classes: The classes in the order of its probabilities; empty for a regression.
        family: What it is, for readers.
        flavor: The flavour of MLflow that was read.
        library: The library that fitted it, with its version; empty if it is not known.
        coded: Categories of the columns that the matrix holds as codes, by name.
        graph: Bytes of the graph of ONNX that answers; empty for a pipeline of scikit-learn.
        notes: What a person should know.
        code: Whether code of the model was run to read it: ``none`` or ``sandbox``.
    """

    estimator: Any
    columns: tuple[InputColumn, ...]
    classes: tuple[Any, ...]
    family: str
    flavor: str
    library: str
    coded: Mapping[str, CategoryCodes] = field(default_factory=dict)
    graph: bytes = field(default=b"", repr=False)
    notes: tuple[Note, ...] = ()
    code: str = "none"


@dataclass(frozen=True)
class ReadingOptions:
    """What a person says of how a model is read.

    Attributes:
        classes: Names of the classes; they make a classification of a graph that gives numbers alone.
        in_sandbox: Whether a pickle is loaded in a sandbox, where its code may run.
    """

    classes: tuple[str, ...] = ()
    in_sandbox: bool = False
