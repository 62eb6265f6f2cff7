"""The split of a table into a train and a test part, decided by the rows' content.

Which side a row falls on depends on the row alone (its keys if the contract has some, else all its values) and on the
seed: it keeps its side when other rows come, go or are reordered, and equal rows are never on both sides.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar, get_args

import narwhals as nw
import polars as pl

from headrace.core.contract import Column, Contract
from headrace.core.contract_rules import wants
from headrace.core.digest import DIGEST, KEY_DIGEST, reseeded, row_digest
from headrace.core.errors import InputError, shown

Method = Literal["random", "stratified", "time", "group"]
Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)

TEST = "_test"
_GROUP_DIGEST = "_group_digest"
_MADE = (DIGEST, KEY_DIGEST, _GROUP_DIGEST)
_WHOLE = 2**64


@dataclass(frozen=True)
class Plan:
    """How a table is split.

    Attributes:
        method: ``random``; ``stratified`` (the same, and every class must be in the train part); ``time`` (the latest
            rows are the test part); ``group`` (a group is never on both sides).
        test_size: Share of rows for the test part, above 0 and below 1; expected, not exact.
        seed: Another seed gives another split.
        cut: ISO timestamp from which on rows are test rows, for ``time``; empty until it is known.
    """

    method: Method
    test_size: float = 0.2
    seed: int = 0
    cut: str = ""

    def __post_init__(self) -> None:
        """Refuse values that split nothing.

        Raises:
            InputError: If a value is out of its range.
        """
        if self.method not in get_args(Method):
            raise InputError(wants("the split method", "one of " + ", ".join(get_args(Method)), self.method))
        if not 0 < self.test_size < 1:
            raise InputError(wants("the test size", "a share above 0 and below 1", self.test_size))
        if not 0 <= self.seed < _WHOLE:
            raise InputError(wants("the seed", "an integer from 0 to 2**64 - 1", self.seed))
        if self.cut and self.method != "time":
            raise InputError(wants("the cut", "absent unless the split is by time", self.cut))
        if self.cut:
            _moment(self.cut)


def plan(contract: Contract, *, method: str = "", test_size: float = 0.2, seed: int = 0, cut: str = "") -> Plan:
    """Choose how to split a table.

    Args:
        contract: The table's contract.
        method: ``random``, ``stratified``, ``time`` or ``group``; empty for what the contract suggests: by time if it
            has a time column, else by group if it has one, else stratified for a classification, else random.
        test_size: Share of rows for the test part.
        seed: Seed of the split.
        cut: ISO timestamp from which on rows are test rows, to repeat an earlier split by time.

    Returns:
        The plan.

    Raises:
        InputError: If a value is out of range or the contract lacks what the method needs.
    """
    chosen = method or _suggested(contract)
    made = Plan(method=chosen, test_size=test_size, seed=seed, cut=cut)  # type: ignore[arg-type]
    if made.method == "time" and not contract.time_column:
        raise InputError(
            f"a split by time needs a time column, but the contract {contract.name} names none; set time_column, "
            "or choose another method."
        )
    if made.method == "group" and group_column(contract) is None:
        raise InputError(
            f"a split by group needs a column of role group, but the contract {contract.name} has none; give a "
            "column that role, or choose another method."
        )
    if made.method == "stratified" and contract.task == "regression":
        raise InputError("a stratified split needs classes, but the task is a regression; choose random.")
    return made


def _suggested(contract: Contract) -> str:
    if contract.time_column:
        return "time"
    if group_column(contract) is not None:
        return "group"
    return "random" if contract.task == "regression" else "stratified"


def group_column(contract: Contract) -> Column | None:
    """The column of role group, if any."""
    return next((column for column in contract.columns if column.role == "group"), None)


def assign(frame: Frame, contract: Contract, *, plan: Plan) -> Frame:
    """Tell the side of each row.

    Args:
        frame: Typed table; columns that ``digest.with_digests`` added are used and taken away.
        contract: The table's contract.
        plan: How to split; a split by time must have its cut.

    Returns:
        The table with a last column ``_test``: true for the rows of the test part.

    Raises:
        InputError: If a split by time has no cut yet.
    """
    if plan.method == "time":
        side = late(contract, cut=plan.cut)
        return nw.from_native(frame).drop(*_MADE, strict=False).with_columns(side.alias(TEST)).to_native()
    keys = list(contract.keys) or [column.name for column in contract.kept]
    digest = KEY_DIGEST if contract.keys else DIGEST
    if digest not in frame.collect_schema():
        frame = row_digest(frame, keys, name=digest)
    drawn = pl.col(digest)
    group = group_column(contract) if plan.method == "group" else None
    if group is not None:
        frame = row_digest(frame, [group.name], name=_GROUP_DIGEST)
        drawn = pl.when(pl.col(group.name).is_null()).then(drawn).otherwise(pl.col(_GROUP_DIGEST))
    share = pl.lit(int(plan.test_size * _WHOLE), pl.UInt64)
    sided = frame.with_columns((reseeded(drawn, plan.seed) < share).alias(TEST))
    return sided.drop(*_MADE, strict=False)


def late(contract: Contract, *, cut: str) -> nw.Expr:
    """Whether a row is of the test part of a split by time; one without a time is not.

    Args:
        contract: The table's contract, with its time column.
        cut: ISO timestamp.

    Raises:
        InputError: If there is no cut yet.
    """
    if not cut:
        raise InputError("a split by time needs its cut before rows can be assigned; `split_table.find_cut` finds it.")
    return (nw.col(contract.time_column) >= nw.lit(_moment(cut))).fill_null(value=False)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError as error:
        raise InputError(f"the cut must be an ISO timestamp such as 2026-01-31T12:30:00; got {shown(text)}.") from error
