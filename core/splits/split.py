"""The split of a table into a train and a test part: a fair, repeatable sample of the rows.

A row's side follows from a number that is drawn for it: from its keys if the contract has some, otherwise from its
values and its number among equal rows; in a split by group from its group. It is a test row if the number is below a
cut. Copies are therefore drawn independently, and rows keep their sides when the table is reordered (equal copies may
change places) or when rows are added or removed; where parts are balanced, the cut may then move a little, unless the
old cut is passed.
"""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

import narwhals as nw
import polars as pl

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Contract
from headrace.core.splits.draws import COPY, DRAW, REPEATED, UNIT, with_draws
from headrace.core.splits.split_plan import SplitPlan, group_column, group_names, moment
from headrace.core.splits.strata import Stratum, whole_cut
from headrace.core.splits.strata_cuts import settle_in_memory
from headrace.core.validation.row_digest import DIGEST, GROUP_DIGEST, KEY_DIGEST, reseed, row_digest

Frame = TypeVar("Frame")

TEST = "_test"
MADE = (DIGEST, KEY_DIGEST, GROUP_DIGEST, UNIT, COPY, DRAW, REPEATED)
_WHOLE_DIGEST = 2**64


def assign(frame: Frame, contract: Contract, *, plan: SplitPlan) -> Frame:
    """Assign each row of a whole table to a side.

    Args:
        frame: Typed table. An eager Polars frame needs nothing else. For a lazy table of another engine that narwhals
            supports, the plan must be settled, and the table must hold the digests (``row_digest.with_digests`` and, by
            group, ``with_group_digest``) as integers from 0 to 2**64 - 1, which each engine computes itself.
        contract: The table's contract.
        plan: How to split; the rows of an eager frame settle a plan that is not settled yet.

    Returns:
        The table without digests and with a last column ``_test``: true for the rows of the test part.

    Raises:
        InputError: If a split by time, or a stratified split of a lazy frame, has no cut yet.
    """
    if plan.method == "time":
        return drop_helper_columns(frame, is_late(contract, cut=plan.cut))
    if plan.format == 1:
        return drop_helper_columns(*_drawn_by_format_1(frame, contract, plan))
    table = with_draws_of_rows(frame, contract, plan=plan)
    if isinstance(table, pl.DataFrame) and not plan.cut:
        plan = settle_in_memory(plan, table, contract)
    elif plan.method == "stratified" and not plan.cut:
        raise InputError(
            "a stratified split needs its cuts before rows can be assigned; `strata_cuts.settle_lazily` finds them."
        )
    return drop_helper_columns(table, is_test(contract, plan=plan))


def drop_helper_columns(frame: Frame, test: nw.Expr) -> Frame:
    """Return the table with ``_test`` and without the columns that were added to compute it."""
    table: Any = nw.from_native(frame)
    return table.with_columns(test.alias(TEST)).drop(*MADE, strict=False).to_native()  # type: ignore[no-any-return]


def is_test(contract: Contract, *, plan: SplitPlan) -> nw.Expr:
    """Return whether a row is a test row, from its draw, its target and ``_repeated`` alone.

    A repeated key is cut at the share of the test part whatever its rows' classes, so that they stay together.
    """
    if plan.method == "group":
        return nw.col(DRAW) < whole_cut(plan.share_of_groups)
    if not plan.strata:
        return nw.col(DRAW) < whole_cut(plan.test_size)
    cut = cut_of(nw.col(contract.target.name), plan.strata, share=plan.test_size)
    if contract.keys:
        cut = nw.when(nw.col(REPEATED)).then(nw.lit(whole_cut(plan.test_size))).otherwise(cut)
    return nw.col(DRAW) < cut


def cut_of(target: nw.Expr, strata: Sequence[Stratum], *, share: float) -> nw.Expr:
    """Return the draw below which a row is a test row, by its stratum.

    Args:
        target: The target's values.
        strata: Strata; any other class, or a missing target, is cut at ``share``.
        share: Share of rows for the test part.
    """
    if isinstance(strata[0].upto, str):
        whole = {str(stratum.upto): whole_cut(stratum.cut) for stratum in strata}
        return target.cast(nw.String).replace_strict(whole, default=whole_cut(share), return_dtype=nw.Int64)
    cut: nw.Expr = nw.lit(whole_cut(strata[-1].cut))
    for stratum in reversed(strata[:-1]):
        cut = nw.when(target <= nw.lit(stratum.upto)).then(nw.lit(whole_cut(stratum.cut))).otherwise(cut)
    return nw.when(target.is_null()).then(nw.lit(whole_cut(share))).otherwise(cut)


def with_draws_of_rows(frame: Frame, contract: Contract, *, plan: SplitPlan) -> Frame:
    """Number the copies of each row of a whole table, and draw for it.

    Returns:
        The table with ``_unit``, ``_copy``, ``_repeated`` (its key occurs in more than one row) and ``_draw``.
    """
    table: Any = nw.from_native(with_unit(frame, contract, plan=plan))
    copy = nw.col(UNIT).rank("ordinal").over(UNIT).cast(nw.Int64) - 1
    if contract.keys or _is_whole_group(contract, plan):
        copy = nw.lit(0, nw.Int64)
    elif plan.method == "group":
        copy = nw.when(nw.col(group_names(contract)[0]).is_null()).then(copy).otherwise(nw.lit(0, nw.Int64))
    repeated = nw.len().over(UNIT) > 1 if contract.keys else nw.lit(value=False)
    table = table.with_columns(copy.alias(COPY), repeated.alias(REPEATED))
    drawn: Frame = with_draws(table.to_native(), digest=UNIT, copy=COPY, seed=plan.seed, name=DRAW)
    return drawn


def with_unit(frame: Frame, contract: Contract, *, plan: SplitPlan) -> Frame:
    """Add the digest that a row is drawn by, ``_unit``: of its group, else of its keys, else of all its values."""
    digest = KEY_DIGEST if contract.keys else DIGEST
    if isinstance(frame, pl.DataFrame | pl.LazyFrame) and digest not in frame.collect_schema():
        names = list(contract.keys) or [column.name for column in contract.typed_columns]
        frame = cast("Frame", row_digest(cast("pl.DataFrame", frame), names, name=digest))
    unit = nw.col(digest)
    if plan.method == "group":
        frame = with_group_digest(frame, contract)
        unit = nw.col(GROUP_DIGEST)
        if not _is_whole_group(contract, plan):
            alone = nw.col(group_names(contract)[0]).is_null()
            unit = nw.when(alone).then(nw.col(digest)).otherwise(unit)
    table: Any = nw.from_native(frame)
    return table.with_columns(unit.alias(UNIT)).to_native()  # type: ignore[no-any-return]


def with_group_digest(frame: Frame, contract: Contract) -> Frame:
    """Add the digest of what stays together in a split by group, if a Polars frame does not have it yet."""
    if isinstance(frame, pl.DataFrame | pl.LazyFrame) and GROUP_DIGEST not in frame.collect_schema():
        return cast("Frame", row_digest(cast("pl.DataFrame", frame), group_names(contract), name=GROUP_DIGEST))
    return frame


def _is_whole_group(contract: Contract, plan: SplitPlan) -> bool:
    """Return whether every row has a group: equal inputs always form one, a group column may be missing."""
    return plan.method == "group" and group_column(contract) is None


def are_copies_numbered(contract: Contract, plan: SplitPlan) -> bool:
    """Return whether equal rows must be distinguished by their number."""
    return not contract.keys and not _is_whole_group(contract, plan) and plan.method != "time" and plan.format != 1


def _drawn_by_format_1(frame: Frame, contract: Contract, plan: SplitPlan) -> tuple[Frame, nw.Expr]:
    """Split as bundles without a format did: equal rows, with the target as a part of them, stay together."""
    table: Any = with_unit(frame, contract, plan=plan)
    share = pl.lit(int(plan.test_size * _WHOLE_DIGEST), pl.UInt64)
    return table.with_columns((reseed(pl.col(UNIT), plan.seed) < share).alias(DRAW)), nw.col(DRAW)


def is_late(contract: Contract, *, cut: str) -> nw.Expr:
    """Return whether a row belongs to the test part of a split by time; a row without a time does not.

    Args:
        contract: The table's contract, with its time column.
        cut: ISO timestamp of the earliest test row.

    Raises:
        InputError: If there is no cut yet.
    """
    if not cut:
        raise InputError("a split by time needs its cut before rows can be assigned; `split_table.find_cut` finds it.")
    return (nw.col(contract.time_column) >= nw.lit(moment(cut))).fill_null(value=False)
