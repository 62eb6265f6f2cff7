"""What the table decides in a split: the cuts of its strata, or a share of groups that leaves no part empty.

With a probability above 1 - 1e-14, the cut of a stratum of n rows is within eight standard errors of the test part's
share p: 8 * sqrt(p * (1 - p) / n). Only draws in that band must be kept one by one; the others are counted. The cuts of
a table of any size therefore take memory that grows with the square root of its rows.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from headrace.core.contracts.contract import Contract
from headrace.core.splits import strata
from headrace.core.splits.draws import DRAW, REPEATED, WHOLE
from headrace.core.splits.split_plan import SplitPlan, is_balanced
from headrace.core.splits.strata import Stratum, whole_cut

_STANDARD_ERRORS = 8.0


def band(share: float, rows: int) -> tuple[int, int]:
    """Return the smallest and the largest draw that the cut of a stratum may separate, by its number of rows."""
    wide = _STANDARD_ERRORS * math.sqrt(share * (1 - share) / max(rows, 1))
    return whole_cut(max(share - wide, 0.0)), whole_cut(min(share + wide, 1.0))


@dataclass
class StrataCuts:
    """Counts and near draws of the strata of a table whose draws arrive in pieces.

    Attributes:
        share: Share of rows for the test part.
        rows: Number of rows of each stratum, in the order in which test rows are allotted.
        test: Number of rows of each that are test rows whatever the cut.
        near: Draws of each, arrays (m,), on both sides of where the cut may be.
    """

    share: float
    rows: Mapping[Any, int]
    test: dict[Any, int] = field(default_factory=dict)
    near: dict[Any, list[strata.Draws]] = field(default_factory=dict)

    def add(self, table: pl.DataFrame, target: str) -> None:
        """Add rows (n) with target, ``_draw`` and ``_repeated``; repeated keys are cut at the share itself."""
        labels = _labels(table.get_column(target), list(self.rows))
        draws, repeated = table.get_column(DRAW).to_numpy(), table.get_column(REPEATED).to_numpy()
        for stratum in self.rows:
            in_stratum = (labels == stratum).fill_null(value=False).to_numpy()
            (low, high), free = band(self.share, self.rows[stratum]), draws[in_stratum & ~repeated]
            certain = int((free < low).sum()) + int((draws[in_stratum & repeated] < whole_cut(self.share)).sum())
            self.test[stratum] = self.test.get(stratum, 0) + certain
            self.near.setdefault(stratum, []).append(free[(free >= low) & (free <= high)])

    def cuts(self) -> tuple[Stratum, ...]:
        """Return the cuts that give each stratum its share of test rows, as near as repeated keys allow."""
        numbers = strata.test_rows(list(self.rows.values()), share=self.share)
        return tuple(
            Stratum(stratum, self._cut(stratum, count)) for stratum, count in zip(self.rows, numbers, strict=True)
        )

    def settle_plan(self, plan: SplitPlan) -> SplitPlan:
        """Return the plan with these cuts."""
        return replace(plan, cut=strata.dump(self.cuts())) if self.rows else plan

    def _cut(self, stratum: Any, number: int) -> float:
        near = np.concatenate(self.near.get(stratum) or [np.empty(0, np.int64)])
        # No row is near the cut, so any cut in between gives the same sides.
        if not near.size:
            return self.share
        # Repeated keys may have taken more than the share already; a row that was divided is never moved.
        more = min(max(number - self.test.get(stratum, 0), 0), len(near))
        return strata.cut_between(near, more)


def settle_in_memory(plan: SplitPlan, table: pl.DataFrame, contract: Contract) -> SplitPlan:
    """Return the plan with what a whole table in memory decides.

    Args:
        plan: A plan that is not by time.
        table: Rows (n) with ``_draw``, ``_repeated`` and the target.
        contract: The table's contract.
    """
    if plan.method == "group":
        return settle_groups(plan, table.get_column(DRAW).to_numpy())
    if not is_balanced(plan, contract, rows=table.height):
        return plan
    target = table.get_column(contract.target.name)
    cuts = StrataCuts(plan.test_size, count_strata(target, contract, share=plan.test_size))
    cuts.add(table, contract.target.name)
    return cuts.settle_plan(plan)


def count_strata(target: pl.Series, contract: Contract, *, share: float) -> dict[Any, int]:
    """Count the rows of each stratum, in the order in which test rows are allotted; rows without a target are in none.

    Args:
        target: The target (n,).
        contract: The table's contract.
        share: Share of rows for the test part.

    Returns:
        Number of rows by class as text, or by the largest value of the strata of a number.
    """
    if contract.task != "regression":
        counts = target.cast(pl.String).drop_nulls().value_counts().sort(target.name)
        return dict(zip(*(column.to_list() for column in counts.get_columns()), strict=True))
    values = target.cast(pl.Float64).drop_nulls().drop_nans()
    upto = strata.edges(values.to_numpy(), share=share) if len(values) else []
    labels = _labels(values, upto)
    return {edge: int((labels == edge).sum()) for edge in upto}


def _labels(target: pl.Series, names: list[Any]) -> pl.Series:
    """Return the stratum of each row (n,), or a missing value."""
    if not names or isinstance(names[0], str):
        return target.cast(pl.String)
    values, upto = target.cast(pl.Float64).fill_null(float("nan")).to_numpy(), np.array(names)
    places = np.minimum(np.searchsorted(upto, values), len(upto) - 1)
    return pl.Series(np.where(np.isfinite(values), upto[places], np.nan)).fill_nan(None)


def settle_groups(plan: SplitPlan, draws: strata.Draws) -> SplitPlan:
    """Return the plan with another share if all groups would be on one side; the nearest group then changes sides.

    Args:
        plan: A plan by group.
        draws: Draws (n,) of all groups, or the smallest and the largest of them.
    """
    # The smallest and the largest draw decide: all groups are on one side exactly if both are.
    cut = whole_cut(plan.test_size)
    least, most = (int(draws.min()), int(draws.max())) if draws.size else (0, 0)
    if plan.cut or least == most or least < cut <= most:
        return plan
    toward = 0.0 if most < cut else 1.0
    share = (most if most < cut else least) / WHOLE
    # Rounding may put the share on the wrong side of the draw: step to the next float until the groups are apart.
    while not least < whole_cut(share) <= most:
        share = float(np.nextafter(share, toward))
    return replace(plan, cut=repr(share))


def settle_lazily(plan: SplitPlan, table: Any, contract: Contract) -> SplitPlan:
    """Return the plan with what a lazy table of any engine that narwhals supports decides.

    Only draws near the cuts are collected.

    Args:
        plan: A plan that is not by time.
        table: Rows as ``split.with_draws_of_rows`` returns them.
        contract: The table's contract.
    """
    rows: Any = nw.from_native(table)
    draw, repeated = nw.col(DRAW), nw.col(REPEATED)
    if plan.method == "group":
        # Two numbers instead of a column: the engine may be on another machine.
        ends = rows.select(draw.min().alias("least"), draw.max().alias("most")).collect("polars").row(0)
        return settle_groups(plan, np.array([end for end in ends if end is not None], np.int64))
    count = int(rows.select(nw.len().alias("rows")).collect("polars").item())
    if not is_balanced(plan, contract, rows=count):
        return plan
    target = nw.col(contract.target.name)
    if contract.task == "regression":
        return settle_in_memory(plan, rows.select(target, draw, repeated).collect("polars").to_native(), contract)
    labels = rows.select(target.cast(nw.String).alias("label"), draw, repeated).filter(~nw.col("label").is_null())
    counts = labels.group_by("label").agg(nw.len().alias("rows")).collect("polars").rows()
    cuts = StrataCuts(plan.test_size, {name: int(number) for name, number in sorted(counts)})
    for name in cuts.rows:
        # Only draws within the band are collected: the exact cut lies there all but surely.
        one, (low, high) = labels.filter(nw.col("label") == name), band(plan.test_size, cuts.rows[name])
        certain = nw.when(repeated).then(draw < whole_cut(plan.test_size)).otherwise(draw < low)
        cuts.test[name] = int(one.filter(certain).select(nw.len().alias("rows")).collect("polars").item())
        near = one.filter(~repeated & (draw >= low) & (draw <= high)).select(DRAW).collect("polars")
        cuts.near[name] = [near.get_column(DRAW).to_numpy()]
    return cuts.settle_plan(plan)
