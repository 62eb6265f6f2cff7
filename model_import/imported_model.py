"""A model that was read from another tool's files: what a bundle of it needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.core.base.notes import Note
from headrace.model_import.signature import InputColumn


@dataclass(frozen=True)
class CategoryCodes:
    """The categories of one column.

    Attributes:
        categories: The values as text, by their code in the matrix.
        unseen: Whether another value is scored as unknown.
        missing: Whether a missing value is scored.
    """

    categories: tuple[str, ...]
    unseen: bool
    missing: bool

    def check(self, column: str) -> None:
        """Raise if a table cannot hold a category: it is read with texts trimmed, and an empty one as missing.

        Raises:
            InputError: If a category is empty, or begins or ends with a blank.
        """
        odd = next((text for text in self.categories if text != text.strip() or not text), None)
        if odd is None:
            return
        remedy = (
            "give it a text of its own, such as 'none'"
            if not odd
            else "read the table without them (pandas: skipinitialspace=True, or str.strip)"
        )
        raise InputError(
            f"the categories of the column {quote(column)} must be texts without blanks at their ends, and not empty, "
            f"as tables are read so; the model knows {quote(odd)}: {remedy}, and fit the model again."
        )


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
        ignored: Columns of texts that no step of it uses.
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
    ignored: tuple[InputColumn, ...] = ()
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
