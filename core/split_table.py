"""A whole table split into its train part, its test part, and the test part's actuals, in a stream."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from headrace.core import tables
from headrace.core.contract import Contract
from headrace.core.contract_yaml import load
from headrace.core.errors import DataError, shown
from headrace.core.split import TEST, Plan, assign, plan
from headrace.core.table_check import blocks


@dataclass
class Sides:
    """How many rows, and of which classes, fell on each side so far.

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
    def none(cls) -> "Sides":
        """No rows yet."""
        return cls(0, 0, {}, {})

    def add(self, sided: pl.DataFrame, contract: Contract) -> None:
        """Count the rows of a block that ``assign`` has marked."""
        test = int(sided.get_column(TEST).sum())
        self.test += test
        self.train += sided.height - test
        if contract.task == "regression":
            return
        label = pl.col(contract.target.name).cast(pl.String).alias("label")
        for name, late, count in sided.group_by(label, TEST).len().iter_rows():
            if name is not None:
                side = self.test_classes if late else self.train_classes
                side[name] = side.get(name, 0) + count

    def require(self, contract: Contract, chosen: Plan) -> None:
        """Refuse a split from whose parts nothing can be learned.

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
        if contract.task == "regression":
            return
        names = {*self.train_classes, *self.test_classes}
        absent = sorted(names - set(self.train_classes))
        if absent or len(names) < 2:
            raise DataError(
                f"the train part of the {chosen.method} split must have every class of the target "
                f"{shown(contract.target.name)}, but has no row of {shown(absent or 'a second class')}; {remedy}."
            )
        if len(self.test_classes) < 2:
            raise DataError(
                f"the test part of the {chosen.method} split must have at least two classes of the target "
                f"{shown(contract.target.name)}, but has only {shown(sorted(self.test_classes))}; {remedy}."
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
) -> dict[str, dict[str, Any]]:
    """Split a typed table.

    Args:
        table: Folder of the typed table.
        contract: Contract file.
        train_table: Folder of the train part that is written.
        test_table: Folder of the test part, without the target, that is written.
        test_actuals: Folder of the test part's target alone, in the same order, that is written.
        method: As in ``split.plan``.
        test_size: Share of rows for the test part.
        seed: Seed of the split.
        cut: ISO timestamp from which on rows are test rows, for a split by time.

    Returns:
        Metadata of ``train_table``, ``test_table`` and ``test_actuals``: ``rows``, ``method``, ``test_size``, ``seed``
        and, of a split by time, ``cut``.

    Raises:
        InputError: If a parameter is out of range or the contract lacks what the method needs.
        DataError: If a part has too few rows or classes.
    """
    agreed = load(contract)
    chosen = plan(agreed, method=method, test_size=test_size, seed=seed, cut=cut)
    if chosen.method == "time" and not chosen.cut:
        times = tables.scan(Path(table)).select(agreed.time_column).collect().to_series()
        chosen = replace(chosen, cut=find_cut(times, test_size=chosen.test_size, column=agreed.time_column))
    sides = Sides.none()
    with (
        tables.Writer(Path(train_table)) as train,
        tables.Writer(Path(test_table)) as test,
        tables.Writer(Path(test_actuals)) as actuals,
    ):
        for block in blocks(Path(table)):
            sided = assign(block, agreed, plan=chosen)
            sides.add(sided, agreed)
            early, late = parts(sided)
            train.write(early)
            test.write(late.drop(agreed.target.name))
            actuals.write(late.select(agreed.target.name))
        sides.require(agreed, chosen)
    return facts(sides, chosen)


def find_cut(times: pl.Series, *, test_size: float, column: str) -> str:
    """The time from which on a row is of the test part.

    Args:
        times: Timestamps of the rows, some perhaps missing.
        test_size: Share of rows for the test part.
        column: Name of the time column, for messages.

    Returns:
        ISO timestamp; at least one row is earlier and one not.

    Raises:
        DataError: If there are fewer than two different times.
    """
    known = times.drop_nulls()
    if known.n_unique() < 2:
        raise DataError(
            f"a split by time needs at least two different times, but {shown(column)} holds {known.n_unique()}; "
            "choose another method or another time column."
        )
    late = known.sort().unique(maintain_order=True)[1]
    cut: Any = known.sort()[min(int((1 - test_size) * known.len()), known.len() - 1)]
    return str(max(cut, late).isoformat())


def parts(sided: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The train rows and the test rows, both with the target, of a block that ``assign`` has marked."""
    return sided.filter(~pl.col(TEST)).drop(TEST), sided.filter(pl.col(TEST)).drop(TEST)


def facts(sides: Sides, chosen: Plan) -> dict[str, dict[str, Any]]:
    """Metadata of the three tables of a split."""
    common: dict[str, Any] = {"method": chosen.method, "test_size": chosen.test_size, "seed": chosen.seed}
    if chosen.cut:
        common["cut"] = chosen.cut
    test = {"rows": sides.test, **common}
    return {"train_table": {"rows": sides.train, **common}, "test_table": test, "test_actuals": dict(test)}
