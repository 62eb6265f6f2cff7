"""Predictions and data contracts as parts of a notebook."""

from typing import TYPE_CHECKING

from headrace.core.contracts.contract import Column, Contract
from headrace.reports.base import number_format
from headrace.reports.notebook.fragment import MOST_COLUMNS, MOST_ROWS, Fragment, FragmentTable, make_table

if TYPE_CHECKING:
    import polars as pl

_CELL = 40


def describe_frame(caption: str, head: "pl.DataFrame", total: int) -> FragmentTable:
    """Return the first rows of a frame.

    Args:
        caption: What it shows.
        head: The first rows (any number) of the frame.
        total: Rows of the whole frame.
    """
    part = head.head(MOST_ROWS).select(head.columns[:MOST_COLUMNS])
    numbers = [place for place, dtype in enumerate(part.dtypes) if dtype.is_numeric()]
    names = [*part.columns, *head.columns[MOST_COLUMNS:]]
    rows = [
        [number_format.shorten(one, _CELL) if isinstance(one, str) else one for one in row] for row in part.iter_rows()
    ]
    return make_table(caption, names, rows, numbers=numbers, total=total)


def describe_predictions(
    head: "pl.DataFrame", *, name: str, digest: str, rows: int, scored: int, refused: int, warned: int, output: str
) -> Fragment:
    """Describe predictions.

    Args:
        head: Their first rows.
        name: Name of the model.
        digest: Digest of its bundle.
        rows: Number of rows.
        scored: How many of them have a prediction.
        refused: How many break the contract.
        warned: How many break a rule that only warns.
        output: File or folder that holds them; empty if they are in memory only.
    """
    sentences = [f"{number_format.count(scored)} of {number_format.count(rows)} rows have a prediction."]
    if refused:
        sentences.append(f"{number_format.count(refused)} break the contract; the column violations says how.")
    if warned:
        sentences.append(f"{number_format.count(warned)} break a rule that only warns.")
    facts = [("model", f"{name} {digest[:12]}")]
    if output:
        facts.append(("stored in", output))
    shown = head.drop("model_digest", strict=False)
    return Fragment(
        "Predictions",
        f"of {name}",
        style="warn" if refused else "good",
        sentences=tuple(sentences),
        facts=tuple(facts),
        tables=(describe_frame("Predictions", shown, rows),),
    )


def describe_contract(contract: Contract) -> Fragment:
    """Describe a data contract: what a valid table looks like, column by column."""
    positive = f", positive class {contract.positive}" if contract.positive else ""
    facts = [
        ("task", f"{contract.task}{positive}"),
        ("target", contract.label_column.name if contract.label_column else "none"),
        ("inputs", f"{len(contract.inputs)} of {len(contract.columns)} columns"),
    ]
    if contract.keys:
        facts.append(("keys", ", ".join(contract.keys)))
    if contract.time_column:
        facts.append(("split by", contract.time_column))
    if contract.features:
        facts.append(("row features", ", ".join(feature.name for feature in contract.features)))
    in_order = sorted(contract.columns, key=lambda column: column.role != "target")
    rows = [
        (one.name, one.dtype, one.role, _describe_values(one), number_format.percent(one.missing), one.personal or "no")
        for one in in_order
    ]
    head = ("column", "type", "role", "allowed", "missing at most", "personal")
    return Fragment(
        "Contract", contract.name, facts=tuple(facts), tables=(make_table("Columns", head, rows, numbers=(4,)),)
    )


def _describe_values(column: Column) -> str:
    if column.categories is not None:
        listed = number_format.shorten(", ".join(column.categories), 60)
        return listed + (" or unknown" if column.unseen != "refuse" else "")
    low, high = column.minimum, column.maximum
    if low is None and high is None:
        return "any"
    unit = f" {column.unit}" if column.unit else ""
    if high is None:
        return f"from {number_format.number(low)}{unit}"
    if low is None:
        return f"up to {number_format.number(high)}{unit}"
    return f"{number_format.number(low)} to {number_format.number(high)}{unit}"
