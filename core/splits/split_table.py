"""The split of a whole table into train part, test part and the test part's actuals, block by block."""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import polars as pl

from headrace.core.base.errors import DataError, quote
from headrace.core.contracts.contract import Contract
from headrace.core.contracts.contract_yaml import load
from headrace.core.splits.split import TEST
from headrace.core.splits.split_plan import FORMAT, SplitPlan, plan
from headrace.core.splits.streaming_split import StreamingSplit
from headrace.core.tables import parquet_table
from headrace.core.validation.duplicates import DuplicateCounter
from headrace.core.validation.table import blocks

NO_LABEL = "_no_label"
"""The only column of the actual values of a test part without labels; all its values are missing."""


@dataclass
class SideCounts:
    """Counts of rows, and of classes, on each side so far.

    Attributes:
        train: Rows of the train part.
        test: Rows of the test part.
        train_classes: Rows of the train part by class.
        test_classes: Rows of the test part by class.
    """

    train: int
    test: int
    train_classes: dict[str, int]
    test_classes: dict[str, int]

    @classmethod
    def none(cls) -> "SideCounts":
        """Return counts of no rows."""
        return cls(0, 0, {}, {})

    def add(self, sided: pl.DataFrame, contract: Contract) -> None:
        """Count the rows (n) of a block by their column ``_test``; missing where a row has no side yet."""
        test = int(sided.get_column(TEST).sum())
        self.test += test
        self.train += sided.height - sided.get_column(TEST).null_count() - test
        if contract.answers_number:
            return
        counted = sided.group_by(contract.target.name, TEST).len()
        for name, is_test, count in counted.cast({contract.target.name: pl.String}).iter_rows():
            if name is not None and is_test is not None:
                side = self.test_classes if is_test else self.train_classes
                side[name] = side.get(name, 0) + count

    def require(self, contract: Contract, chosen: SplitPlan) -> None:
        """Raise if nothing can be learned from the parts of the split.

        Raises:
            DataError: If a part is empty, the train part lacks a class or the test part has fewer than two.
        """
        remedy = "give more rows, another seed, another test size or another method"
        for side, count in (("train", self.train), ("test", self.test)):
            if count < 2:
                raise DataError(
                    f"each part of the {chosen.method} split must have at least 2 rows, but the {side} part has "
                    f"{count} of {self.train + self.test}; {remedy}."
                )
        if contract.answers_number:
            return
        names = {*self.train_classes, *self.test_classes}
        absent = sorted(names - set(self.train_classes))
        if absent or len(names) < 2:
            raise DataError(
                f"the train part of the {chosen.method} split must have every class of the target "
                f"{quote(contract.target.name)}, but has no row of {quote(absent or 'a second class')}; {remedy}."
            )
        if len(self.test_classes) < 2:
            raise DataError(
                f"the test part of the {chosen.method} split must have at least two classes of the target "
                f"{quote(contract.target.name)}, but has only {quote(sorted(self.test_classes))}; {remedy}."
            )


def split_table(  # noqa: PLR0913 - the component's artifacts and parameters
    table: Path | str,
    *,
    contract: Path | str,
    train_table: Path | str,
    test_table: Path | str,
    test_actuals: Path | str,
    method: str = "",
    test_size: float = 0.2,
    seed: int = 0,
    cut: str = "",
    format: int = FORMAT,  # noqa: A002 - the name in provenance.json
) -> dict[str, dict[str, Any]]:
    """Split a typed table.

    Args:
        table: Folder of the typed table.
        contract: Contract file.
        train_table: Folder to write the train part to.
        test_table: Folder to write the test part to, without the target.
        test_actuals: Folder to write the test part's target to, in the same order.
        method: As in ``split_plan.plan``.
        test_size: Share of rows for the test part.
        seed: Seed of the split.
        cut: The cut of an earlier split, to repeat it; see ``SplitPlan``.
        format: How sides are drawn; 1 for bundles whose provenance has no format.

    Returns:
        Metadata of ``train_table``, ``test_table`` and ``test_actuals``: ``rows``, ``method``, ``test_size``, ``seed``,
        ``format`` and, where the table decided something, ``cut``.

    Raises:
        InputError: If a parameter is out of range or the contract lacks what the method needs.
        DataError: If a part has too few rows or classes.
    """
    loaded = load(contract)
    chosen = plan(loaded, method=method, test_size=test_size, seed=seed, cut=cut, format=format)
    if chosen.method == "time" and not chosen.cut:
        times = parquet_table.scan(Path(table)).select(loaded.time_column).collect().to_series()
        chosen = replace(chosen, cut=find_cut(times, test_size=chosen.test_size, column=loaded.time_column))
    with SplitWriter(loaded, chosen, train_table, test_table, test_actuals) as writer:
        for block in blocks(Path(table)):
            writer.add(block)
        return writer.finish()


class SplitWriter:
    """Write the three tables of a split block by block; complete or absent.

    Attributes:
        splitter: Assigns rows to sides.
        counts: Counts of each side so far.
    """

    def __init__(
        self,
        contract: Contract,
        chosen: SplitPlan,
        train_table: Path | str,
        test_table: Path | str,
        test_actuals: Path | str,
        *,
        duplicates: DuplicateCounter | None = None,
    ) -> None:
        """Prepare to write.

        Args:
            contract: The table's contract.
            chosen: How to split; a plan by time has its cut.
            train_table: Folder of the train part.
            test_table: Folder of the test part, without the target.
            test_actuals: Folder of the test part's target alone.
            duplicates: As in ``StreamingSplit``.
        """
        self.splitter = StreamingSplit(contract, chosen, duplicates=duplicates)
        self.counts = SideCounts.none()
        self._contract = contract
        self._train, self._test, self._actuals = (
            parquet_table.TableWriter(Path(folder)) for folder in (train_table, test_table, test_actuals)
        )
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Open the tables."""
        with ExitStack() as opened:
            for writer in (self._train, self._test, self._actuals):
                opened.enter_context(writer)
            self._open = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Move the tables to their places, or remove every trace of them after an error."""
        self._open.__exit__(kind, error, trace)

    def add(self, frame: pl.DataFrame) -> None:
        """Write those of the rows (n) of a block whose side is known already."""
        self._write(self.splitter.add(frame))

    def finish(self) -> dict[str, dict[str, Any]]:
        """Write the rows that were held back, and return the tables' metadata.

        Raises:
            DataError: If nothing can be learned from the parts.
        """
        for piece in self.splitter.finish():
            self._write(piece)
        self.counts.require(self._contract, self.splitter.plan)
        return split_metadata(self.counts, self.splitter.plan)

    def _write(self, sided: pl.DataFrame) -> None:
        self.counts.add(sided, self._contract)
        test = sided.filter(pl.col(TEST)).drop(TEST)  # rows that are held back have no side yet
        self._train.write(sided.filter(~pl.col(TEST)).drop(TEST))
        column = self._contract.label_column
        if column is None:
            self._test.write(test)
            self._actuals.write(pl.DataFrame({NO_LABEL: pl.repeat(None, test.height, dtype=pl.Boolean, eager=True)}))
            return
        self._test.write(test.drop(column.name))
        self._actuals.write(test.select(column.name))


def find_cut(times: pl.Series, *, test_size: float, column: str) -> str:
    """Find the time of the earliest test row.

    Args:
        times: Timestamps (n,) of the rows; some may be missing.
        test_size: Share of rows for the test part.
        column: Name of the time column, for messages.

    Returns:
        ISO timestamp; at least one row is earlier and at least one is not.

    Raises:
        DataError: If there are fewer than two different times.
    """
    present = times.drop_nulls()
    if present.n_unique() < 2:
        raise DataError(
            f"a split by time needs at least two different times, but {quote(column)} holds {present.n_unique()}; "
            "choose another method or another time column."
        )
    second = present.sort().unique(maintain_order=True)[1]
    cut: Any = present.sort()[min(int((1 - test_size) * present.len()), present.len() - 1)]
    # Never the earliest time, so that the train part has a row.
    return str(max(cut, second).isoformat())


def split_metadata(sides: SideCounts, chosen: SplitPlan) -> dict[str, dict[str, Any]]:
    """Return the metadata of the three tables of a split."""
    common: dict[str, Any] = {"method": chosen.method, "test_size": chosen.test_size, "seed": chosen.seed}
    common["format"] = chosen.format
    if chosen.cut:
        common["cut"] = chosen.cut
    test = {"rows": sides.test, **common}
    return {"train_table": {"rows": sides.train, **common}, "test_table": test, "test_actuals": dict(test)}
