"""Which rows break which rules of a contract: the one routine behind tables, requests and scoring.

The caller decides what a broken rule means: rows are counted and quarantined, a request is refused, or a row gets no
prediction. A summary of the columns comes first: it shows which rules a row may break, so that valid tables pass fast.
"""

import functools
import math
import operator
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import narwhals as nw
import polars as pl

from headrace.core.contracts import casting
from headrace.core.contracts.contract import Column, Contract
from headrace.core.validation import row_rules
from headrace.core.validation.row_rules import Rule

ColumnSummaries = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class RuleMasks:
    """The result of the rules about single rows, on n rows.

    Attributes:
        frame: Typed columns (n rows), in the given order; values that could not be cast are missing.
        masks: A boolean mask (n,) of violations by rule, without missing values; rules without violations are absent.
        failed: A boolean mask (n,) by column of values that could not be cast; columns without failures are absent.
        summary: Number of missing values, least and largest values by column, from ``summarize_columns``.
    """

    frame: pl.DataFrame
    masks: Mapping[Rule, pl.Series]
    failed: Mapping[str, pl.Series]
    summary: ColumnSummaries

    def missing(self, columns: Sequence[Column]) -> dict[Rule, pl.Series]:
        """Return masks (n,) of forbidden missing values; a value that could not be cast breaks ``type`` already.

        Args:
            columns: Columns of the frame. Those that may have missing values are skipped, and so are ignored columns
                and the target, which has a rule of its own.
        """
        masks = {}
        for column in columns:
            required = column.missing == 0 and column.role not in {"target", "ignore"}
            if required and self.summary["missing"][column.name]:
                mask = self.frame.get_column(column.name).is_null()
                mask = mask & ~self.failed[column.name] if column.name in self.failed else mask
                if mask.any():
                    masks["missing", column.name] = mask
        return masks


def evaluate_rules(frame: pl.DataFrame, columns: Sequence[Column], contract: Contract) -> RuleMasks:
    """Cast raw rows and evaluate the contract's rules about single rows.

    Only values outside the categories are compared with the missing-value texts, because most tables have none.

    Args:
        frame: Raw rows (n), of any dtypes, that hold the columns.
        columns: Columns of the contract to cast and check, at least one.
        contract: The contract.
    """
    typed = casting.cast_columns(frame, columns, missing_values=contract.missing_values)
    table = typed.frame.with_columns(mask.alias(row_rules.failed_name(name)) for name, mask in typed.failed.items())
    summaries = summarize_columns(table, columns)
    masks = evaluate_masks(table, find_possible_violations(contract, columns, summaries=summaries, failed=typed.failed))
    evaluated = RuleMasks(table.select(typed.frame.columns) if typed.failed else table, masks, typed.failed, summaries)
    texts = _missing_texts(evaluated, contract)
    return _without_texts(evaluated, texts, contract) if texts else evaluated


def _missing_texts(evaluated: RuleMasks, contract: Contract) -> dict[str, pl.Series]:
    """Return masks of values outside the categories that are missing-value texts, by column."""
    schema = evaluated.frame.schema
    names = [name for rule, name in evaluated.masks if rule == "category" and schema[name] == pl.String]
    if not names:
        return {}
    texts = evaluated.frame.select(pl.col(names).is_in(list(contract.missing_values))).get_columns()
    missing_texts = {text.name: evaluated.masks["category", text.name] & text for text in texts}
    return {name: text for name, text in missing_texts.items() if text.any()}


def _without_texts(evaluated: RuleMasks, texts: Mapping[str, pl.Series], contract: Contract) -> RuleMasks:
    """Return the masks with these texts missing: no category is violated, but ``target_missing`` may be."""
    frame = evaluated.frame.with_columns(
        evaluated.frame.get_column(name).set(text, None) for name, text in texts.items()
    )
    masks, summaries = dict(evaluated.masks), {kind: dict(values) for kind, values in evaluated.summary.items()}
    for name, text in texts.items():
        values = frame.get_column(name)
        masks["category", name] &= ~text
        is_required = contract.column(name).role == "target" and contract.task != "anomaly"
        if is_required and contract.severity("target_missing") != "off":
            masks["target_missing", name] = values.is_null()
        summaries["missing"][name] = values.null_count()
        if name in summaries["least"]:
            summaries["least"][name], summaries["most"][name] = values.min(), values.max()
    position = {name: position for position, name in enumerate(frame.columns)}
    ordered = sorted(masks.items(), key=lambda item: position[item[0][1]])
    return RuleMasks(frame, {rule: mask for rule, mask in ordered if mask.any()}, evaluated.failed, summaries)


def refused_rows(masks: Mapping[Rule, pl.Series], contract: Contract, *, rows: int) -> pl.Series:
    """Return the mask (n,) of rows that break a rule for which the contract refuses a row.

    Args:
        masks: A mask (n,) of violations by rule.
        contract: The contract.
        rows: Number n of rows.
    """
    refusing = [mask for (rule, _), mask in masks.items() if contract.refuses(rule)]
    return functools.reduce(operator.or_, refusing, pl.repeat(False, rows, dtype=pl.Boolean, eager=True))


def summarize_columns(table: pl.DataFrame, columns: Sequence[Column]) -> ColumnSummaries:
    """Return missing counts of each column of n rows, and extreme values where rules need them, in one pass."""
    names = [column.name for column in columns]
    if not names:
        return {"missing": {}, "least": {}, "most": {}}
    ordered = [
        column.name
        for column in columns
        if column.role == "feature" or (column.role != "ignore" and column.dtype in {"integer", "number"})
    ]
    expressions = {"missing": pl.col(names).null_count().name.prefix("missing:")}
    if ordered:
        expressions["least"] = pl.col(ordered).min().name.prefix("least:")
        expressions["most"] = pl.col(ordered).max().name.prefix("most:")
    values = iter(table.select(*expressions.values()).row(0))
    kinds = {"missing": names, "least": ordered, "most": ordered}
    return {kind: dict(zip(group, islice(values, len(group)), strict=True)) for kind, group in kinds.items()}


def find_possible_violations(
    contract: Contract, columns: Sequence[Column], *, summaries: ColumnSummaries, failed: Collection[str]
) -> dict[Rule, nw.Expr]:
    """Return the rules that some row may break, as far as the summary shows.

    Args:
        contract: The table's contract.
        columns: The columns to check.
        summaries: Their ``summarize_columns``.
        failed: Columns in which casts failed.

    Returns:
        For each of those rules the expression that flags its violations, as in ``row_rules.flags``.
    """
    return {
        (rule, column.name): row_rules.flag(column, rule)
        for rule, column in row_rules.applicable(contract, columns, failed=failed)
        if _may_break(rule, column, summaries)
    }


def _may_break(rule: str, column: Column, summaries: ColumnSummaries) -> bool:
    if rule == "target_missing":
        return bool(summaries["missing"][column.name])
    # Extreme values inside the bounds prove all others, which saves a pass over the rows.
    if rule in {"finite", "range"}:
        least, most = summaries["least"][column.name], summaries["most"][column.name]
        if least is None:
            return False
        if rule == "finite":
            return not (math.isfinite(least) and math.isfinite(most))
        low, high = column.minimum, column.maximum
        return bool((low is not None and least < low) or (high is not None and most > high))
    return True


def evaluate_masks(table: pl.DataFrame, flags: dict[Rule, nw.Expr]) -> dict[Rule, pl.Series]:
    """Return a mask (n,) of the violations of each rule, without missing values; unbroken rules are absent."""
    if not flags:
        return {}
    expressions = (flag.fill_null(value=False).alias(f"{position}") for position, flag in enumerate(flags.values()))
    masks = nw.from_native(table).select(*expressions).to_native().get_columns()
    return {rule: mask for rule, mask in zip(flags, masks, strict=True) if mask.any()}
