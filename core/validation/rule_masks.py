"""Which rows break which rules of a contract: the one routine behind tables, requests and rows to score.

Whoever calls it decides what a broken rule means: rows are counted and set aside, a request is refused, or a row gets
no prediction.
"""

import functools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from headrace.core.contracts import casting
from headrace.core.contracts.contract import Column, Contract
from headrace.core.validation import row_rules
from headrace.core.validation.possible_violations import ColumnSummaries, find_possible_violations, marks, summary
from headrace.core.validation.row_rules import Rule


@dataclass(frozen=True)
class RuleMasks:
    """Rows (n) against the rules about one row.

    Attributes:
        frame: Typed columns (n rows), in the order in which they were given; what could not be cast is missing.
        masks: Where each rule is broken (n,), without missing values; rules that no row breaks are absent.
        failed: By column, where a value was there that could not be cast (n,); columns without such are absent.
        summary: Number of missing values, least and largest values by column, as ``suspects.summary`` gives them.
    """

    frame: pl.DataFrame
    masks: Mapping[Rule, pl.Series]
    failed: Mapping[str, pl.Series]
    summary: ColumnSummaries

    def missing(self, columns: Sequence[Column]) -> dict[Rule, pl.Series]:
        """Where a value is missing that must not be, as masks (n,); one that could not be cast breaks ``type`` already.

        Args:
            columns: Columns of the frame; those whose share of missing values may be larger than 0 are not looked at,
                nor those of role ``ignore`` and the target, which has a rule of its own.
        """
        found = {}
        for column in columns:
            bound = column.missing == 0 and column.role not in {"target", "ignore"}
            if bound and self.summary["missing"][column.name]:
                mask = self.frame.get_column(column.name).is_null()
                mask = mask & ~self.failed[column.name] if column.name in self.failed else mask
                if mask.any():
                    found["missing", column.name] = mask
        return found


def evaluate_rules(frame: pl.DataFrame, columns: Sequence[Column], contract: Contract) -> RuleMasks:
    """Cast raw rows and evaluate the contract's rules about one row.

    A text that stands for a missing value is looked for where a category is not known only: most tables hold none.

    Args:
        frame: Raw rows (n), of any dtypes, that hold the columns.
        columns: Columns of the contract to cast and to look at, at least one.
        contract: The contract.
    """
    typed = casting.cast_columns(frame, columns, missing_values=contract.missing_values)
    table = typed.frame.with_columns(mask.alias(row_rules.failed_name(name)) for name, mask in typed.failed.items())
    facts = summary(table, columns)
    masks = marks(table, find_possible_violations(contract, columns, facts=facts, failed=typed.failed))
    found = RuleMasks(table.select(typed.frame.columns) if typed.failed else table, masks, typed.failed, facts)
    texts = _missing_texts(found, contract)
    return _without_texts(found, texts, contract) if texts else found


def _missing_texts(found: RuleMasks, contract: Contract) -> dict[str, pl.Series]:
    """Where values that are none of the categories are texts that stand for a missing value, by column."""
    schema = found.frame.schema
    names = [name for rule, name in found.masks if rule == "category" and schema[name] == pl.String]
    if not names:
        return {}
    texts = found.frame.select(pl.col(names).is_in(list(contract.missing_values))).get_columns()
    here = {text.name: found.masks["category", text.name] & text for text in texts}
    return {name: text for name, text in here.items() if text.any()}


def _without_texts(found: RuleMasks, texts: Mapping[str, pl.Series], contract: Contract) -> RuleMasks:
    """The same with these texts missing: they break no rule about categories, but may break one about the target."""
    frame = found.frame.with_columns(found.frame.get_column(name).set(text, None) for name, text in texts.items())
    masks, facts = dict(found.masks), {kind: dict(values) for kind, values in found.summary.items()}
    for name, text in texts.items():
        values = frame.get_column(name)
        masks["category", name] &= ~text
        if contract.column(name).role == "target" and contract.severity("target_missing") != "off":
            masks["target_missing", name] = values.is_null()
        facts["missing"][name] = values.null_count()
        if name in facts["least"]:
            facts["least"][name], facts["most"][name] = values.min(), values.max()
    place = {name: place for place, name in enumerate(frame.columns)}
    ordered = sorted(masks.items(), key=lambda item: place[item[0][1]])
    return RuleMasks(frame, {rule: mask for rule, mask in ordered if mask.any()}, found.failed, facts)


def refused_rows(masks: Mapping[Rule, pl.Series], contract: Contract, *, rows: int) -> pl.Series:
    """Which rows (n,) break a rule for which the contract refuses a row.

    Args:
        masks: Where each rule is broken (n,).
        contract: The contract.
        rows: Number n of rows.
    """
    refusing = [mask for (rule, _), mask in masks.items() if contract.refuses(rule)]
    return functools.reduce(operator.or_, refusing, pl.repeat(False, rows, dtype=pl.Boolean, eager=True))
