"""Predictions for a whole table."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from headrace.api.model_reference import ModelReference, open_model
from headrace.api.notebook.result_views import html_or_none
from headrace.api.tables import TableReference, table_address
from headrace.api.training_arguments import field_separator
from headrace.core.base.errors import InputError
from headrace.core.inference.batch_scoring import score_table
from headrace.core.inference.scorer import Scorer
from headrace.core.tables.parquet_table import parts
from headrace.core.tables.source import ReadOptions
from headrace.stores.sources.open_source import open_source

if TYPE_CHECKING:
    from headrace.reports.notebook.fragment import Fragment

_MOST_THREADS = 256


@dataclass(frozen=True, repr=False)
class Predictions:
    """Predictions for the rows of a table, in its order.

    Attributes:
        rows: Number of rows.
        scored: How many of them have a prediction.
        refused: How many have no prediction, because they break the contract; column ``violations`` says how.
        warned: How many have a prediction and break a rule that only warns.
        name: Name of the model.
        digest: SHA-256 that names its bundle.
        output: File or folder that holds them; None if they are in memory only.
    """

    rows: int
    scored: int
    refused: int
    warned: int
    name: str
    digest: str
    output: Path | None = None
    _frame: pl.DataFrame | None = field(default=None, repr=False, compare=False)

    @property
    def frame(self) -> pl.DataFrame:
        """The predictions (``rows`` rows), read from ``output`` each time if they were written there.

        Columns: ``row`` (from 1 on), the contract's keys and ids, ``label`` and ``probability_CLASS``, ``value``,
        or ``score`` and ``alert``,
        ``status`` (``scored`` or ``refused``), ``violations`` and ``model_digest``.
        """
        if self._frame is not None:
            return self._frame
        path = self.output or Path()
        if path.is_dir():
            return pl.read_parquet(parts(path), glob=False)
        if path.suffix.lower() != ".csv":
            return pl.read_parquet(path, glob=False)
        return _with_numbers(pl.read_csv(path, infer_schema=False))

    def head(self, rows: int = 10) -> pl.DataFrame:
        """Return the first predictions (at most ``rows``), without reading the others.

        Args:
            rows: How many.
        """
        path = self.output
        if self._frame is not None or path is None or path.suffix.lower() == ".csv":
            return self._first(rows)
        return pl.scan_parquet(parts(path) if path.is_dir() else path, glob=False).head(rows).collect()

    def _first(self, rows: int) -> pl.DataFrame:
        if self._frame is not None or self.output is None:
            return self.frame.head(rows)
        return _with_numbers(pl.read_csv(self.output, infer_schema=False, n_rows=rows))

    def _repr_html_(self) -> str | None:
        """Return counts and the first rows, as a notebook shows them."""
        return html_or_none(self._describe)

    def _describe(self) -> "Fragment":
        from headrace.reports.notebook.tables import describe_predictions  # noqa: PLC0415 - only a notebook needs it

        return describe_predictions(self.head(), **self.counts(), name=self.name, output=str(self.output or ""))

    def __repr__(self) -> str:
        """Return one line: counts, model, and where they are."""
        where = f", in {self.output}" if self.output else ""
        return f"<Predictions of {self.name}: {self.scored:,} of {self.rows:,} rows scored{where}>"

    def counts(self) -> dict[str, Any]:
        """Return the numbers of rows and the model's digest, by name."""
        return {name: getattr(self, name) for name in ("rows", "scored", "refused", "warned", "digest")}


def _with_numbers(texts: pl.DataFrame) -> pl.DataFrame:
    """Return predictions of a CSV: an id such as 00123 is a text, and what the predictions add are numbers.

    Ids come before the predictions, and may bear such a name as ``value`` or ``probability_x``.
    """
    before = texts.columns[: texts.columns.index("status")]
    if before[-2:] == ["score", "alert"]:
        alert = pl.col("alert").replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean)
        return texts.with_columns(pl.col("row").cast(pl.Int64), pl.col("score").cast(pl.Float64), alert)
    numbers = ["value"] if before[-1] == "value" else before[before.index("label") + 1 :]
    return texts.with_columns(pl.col("row").cast(pl.Int64), pl.col(numbers).cast(pl.Float64))


def score(
    model: ModelReference,
    table: TableReference,
    *,
    output: str | Path | None = None,
    column_names: Sequence[str] = (),
    header: bool = True,
    delimiter: str = "",
    encoding: str = "",
    skip_lines: int = -1,
    comment: str = "",
    missing_values: Sequence[str] = (),
    threads: int = 2,
    progress: Callable[[str], None] | None = None,
) -> Predictions:
    """Predict every row of a table, as ``headrace score`` does; rows that break the contract stay, with the reasons.

    >>> import headrace.api as hr
    >>> predictions = hr.score("headrace-out/customers", "customers.csv")
    >>> predictions.rows, predictions.refused
    (400, 0)
    >>> predictions.frame.columns[:4]
    ['row', 'label', 'probability_no', 'probability_yes']

    Args:
        model: A ``Run`` or a ``Bundle``, a folder of one, a store URI, or ``NAME@VERSION``.
        table: Path, folder, glob, ``http(s)://``, ``s3://`` or SQL address; or a data frame (n rows, p columns).
        output: A folder, or a file that ends in ``.parquet`` or ``.csv``; None to hold the predictions in memory.
        column_names: Column names of a CSV, in place of its header if it has one.
        header: Whether the first line of a CSV holds the names.
        delimiter: Field separator of a CSV; empty to detect it.
        encoding: Text encoding of a CSV; empty to detect it.
        skip_lines: Lines of a CSV before its header; negative to detect them.
        comment: What a comment line of a CSV begins with; empty to detect it.
        missing_values: Texts that stand for a missing value; empty for the contract's.
        threads: Threads of the engine, 1 to 256.
        progress: Called with the number of rows so far, as text, such as ``print``; None for silence.

    Returns:
        n predictions, in the order of the table.

    Raises:
        MissingError: If the model or the table does not exist.
        InputError: If the table cannot be read, or ``output`` cannot be written.
        DataError: If a column that the model needs is absent, or the table has no rows.
        BundleError: If the bundle is incomplete or altered.
    """
    if not 1 <= threads <= _MOST_THREADS:
        raise InputError(f"threads must be from 1 to {_MOST_THREADS}; got {threads} instead.")
    with open_model(model) as bundle:
        scorer = Scorer.open(bundle, threads=threads)
    options = ReadOptions(
        column_names=tuple(column_names),
        header=header,
        delimiter=field_separator(delimiter),
        encoding=encoding,
        skip_lines=skip_lines,
        comment=comment,
        missing_values=tuple(missing_values or scorer.contract.missing_values or ("",)),
    )
    with table_address(table) as source, tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        destination = Path(output) if output is not None else Path(scratch) / "predictions.parquet"
        report = progress or (lambda _: None)
        counts = score_table(open_source(source), scorer=scorer, output=destination, options=options, report=report)
        frame = None if output is not None else pl.read_parquet(destination, glob=False, memory_map=False)
    return Predictions(**counts, name=scorer.name, output=None if output is None else destination, _frame=frame)
