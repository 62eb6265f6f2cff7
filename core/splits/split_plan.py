"""The plan of a split: chosen by a person or by the contract, and recorded so that it can be repeated."""

import math
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal, get_args

from headrace.core.base.errors import InputError, quote
from headrace.core.contracts.contract import Column, Contract
from headrace.core.contracts.fault_sentences import must_be
from headrace.core.splits import strata
from headrace.core.splits.strata import Stratum

SplitMethod = Literal["random", "stratified", "time", "group"]

FORMAT = 2
"""How sides are drawn. Format 1 drew equal rows together, with the target; its bundles still replay that way."""

SMALL_ROWS = 50_000
"""A regression's random split of at most this many rows is balanced over quantiles of the target."""

_SEEDS = 2**64


@dataclass(frozen=True)
class SplitPlan:
    """How to split a table.

    Attributes:
        method: ``random``; ``stratified`` (each class has its share in either part, within one row); ``time`` (the
            latest rows are the test part); ``group`` (a group is never on both sides).
        test_size: Share of rows for the test part, above 0 and below 1; in expectation, and exactly where parts are
            balanced.
        seed: Seed of the draws.
        cut: What the table decides; empty until it is known. By time: ISO timestamp of the earliest test row.
            Stratified, or random and balanced over a number: the cuts of the strata (``strata.parse``). By group: the
            share below which groups are test groups, where ``test_size`` would leave a part without any.
        format: How sides are drawn, ``FORMAT`` or 1.
    """

    method: SplitMethod
    test_size: float = 0.2
    seed: int = 0
    cut: str = ""
    format: int = FORMAT

    def __post_init__(self) -> None:
        """Raise if a value cannot split a table.

        Raises:
            InputError: If a value is out of its range.
        """
        if self.method not in get_args(SplitMethod):
            raise InputError(must_be("the split method", "one of " + ", ".join(get_args(SplitMethod)), self.method))
        if not 0 < self.test_size < 1:
            raise InputError(must_be("the test size", "a share above 0 and below 1", self.test_size))
        if not 0 <= self.seed < _SEEDS:
            raise InputError(must_be("the seed", "an integer from 0 to 2**64 - 1", self.seed))
        if self.format not in {1, FORMAT}:
            raise InputError(must_be("the split format", f"1 or {FORMAT}", self.format))
        if self.cut and self.format == 1 and self.method != "time":
            raise InputError(must_be("the cut", "absent unless a split of format 1 is by time", self.cut))
        if self.cut and self.method == "time":
            moment(self.cut)
        elif self.cut:
            _ = self.share_of_groups if self.method == "group" else self.strata

    @cached_property
    def strata(self) -> tuple[Stratum, ...]:
        """The strata and their cuts; empty if the split is not balanced, or the cuts are not known yet."""
        if self.method not in {"stratified", "random"} or not self.cut:
            return ()
        parsed = strata.parse(self.cut)
        if isinstance(parsed[0].upto, str) != (self.method == "stratified"):
            kind = "cuts by class" if self.method == "stratified" else "pairs of largest value and cut"
            raise InputError(must_be("the cut", f"{kind} for a {self.method} split", self.cut))
        return parsed

    @cached_property
    def share_of_groups(self) -> float:
        """The share of draws below which a group is in the test part."""
        try:
            share = float(self.cut) if self.cut else self.test_size
        except ValueError:
            share = math.nan
        if not 0 <= share <= 1:
            raise InputError(must_be("the cut", "a share from 0 to 1 for a split by group", self.cut))
        return share


def plan(
    contract: Contract,
    *,
    method: str = "",
    test_size: float = 0.2,
    seed: int = 0,
    cut: str = "",
    format: int = FORMAT,  # noqa: A002 - the name in provenance.json
) -> SplitPlan:
    """Choose how to split a table.

    Args:
        contract: The table's contract.
        method: ``random``, ``stratified``, ``time`` or ``group``; empty for what the contract suggests: by time if it
            has a time column, else by group if it has one, else stratified for a classification or an anomaly task
            with labels, else random.
        test_size: Share of rows for the test part.
        seed: Seed of the split.
        cut: The cut of an earlier split, to repeat it on a table that has grown; see ``SplitPlan``.
        format: How sides are drawn; 1 for bundles whose provenance has no format.

    Returns:
        The plan.

    Raises:
        InputError: If a value is out of range or the contract lacks what the method needs.
    """
    chosen = method or _suggest_strategy(contract)
    split_plan = SplitPlan(method=chosen, test_size=test_size, seed=seed, cut=cut, format=format)  # type: ignore[arg-type]
    if split_plan.method == "time" and not contract.time_column:
        raise InputError(
            f"a split by time needs a time column, but the contract {contract.name} names none; set time_column, "
            "or choose another method."
        )
    if split_plan.method == "group" and not group_names(contract):
        raise InputError(
            f"a split by group needs a column of role group, or 'group: inputs', but the contract {contract.name} has "
            "none; give a column that role, or choose another method."
        )
    if split_plan.method == "stratified" and not _has_classes(contract):
        raise InputError(
            f"a stratified split needs classes, but the task is {_without_classes(contract)}; choose random."
        )
    if split_plan.method == "random" and contract.task != "regression" and split_plan.cut:
        raise InputError(must_be("the cut", "absent from a random split into classes", split_plan.cut))
    return split_plan


def _suggest_strategy(contract: Contract) -> str:
    if contract.time_column:
        return "time"
    if group_names(contract):
        return "group"
    return "stratified" if _has_classes(contract) else "random"


def _has_classes(contract: Contract) -> bool:
    """Return whether there are classes, or labels of an anomaly task, whose rows can be allotted."""
    return contract.task != "regression" and contract.label_column is not None


def _without_classes(contract: Contract) -> str:
    return "a regression" if contract.task == "regression" else f"{contract.task} without labels"


def group_column(contract: Contract) -> Column | None:
    """Return the column of role group, if there is one."""
    return next((column for column in contract.columns if column.role == "group"), None)


def group_names(contract: Contract) -> tuple[str, ...]:
    """Return the columns whose equal values stay together: that of role group, or the inputs; else none."""
    column = group_column(contract)
    if column is not None:
        return (column.name,)
    return tuple(column.name for column in contract.inputs) if contract.group == "inputs" else ()


def is_balanced(chosen: SplitPlan, contract: Contract, *, rows: int) -> bool:
    """Return whether the parts are balanced over strata of the target, so that the cuts must be known."""
    if chosen.format == 1:
        return False
    if chosen.strata:
        return True
    return chosen.method == "stratified" or (
        chosen.method == "random" and contract.task == "regression" and 0 < rows <= SMALL_ROWS
    )


def moment(text: str) -> datetime:
    """Parse the time of a cut.

    Raises:
        InputError: If the text is not an ISO timestamp.
    """
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError as error:
        raise InputError(f"the cut must be an ISO timestamp such as 2026-01-31T12:30:00; got {quote(text)}.") from error
