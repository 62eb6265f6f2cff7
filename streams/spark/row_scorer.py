"""Scores the rows of a data frame: a function for ``DataFrame.mapInArrow`` over typed columns.

Rows are validated and scored as ``headrace score`` does with a table of Parquet: one answer for each row, in order, and
a row that breaks the contract is a row with the reason.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from headrace.core.base.errors import InputError, quote
from headrace.core.contracts.contract import Contract
from headrace.core.inference.batch_scoring import score_block, validate_rows
from headrace.core.inference.prediction_table import DIGEST, LABEL, REFUSED, STATUS, VALUE, VIOLATIONS
from headrace.core.tables.dtypes import normalize_dtypes
from headrace.core.values.whitespace import trim_texts
from headrace.core.values.wide_numbers import narrow_columns
from headrace.serving.model.served_model import ServedModel
from headrace.streams.spark.arrow_batches import ddl, import_pyarrow, require_columns
from headrace.streams.spark.pinned_model import PinnedModel
from headrace.streams.spark.refusal_sentences import refusal_sentences

_REASON = "reason"


@dataclass(frozen=True)
class SparkRowScorer:
    """A function that Spark calls with batches of rows; small to pickle, since the model is opened by each worker.

    Attributes:
        pinned: The model.
        classes: Class labels in the order of the probabilities; empty for a regression.
        keep: Columns that are passed on unchanged, as pairs of a name and Spark's type.
    """

    pinned: PinnedModel
    classes: tuple[str, ...]
    keep: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Raise if two columns would have one name.

        Raises:
            InputError: If a column that is kept has the name of a prediction's.
        """
        taken = [name for name, _ in self.keep if name in self._answers]
        if taken:
            raise InputError(
                f"columns to keep must have other names than the predictions' {quote(list(self._answers), 300)}; got "
                f"{quote(taken)}: rename them in the data frame first."
            )

    @cached_property
    def schema(self) -> str:
        """The columns that it returns, as Spark's DDL."""
        return ddl({**dict(self.keep), **self._answers})

    @property
    def _answers(self) -> dict[str, str]:
        """Spark's types of the columns of predictions."""
        chances = {f"probability_{name}": "double" for name in self.classes}
        answer = {LABEL: "string", **chances} if self.classes else {VALUE: "double"}
        return {**answer, **dict.fromkeys((STATUS, VIOLATIONS, _REASON, DIGEST), "string")}

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        """Yield predictions for the rows of batches.

        Args:
            batches: ``pyarrow.RecordBatch``, each of n rows with the contract's inputs.

        Yields:
            ``pyarrow.RecordBatch``, each of n rows with the columns of ``schema``.

        Raises:
            InputError: If a column that is kept is absent, or an input holds arrays, structs, maps or bytes.
            DataError: If a column that the model needs is absent.
            MissingError: If this worker cannot read the bundle.
            BundleError: If it is not the bundle that the driver chose.
        """
        served = self.pinned.open().served
        for batch in batches:
            if batch.num_rows:
                yield self._score(batch, served)

    def _score(self, batch: Any, served: ServedModel) -> Any:
        pa = import_pyarrow()
        kept = [name for name, _ in self.keep]
        require_columns(batch, kept, hint="they are to be kept")
        contract = served.scorer.contract
        raw = read_inputs(batch, contract)
        scored = score_block(validate_rows(raw, contract), served.scorer).table
        reasons = _reasons(raw, scored, contract)
        columns = {name: scored.get_column(name) for name in self._answers if name != _REASON} | {_REASON: reasons}
        types = {"double": pa.float64(), "string": pa.string()}
        answers = [columns[name].to_arrow().cast(types[kind]) for name, kind in self._answers.items()]
        return pa.RecordBatch.from_arrays(
            [*(batch.column(name) for name in kept), *answers], names=[*kept, *self._answers]
        )


def read_inputs(batch: Any, contract: Contract) -> pl.DataFrame:
    """Return the contract's inputs among the columns of a batch, of plain types, as they are read from Parquet.

    Args:
        batch: A ``pyarrow.RecordBatch`` (n rows).
        contract: The contract.

    Returns:
        n rows; inputs that the batch lacks are absent. An instant is its time in UTC.

    Raises:
        InputError: If an input is there twice, or holds arrays, structs, maps or bytes.
    """
    pa = import_pyarrow()
    names = [column.name for column in contract.inputs if column.name in batch.schema.names]
    require_columns(batch, names, hint="the model needs them")
    series = {name: pl.Series(name, pl.from_arrow(_as_instants(batch.column(name), pa))) for name in names}
    frame = pl.DataFrame(series) if series else pl.DataFrame({"": pl.repeat(None, batch.num_rows, eager=True)})
    narrowed, _ = narrow_columns(frame.lazy(), schema=frame.schema)
    return trim_texts(normalize_dtypes(narrowed.collect(), name="the data frame"))


def _as_instants(values: Any, pa: Any) -> Any:
    """Return times without the session's time zone, in UTC; Spark's zones, such as +05:30, are no names of Polars."""
    if pa.types.is_timestamp(values.type) and values.type.tz:
        return values.view(pa.timestamp(values.type.unit))
    return values


def _reasons(raw: pl.DataFrame, scored: pl.DataFrame, contract: Contract) -> pl.Series:
    """Return the sentences (n,) of refused rows; missing for the others."""
    refused = scored.get_column(STATUS).cast(pl.String) == REFUSED
    reasons = pl.repeat(None, raw.height, dtype=pl.String, eager=True)
    if not refused.any():
        return reasons
    broken = scored.get_column(VIOLATIONS).cast(pl.String).filter(refused).to_list()
    sentences = refusal_sentences(raw.filter(refused), broken, contract)
    return reasons.scatter(refused.arg_true(), sentences)


def column_types(keep: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the columns to keep as pairs of a name and a type.

    Args:
        keep: Spark's types by the name of their column.

    Raises:
        InputError: If it is no mapping of texts.
    """
    pairs = tuple(keep.items()) if isinstance(keep, Mapping) else ()
    if not isinstance(keep, Mapping) or not all(isinstance(text, str) and text for pair in pairs for text in pair):
        raise InputError(
            "columns to keep must be types by name, such as {'id': 'bigint'} or dict(frame.select('id').dtypes); got "
            f"{quote(keep)} instead."
        )
    return pairs
